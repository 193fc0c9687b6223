package analyze_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/sim"
	"github.com/plimsoll-load/plimsoll/attack/sim/population"
)

// finding is what one search said of one service, and what it cost.
type finding struct {
	s population.Service
	bracket
	harm
	some  bool    // there is an estimate
	first harm    // up to the bracket: without knee and bookend
	over  float64 // seconds of overload by its own estimate
	grew  bool    // servers were added while it was searched

	ours analyze.Capacity // of a rival: empty
	plan analyze.Plan
	done []attack.Measurement
}

// off is the relative error of the estimate, of the nearer truth where a service came to have two. Where servers were added
// while it was searched, and the search said that it moves, it is that of the nearest number of servers that the service passes
// through: what was measured was true for a while. A search that does not say so is held to the first and the last.
func (f finding) off() float64 {
	off := math.Abs(f.value/f.truth() - 1)
	if f.s.Truth.Later > 0 {
		off = min(off, math.Abs(f.value/f.s.Truth.Later-1))
	}
	if f.grew && f.flagged() {
		for _, step := range f.s.Steps() {
			off = min(off, math.Abs(f.value/step-1))
		}
	}
	return off
}

// truth is what the estimate is of: a search that is told by its target that there is a limiter measures that.
func (f finding) truth() float64 {
	if f.ours.Limiter != nil && f.s.Truth.Limit > 0 {
		return f.s.Truth.Limit
	}
	return f.s.Truth.Break
}

func (f finding) covers() bool {
	in := func(truth float64) bool { return f.lo <= truth && truth <= f.hi }
	return f.some && (in(f.truth()) || f.s.Truth.Later > 0 && in(f.s.Truth.Later))
}

func (f finding) width() float64 { return f.hi/f.lo - 1 }

// causes tells whether the reason for the end is the true one.
func (f finding) caused() bool {
	if f.s.Kind.Limits() {
		return f.ours.Cause == analyze.CauseLimiter
	}
	return f.ours.Cause == analyze.CauseTarget
}

// flagged tells whether the service was said to move.
func (f finding) flagged() bool { return f.ours.Stationary != nil && !*f.ours.Stationary }

// planned is what --plan told of a service that breaks there: it knows nothing of it, and takes 20 ms for its answers.
func (f finding) planned() analyze.Forecast {
	return f.plan.Forecast(f.s.Truth.Break, 20*time.Millisecond)
}

// within is the share of ratios that are between 1/times and times.
func (s sample) within(times float64) float64 {
	n := 0
	for _, v := range s {
		if v <= times && v >= 1/times {
			n++
		}
	}
	return float64(n) / float64(max(len(s), 1))
}

// contender is a search, ours or a rival's.
type contender struct {
	name string
	find func(population.Service) finding
	plan analyze.Plan // of a rival: empty
}

// ours is our search under a plan.
func ours(name string, p analyze.Plan) contender {
	return contender{name, func(s population.Service) finding { return seek(p, s, s.Runner(1)) }, p}
}

// seek carries out our search on a service.
func seek(p analyze.Plan, s population.Service, r *sim.Runner) finding {
	p.Seed = uint64(s.N)
	f := finding{s: s, plan: p}
	var late bool
	done, err := attack.Drive(context.Background(), p, r, nil, func(m attack.Measurement) error {
		got := read(m)
		f.harm.add(got, s.Truth.Break)
		f.harm.seconds = r.Clock().Seconds()
		if m.Trial.Phase != analyze.Settle {
			late = m.Trial.Phase == analyze.Knee || m.Trial.Phase == analyze.Bookend
		}
		if !late {
			f.first.add(got, s.Truth.Break)
			f.first.seconds += (m.Took + m.Trial.Idle).Seconds()
		}
		return nil
	})
	if err != nil {
		panic(fmt.Sprintf("%v: %v", s, err))
	}
	f.done, f.ours = nil, p.Capacity(done)
	f.over, f.grew = overloaded(done, f.ours), r.Servers() > s.Target().Servers
	e := f.ours.Estimate
	if e == nil {
		e = f.ours.Limiter
	}
	if e != nil {
		f.some, f.bracket = true, bracket{e.Value, e.Lo, e.Hi}
	}
	return f
}

// overloaded is how many seconds of the trials were above the estimate.
func overloaded(done []attack.Measurement, c analyze.Capacity) (sum float64) {
	for _, m := range done {
		switch {
		case c.Estimate == nil || m.Trial.Load() <= c.Estimate.Value:
		case m.Aborted != nil:
			sum += m.Aborted.At.Seconds()
		default:
			sum += m.Trial.Len().Seconds()
		}
	}
	return sum
}

// against is a rival as a contender.
func against(r rival) contender {
	return contender{name: r.name, find: func(s population.Service) finding {
		b := newBout(s, 1)
		got := r.find(b)
		return finding{s: s, bracket: got, harm: b.harm, first: b.harm, some: got.value > 0 && !math.IsInf(got.value, 0)}
	}}
}

// contest has a contender search all services, two at a time; what comes of it does not depend on which is first.
func contest(c contender, all []population.Service) []finding {
	out := make([]finding, len(all))
	var jobs sync.WaitGroup
	next := make(chan int)
	for range 2 {
		jobs.Go(func() {
			for i := range next {
				out[i] = c.find(all[i])
			}
		})
	}
	for i := range all {
		next <- i
	}
	close(next)
	jobs.Wait()
	return out
}

// of is a number of each finding that has an estimate.
func of(all []finding, number func(finding) float64) sample {
	var s sample
	for _, f := range all {
		if f.some {
			s = append(s, number(f))
		}
	}
	return s
}

// share is how many of all findings are as asked, in per cent.
func share(all []finding, is func(finding) bool) float64 {
	n := 0
	for _, f := range all {
		if is(f) {
			n++
		}
	}
	return 100 * float64(n) / float64(max(len(all), 1))
}

// only are the findings on such services.
func only(all []finding, is func(population.Service) bool) []finding {
	return slices.DeleteFunc(slices.Clone(all), func(f finding) bool { return !is(f.s) })
}

func wrong(f finding) bool { return !f.some || f.off() > .15 }

// row is one line of the table: a name and how a contender fares in it.
type tableRow struct {
	name string
	of   func([]finding) string
}

func pair(s sample, times float64, digits int) string {
	return fmt.Sprintf("%.*f / %.*f", digits, times*s.at(.5), digits, times*s.at(.9))
}

// table is what is asked of a search: what it says, how sure it is, and what it costs.
var table = []tableRow{
	{"estimate, median / p90 error %", func(all []finding) string { return pair(of(all, finding.off), 100, 1) }},
	{"bias, median %", func(all []finding) string {
		return fmt.Sprintf("%+.1f", 100*of(all, func(f finding) float64 { return f.value/f.truth() - 1 }).at(.5))
	}},
	{"wrong by more than 15 %", func(all []finding) string { return fmt.Sprintf("%.1f %%", share(all, wrong)) }},
	{"interval covers the truth", func(all []finding) string { return fmt.Sprintf("%.0f %%", share(all, finding.covers)) }},
	{"its width, median %, all / > 200/s / > 2,000/s", func(all []finding) string {
		var out []string
		for _, least := range []float64{0, 200, 2000} {
			out = append(out, fmt.Sprintf("%.1f", 100*of(only(all, func(s population.Service) bool { return s.Truth.Break > least }), finding.width).at(.5)))
		}
		return strings.Join(out, " / ")
	}},
	{"test seconds to the bracket, median / p90", func(all []finding) string {
		return pair(of(all, func(f finding) float64 { return f.first.seconds }), 1, 0)
	}},
	{"all test seconds, median / p90", func(all []finding) string { return pair(of(all, func(f finding) float64 { return f.seconds }), 1, 0) }},
	{"requests to the bracket / in all, s of capacity", func(all []finding) string {
		return fmt.Sprintf("%.0f / %.0f", of(all, func(f finding) float64 { return f.first.requests }).at(.5), of(all, func(f finding) float64 { return f.requests }).at(.5))
	}},
	{"s above capacity / excess, s of capacity", func(all []finding) string {
		return fmt.Sprintf("%.1f / %.1f", of(all, func(f finding) float64 { return f.above }).at(.5), of(all, func(f finding) float64 { return f.excess }).at(.5))
	}},
	{"worst latency caused, median / p90 s", func(all []finding) string { return pair(of(all, func(f finding) float64 { return f.worst }), 1, 2) }},
}

// oursTable is what only our search says.
var oursTable = []tableRow{
	{"knee, median / p90 error %", func(all []finding) string { return pair(kneeErrors(all), 100, 1) }},
	{"its interval covers; services with a knee", func(all []finding) string {
		some := withKnee(all)
		return fmt.Sprintf("%.0f %% ; %.0f %%", share(some, func(f finding) bool { return holds(f.ours.Knee, f.knee()) }),
			100*float64(len(some))/float64(len(only(all, func(s population.Service) bool { return s.Truth.Knee > 0 }))))
	}},
	{"critical load, median / p90 error %", func(all []finding) string {
		var s sample
		for _, f := range all {
			if f.ours.Critical != nil && f.s.Truth.Critical > 0 {
				s = append(s, math.Abs(f.ours.Critical.Value/f.s.Truth.Critical-1))
			}
		}
		return pair(s, 100, 1)
	}},
	{"flagged as moving, of those that do / do not", func(all []finding) string {
		return fmt.Sprintf("%.0f %% / %.1f %%", share(only(all, moves), finding.flagged), share(only(all, stays), finding.flagged))
	}},
	{"the same of those that scale: servers were added meanwhile / not yet", func(all []finding) string {
		scale := only(all, func(s population.Service) bool { return s.Kind == population.Autoscales })
		grew := slices.DeleteFunc(slices.Clone(scale), func(f finding) bool { return !f.grew })
		not := slices.DeleteFunc(scale, func(f finding) bool { return f.grew })
		return fmt.Sprintf("%.0f %% of %d / %.0f %% of %d", share(grew, finding.flagged), len(grew), share(not, finding.flagged), len(not))
	}},
	{"wrong cause", func(all []finding) string {
		return fmt.Sprintf("%.1f %%", 100-share(all, finding.caused))
	}},
	{"longer overloaded than declared; by at most", func(all []finding) string {
		most := analyze.DefaultMaxOverload
		return fmt.Sprintf("%.1f %% ; %.0f s", share(all, func(f finding) bool { return f.ours.OverloadSeconds > most }),
			max(0, of(all, func(f finding) float64 { return f.ours.OverloadSeconds }).at(1)-most))
	}},
	{"seconds / requests within × 1.5 of what --plan says, no limiter", func(all []finding) string {
		var long, sent sample
		for _, f := range only(all, func(s population.Service) bool { return !s.Kind.Limits() }) {
			p := f.planned()
			long, sent = append(long, f.seconds/p.Seconds), append(sent, float64(f.ours.Requests)/float64(p.Requests))
		}
		return fmt.Sprintf("%.0f %% / %.0f %% (at most × %.1f / %.1f)", 100*long.within(1.5), 100*sent.within(1.5), long.at(1), sent.at(1))
	}},
	{"interval covers, of those that stay", func(all []finding) string { return fmt.Sprintf("%.0f %%", share(only(all, stays), finding.covers)) }},
}

func moves(s population.Service) bool { return s.Kind.Moves() }
func stays(s population.Service) bool { return !s.Kind.Moves() }

// knee is the true one: the later where servers were added and the estimate is nearer to that.
func (f finding) knee() float64 {
	t := f.s.Truth
	if t.LaterKnee > 0 && math.Abs(math.Log(f.ours.Knee.Value/t.LaterKnee)) < math.Abs(math.Log(f.ours.Knee.Value/t.Knee)) {
		return t.LaterKnee
	}
	return t.Knee
}

func withKnee(all []finding) (some []finding) {
	for _, f := range all {
		if f.ours.Knee != nil && f.s.Truth.Knee > 0 {
			some = append(some, f)
		}
	}
	return some
}

func kneeErrors(all []finding) (s sample) {
	for _, f := range withKnee(all) {
		s = append(s, math.Abs(f.ours.Knee.Value/f.knee()-1))
	}
	return s
}

// show prints the rows for several contenders side by side.
func show(t *testing.T, title string, rows []tableRow, names []string, all map[string][]finding) {
	t.Helper()
	var out strings.Builder
	fmt.Fprintf(&out, "\n%s\n| |", title)
	for _, n := range names {
		out.WriteString(" " + n + " |")
	}
	out.WriteString("\n|" + strings.Repeat(" --- |", len(names)+1) + "\n")
	for _, row := range rows {
		out.WriteString("| " + row.name + " |")
		for _, n := range names {
			out.WriteString(" " + row.of(all[n]) + " |")
		}
		out.WriteString("\n")
	}
	t.Log(out.String())
}

// showKinds prints how one contender fares with each kind.
func showKinds(t *testing.T, name string, all []finding) {
	t.Helper()
	var out strings.Builder
	fmt.Fprintf(&out, "\n%s, by kind\n| kind | n | error median / p90 %% | covers %% | width %% | seconds median / p90 | knee error median / p90 %% | flagged %% | wrong cause %% |\n|%s\n", name, strings.Repeat(" --- |", 9))
	for _, k := range slices.Concat(population.Plain, population.Further) {
		of := only(all, func(s population.Service) bool { return s.Kind == k })
		if len(of) == 0 {
			continue
		}
		fmt.Fprintf(&out, "| %s | %d | %s | %.0f | %.1f | %s | %s | %.0f | %.0f |\n", k, len(of), pair(errorsOf(of), 100, 1), share(of, finding.covers),
			100*widths(of).at(.5), pair(times(of), 1, 0), pair(kneeErrors(of), 100, 1), share(of, finding.flagged), 100-share(of, finding.caused))
	}
	t.Log(out.String())
}

// showWorst names the services of which something wrong was said.
func showWorst(t *testing.T, name string, all []finding) {
	t.Helper()
	var out strings.Builder
	fmt.Fprintf(&out, "\n%s, more than 15 %% off or for a wrong cause\n", name)
	for _, f := range all {
		if c := f.ours; wrong(f) || !f.caused() {
			fmt.Fprintf(&out, "  %v: %.1f (%.1f to %.1f), %+.1f %%, %.0f s, cause %s, mode %s: %s\n", f.s, f.value, f.lo, f.hi, 100*(f.value/f.truth()-1), f.seconds, c.Cause, c.Mode, c.Why)
		}
	}
	t.Log(out.String())
}

func errorsOf(all []finding) sample { return of(all, finding.off) }
func widths(all []finding) sample   { return of(all, finding.width) }
func times(all []finding) sample    { return of(all, func(f finding) float64 { return f.seconds }) }

// known are the services of a set whose truth is known.
func known(set population.Set) []population.Service {
	return slices.DeleteFunc(set.Draw(), func(s population.Service) bool { return s.Truth.Break == 0 })
}

// PLIMSOLL_RIVALS=full prints the whole table: our search and five rivals on 300 services of the judging set.
// PLIMSOLL_RIVALS=patient has two rivals more, and all 420 services; =ours leaves the rivals out, and =tuning prints our
// search on the tuning set. =unseen has our searches alone on the set that nothing was chosen by, and names no service of it.
// =study has the rivals alone, on the kinds of the study that chose the search, and fails where one's row is not as it was.
//
// PLIMSOLL_RIVALS_DIR=dir keeps what was found there, and PLIMSOLL_RIVALS_FOR=2m ends a run after so long: run it again
// until the table is of all services.
func TestRivals(t *testing.T) {
	mode := os.Getenv("PLIMSOLL_RIVALS")
	if mode == "" {
		t.Skip("PLIMSOLL_RIVALS=full holds our search and its rivals against 300 services")
	}
	keep := shelf{dir: os.Getenv("PLIMSOLL_RIVALS_DIR"), set: population.Judging}
	switch mode {
	case "tuning":
		keep.set = population.Tuning
	case "unseen":
		keep.set = population.Unseen
	}
	if long, err := time.ParseDuration(os.Getenv("PLIMSOLL_RIVALS_FOR")); err == nil {
		keep.until = time.Now().Add(long)
	}
	services, field := known(keep.set), own
	switch mode {
	case "full":
		services, field = lightFirst(mixed(services)[:300]), append(own[:1:1], others(rivals)...)
	case "patient":
		services, field = lightFirst(mixed(services)), append(own[:1:1], others(append(rivals, patient...))...)
	case "study":
		services = lightFirst(such(services, func(s population.Service) bool { return slices.Contains(population.Plain, s.Kind) }))
		field = others(append(rivals, patient...))
	}
	some, all := keep.contest(t, field, services)
	t.Logf("%d of %d services", some, len(services))
	unlike := tables(t, field, all, keep.set != population.Unseen)
	if some < len(services) {
		t.Skip("the time is up: what was found is kept, run it again for the rest")
	}
	if mode == "study" && len(unlike) > 0 {
		t.Errorf("more than 2 points and 3 standard errors from the study: %s", strings.Join(unlike, "; "))
	}
}

// mixed is every fifth service one of the further kinds, so that a part of them stands for the whole.
func mixed(all []population.Service) (out []population.Service) {
	further := such(all, func(s population.Service) bool { return slices.Contains(population.Further, s.Kind) })
	for _, s := range all {
		if slices.Contains(population.Further, s.Kind) {
			continue
		}
		if out = append(out, s); len(out)%5 == 4 && len(further) > 0 {
			out, further = append(out, further[0]), further[1:]
		}
	}
	return append(out, further...)
}

// lightFirst has those above 4,000/s, a fifth of them that takes two thirds of the time, come last.
func lightFirst(all []population.Service) []population.Service {
	heavy := func(s population.Service) bool { return s.Truth.Break > 4000 }
	light := func(s population.Service) bool { return !heavy(s) }
	return append(such(all, light), such(all, heavy)...)
}

func such(all []population.Service, is func(population.Service) bool) []population.Service {
	return slices.DeleteFunc(slices.Clone(all), func(s population.Service) bool { return !is(s) })
}

func others(all []rival) (out []contender) {
	for _, r := range all {
		out = append(out, against(r))
	}
	return out
}

// own are our searches.
var own = []contender{
	ours("ours, --budget 3m", analyze.Plan{}),
	ours("ours, --budget 15m", analyze.Plan{Budget: 15 * time.Minute}),
	ours("ours, --quick", analyze.Plan{Profile: analyze.Quick}),
}

// tables prints what was found, of the kinds that the search was designed on and of those that it was not, the
// worst services by name if asked for; and returns what of the rivals is unlike the study.
func tables(t *testing.T, field []contender, all map[string][]finding, named bool) (unlike []string) {
	t.Helper()
	var names, mine []string
	for _, c := range field {
		if names = append(names, c.name); strings.HasPrefix(c.name, "ours") {
			mine = append(mine, c.name)
		}
	}
	for i, part := range []struct {
		title string
		kinds []population.Kind
	}{{"the twelve kinds of the research", population.Plain}, {"six further kinds", population.Further}} {
		some := map[string][]finding{}
		for _, n := range names {
			some[n] = only(all[n], func(s population.Service) bool { return slices.Contains(part.kinds, s.Kind) })
		}
		show(t, part.title, table, names, some)
		show(t, part.title, oursTable, mine, some)
		if i == 0 {
			unlike = besideStudy(t, slices.Concat(rivals, patient), some)
		}
	}
	for _, n := range mine[:min(2, len(mine))] {
		showKinds(t, n, all[n])
		if named {
			showWorst(t, n, all[n])
		}
	}
	return unlike
}

// A few small services, at each change: what is said of all of them by TestRivals must hold of these roughly.
func TestTheSearchBeatsItsRivals(t *testing.T) {
	many(t)
	t.Parallel()
	services := slices.DeleteFunc(known(population.Judging), func(s population.Service) bool { return s.N >= 60 || s.Truth.Break < 150 || s.Truth.Break > 1500 })
	mine := contest(ours("ours", analyze.Plan{}), services)
	errors := errorsOf(mine)
	t.Logf("ours on %d services: error %s %%, wrong %.0f %%, covers %.0f %%, %s s", len(services), pair(errors, 100, 1), share(mine, wrong), share(mine, finding.covers), pair(times(mine), 1, 0))
	if len(services) < 15 || len(errors) < len(services) || errors.at(.5) > .04 || errors.at(.9) > .12 {
		t.Errorf("%d estimates of %d services, error median %.3f and p90 %.3f, want all, 0.04 and 0.12 at most", len(errors), len(services), errors.at(.5), errors.at(.9))
	}
	if covers := share(mine, finding.covers); covers < 80 {
		t.Errorf("%.0f %% of the intervals hold the truth, want 80 %%", covers)
	}
	for _, r := range []rival{rivals[0], rivals[1], rivals[2]} {
		theirs := contest(against(r), services)
		other := errorsOf(theirs)
		t.Logf("%s: error %s %%, wrong %.0f %%, %s s", r.name, pair(other, 100, 1), share(theirs, wrong), pair(times(theirs), 1, 0))
		if other.at(.9) <= errors.at(.9) || share(theirs, wrong) < share(mine, wrong) {
			t.Errorf("%s: p90 error %.3f and %.0f %% wrong, ours %.3f and %.0f %%: want ours better", r.name, other.at(.9), share(theirs, wrong), errors.at(.9), share(mine, wrong))
		}
	}
}
