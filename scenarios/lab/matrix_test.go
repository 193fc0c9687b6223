package lab_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/engine"
	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/scenarios"
	"github.com/plimsoll-load/plimsoll/scenarios/lab"
	"github.com/plimsoll-load/plimsoll/scenarios/watch"
)

// The matrix holds every check against every fault of the lab and against limiters that are right. The lab's own handlers
// answer the engine's own requests, in virtual time.
//
//	go test ./scenarios/lab -run Matrix -v                    prints it
//	PLIMSOLL_MATRIX=full go test ./scenarios/lab -run Matrix  with 20 seeds for each limiter that is right, and 5 where the whole script is played

// play drives the whole script of a row in virtual time, through a runner that may be made worse.
func play(t *testing.T, r row, seed uint64, worsen func(attack.Runner) attack.Runner) (vs []scenarios.Verdict) {
	t.Helper()
	r.declared.Seed, r.declared.Brief = seed, !r.whole
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC))) // a bubble begins in 2000, too early to tell epochs from delays
		backend := lab.Sized(4*r.declared.Limit.Rate, seed)
		backend.Tips = r.tips
		if r.quick {
			backend = lab.BackendConfig{Servers: 100, Mean: 100 * time.Microsecond, Seed: seed}
		}
		l, err := lab.New(lab.Config{Backend: backend, Gateway: r.throttle})
		if err != nil {
			t.Fatal(err)
		}
		e, err := engine.New(engine.Options{Target: attack.Target{Requests: []attack.Request{{Method: "GET", URL: "http://lab/items"}}},
			Rule: attack.Rule{Throttled: refusals(r.declared)}, Transport: newWire(l, seed)})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		s, err := scenarios.New(r.declared)
		if err != nil {
			t.Fatal(err)
		}
		arrived := watch.Probe{Name: attack.SightBackend, Look: func(context.Context) (bool, float64, error) { return true, float64(l.Backend.Stats().Requests), nil }}
		var runner attack.Runner = watch.Runner{Runner: e, Probes: []watch.Probe{arrived}, Enough: s.Enough}
		if worsen != nil {
			runner = worsen(runner)
		}
		done, err := attack.Drive(t.Context(), s, runner, nil, func(attack.Measurement) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		vs = s.Verdicts(done)
	})
	return vs
}

// refusals are the statuses that a throttle is declared to refuse with, where they are not those that everybody knows.
func refusals(c scenarios.Config) []int {
	if c.Refusal == 0 {
		return nil
	}
	return []int{c.Refusal}
}

// outcomes are the checks of verdicts by id; of several under one id the worst counts.
func outcomes(vs []scenarios.Verdict) map[string]scenarios.Outcome {
	out := map[string]scenarios.Outcome{}
	for _, v := range vs {
		for _, c := range v.Checks {
			out[c.ID] = scenarios.Sum(slices.Concat([]scenarios.Outcome{c.Outcome}, known(out[c.ID]))...)
		}
	}
	return out
}

func known(o scenarios.Outcome) []scenarios.Outcome {
	if o == "" {
		return nil
	}
	return []scenarios.Outcome{o}
}

// each plays rows side by side, one bubble to a core.
func each(t *testing.T, rows []row, seeds uint64, see func(r row, seed uint64, vs []scenarios.Verdict)) {
	var all sync.WaitGroup
	var mu sync.Mutex
	cores := make(chan struct{}, runtime.GOMAXPROCS(0))
	for _, r := range rows {
		for seed := range r.seeds(seeds) {
			cores <- struct{}{}
			all.Go(func() {
				defer func() { <-cores }()
				vs := play(t, r, seed+1, nil)
				mu.Lock()
				defer mu.Unlock()
				see(r, seed+1, vs)
			})
		}
	}
	all.Wait()
}

// columns are the ids of all checks, in order.
func columns() (ids []string) {
	for _, s := range scenarios.Catalogue() {
		for _, c := range s.Checks {
			ids = append(ids, c.ID)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// cells are how the matrix shows an outcome.
var cells = map[scenarios.Outcome]string{scenarios.Pass: "pass", scenarios.Fail: "**fail**", scenarios.Inconclusive: "?", "": "–"}

// line is a row of the matrix as Markdown.
func line(name string, got map[string]scenarios.Outcome) string {
	parts := []string{name}
	for _, id := range columns() {
		parts = append(parts, cells[got[id]])
	}
	return "| " + strings.Join(parts, " | ") + " |"
}

func head() string {
	ids := columns()
	return "| throttle | " + strings.Join(ids, " | ") + " |\n|---|" + strings.Repeat("---|", len(ids))
}

// show prints the rows in their order.
func show(t *testing.T, rows []row, lines map[string]string) {
	out := []string{"", head()}
	for _, r := range rows {
		out = append(out, lines[r.name])
	}
	t.Log(strings.Join(out, "\n"))
}

// full tells whether the whole matrix was asked for.
func full() bool { return os.Getenv("PLIMSOLL_MATRIX") == "full" }

// Unless the whole matrix is asked for, a fault is asked for the check that names it.
func TestMatrixEveryFaultIsCaughtByTheCheckThatNamesIt(t *testing.T) {
	rows, lines := faulty(), map[string]string{}
	if len(rows) < 50 {
		t.Errorf("%d faults, want at least 50", len(rows))
	}
	if testing.Short() {
		rows = rows[:10]
	}
	if !full() {
		for i := range rows {
			rows[i].declared.Only = []string{rows[i].catches}
		}
	}
	each(t, rows, 1, func(r row, _ uint64, vs []scenarios.Verdict) {
		got := outcomes(vs)
		lines[r.name] = line(r.name, got)
		if got[r.catches] != scenarios.Fail {
			t.Errorf("%s: %s is %q, want it to fail\n%s", r.name, r.catches, got[r.catches], tell(vs))
		}
	})
	show(t, rows, lines)
}

// long leaves a test out of a short run, which looks for races: the matrix of the faults has all goroutines that it has.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("many whole scripts: run without -short")
	}
}

func TestMatrixNoCheckFailsOnALimiterThatIsRight(t *testing.T) {
	long(t)
	rows, lines := right(), map[string]string{}
	seeds := uint64(1)
	if full() {
		seeds = 20
	}
	var pass, all int
	each(t, rows, seeds, func(r row, seed uint64, vs []scenarios.Verdict) {
		got := outcomes(vs)
		if seed == 1 {
			lines[r.name] = line(r.name, got)
		}
		for _, id := range slices.Sorted(maps.Keys(got)) {
			if all++; got[id] == scenarios.Pass {
				pass++
			} else {
				t.Errorf("%s, seed %d: %s is %s\n%s", r.name, seed, id, got[id], tell(vs))
			}
		}
	})
	t.Logf("%d of %d checks of %d limiters that are right passed, %d seeds", pass, all, len(rows), seeds)
	show(t, rows, lines)
}

// A service that is slow for as long as people wait for it, and whom all are patient with at the load that it bears while it
// is slow, gets well by itself: it is never called metastable. One that does not is.
func TestMatrixAServiceThatGetsWellIsNotMetastable(t *testing.T) {
	seeds := uint64(2)
	if full() {
		seeds = 20
	}
	for tips, want := range map[float64]scenarios.Outcome{0: scenarios.Pass, 4: scenarios.Pass, 8: scenarios.Fail} {
		r := inFull(bucket)().with(fmt.Sprintf("a service that may be %v times as slow", tips), func(r *row) {
			r.tips, r.declared.Only = tips, []string{"V51"}
		})
		each(t, []row{r}, seeds, func(r row, seed uint64, vs []scenarios.Verdict) {
			if got := outcomes(vs)["V51"]; got != want {
				t.Errorf("%s, seed %d: V51 is %s, want %s\n%s", r.name, seed, got, want, tell(vs))
			}
		})
	}
}

// why is the reason that a check gave.
func why(vs []scenarios.Verdict, id string) (text string) {
	for _, v := range vs {
		for _, c := range v.Checks {
			if c.ID == id {
				text += c.Why
			}
		}
	}
	return text
}

// A limit on how many are in flight is held to its number, its status and its promise to give places back, and its evidence
// may be thin.
func TestMatrixALimitOnHowManyAreInFlight(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*row)
		want   string // outcomes of V54, V55 and V56
		says   string
	}{
		"as declared":      {func(*row) {}, "pass pass pass", ""},
		"twice as many":    {func(r *row) { r.throttle.Fault = "burst-double" }, "fail pass pass", "more than the 20 places"},
		"half as many":     {func(r *row) { r.throttle.Fault = "burst-half" }, "fail fail pass", "only 10 are let in at once"},
		"no limit":         {func(r *row) { r.throttle.Fault = "no-limit" }, "fail pass inconclusive", "nobody was refused"},
		"a rate instead":   {func(r *row) { r.throttle.Algorithm = lab.TokenBucket; r.throttle.Default.Rate = 5 }, "fail fail pass", "places are not given back"},
		"places that leak": {func(r *row) { r.throttle.Fault = "places-leak" }, "fail fail pass", "places are not given back"},
		"503":              {func(r *row) { r.throttle.Refusal = 503 }, "pass pass fail", "503 instead of 429"},
		"answers too fast": {func(r *row) { r.quick = true }, "inconclusive inconclusive pass", "verify with a request that takes longer"},
	} {
		r := places(20)
		row.change(&r)
		vs := play(t, r, 1, nil)
		got := outcomes(vs)
		if all := fmt.Sprintf("%s %s %s", got["V54"], got["V55"], got["V56"]); all != row.want || !strings.Contains(tell(vs), row.says) || len(got) != 3 {
			t.Errorf("%s: V54 to V56 are %s, want %s, %q, and no others\n%s", name, all, row.want, row.says, tell(vs))
		}
	}
}

// The refusals of a spent quota are held against those of the rate.
func TestMatrixASpentQuotaIsToldFromTheRate(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*row)
		want   scenarios.Outcome
		says   string
	}{
		"another body":  {func(*row) {}, scenarios.Pass, "its refusals have another body"},
		"the same body": {func(r *row) { r.throttle.Fault = "quota-unmarked" }, scenarios.Pass, "only Retry-After tells"},
		"the same body and no wait": {func(r *row) {
			r.throttle.Fault, r.throttle.RetryAfter, r.declared.NoRetryAfter = "quota-unmarked", lab.Silent, true
		}, scenarios.Fail, "nothing tells a spent quota"},
		"another status": {func(r *row) { r.throttle.Fault = "quota-forbidden" }, scenarios.Fail, "refused with 403 instead of 429"},
	} {
		r := inFull(house)()
		r.declared.Only = []string{"V24"}
		row.change(&r)
		vs := play(t, r, 1, nil)
		if got := outcomes(vs)["V24"]; got != row.want || !strings.Contains(why(vs, "V24"), row.says) {
			t.Errorf("%s: V24 is %s, want %s and %q\n%s%s", name, got, row.want, row.says, why(vs, "V24"), tell(vs))
		}
	}
}

// Keys of different tiers have different limits: that is no unfairness, and what one's storm costs the other is seen all the
// same.
func TestMatrixKeysOfDifferentTiersAreNeighboursToo(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*row)
		want   scenarios.Outcome
		says   string
	}{
		"as declared":             {func(*row) {}, scenarios.Pass, "the polite one never"},
		"a bucket for all":        {func(r *row) { r.throttle.Fault = "shared-bucket" }, scenarios.Fail, "the limit is not kept for each key"},
		"the other has a quota":   {func(r *row) { r.declared.Keys = r.declared.Keys[:2]; r.declared.Keys[1].Identity.Tier = "guest" }, scenarios.Inconclusive, "name a second key of the tier"},
		"the other one is exempt": {func(r *row) { r.declared.Keys = r.declared.Keys[:2]; r.declared.Keys[1].Exempt = true }, scenarios.Inconclusive, "name a second key of the tier"},
	} {
		r := house()
		r.declared.Keys = r.declared.Keys[4:6] // rich of gold, slim of thin
		r.declared.Identity, r.declared.Limit = r.declared.Keys[0].Identity, limits.Limit{Rate: 100, Burst: 50}
		r.declared.Only = []string{"V16", "V28"}
		row.change(&r)
		vs := play(t, r, 1, nil)
		if got := outcomes(vs)["V16"]; got != row.want || !strings.Contains(why(vs, "V16"), row.says) {
			t.Errorf("%s: V16 is %s, want %s and %q\n%s%s", name, got, row.want, row.says, why(vs, "V16"), tell(vs))
		}
	}
}

// worse is a runner whose measurements lose something before they are judged.
type worse struct {
	attack.Runner
	lose func(*attack.Measurement)
}

func (w worse) Run(ctx context.Context, t attack.Trial, watch func(attack.Tick) attack.Reason) (attack.Measurement, error) {
	m, err := w.Runner.Run(ctx, t, watch)
	w.lose(&m)
	return m, err
}

// Thin evidence is inconclusive and never a pass, on a limiter that is right.
func TestMatrixThinEvidenceNeverPasses(t *testing.T) {
	long(t)
	for name, lose := range map[string]func(*attack.Measurement){
		"nothing is kept":            func(m *attack.Measurement) { *m = attack.Measurement{Trial: m.Trial, Began: m.Began, Took: m.Took} },
		"every trial is interrupted": func(m *attack.Measurement) { m.Aborted = &attack.Abort{Reason: attack.Interrupted} },
		"two answers are kept of each trial": func(m *attack.Measurement) {
			n := min(2, len(m.Log))
			m.LogDropped += int64(len(m.Log) - n)
			m.Log, m.Windows = m.Log[:n], nil
		},
		"nobody is answered": func(m *attack.Measurement) {
			for i := range m.Log {
				m.Log[i].Status, m.Log[i].Outcome, m.Log[i].Error, m.Log[i].Headers = 0, attack.Failed, "connection refused", nil
			}
			for i := range m.Windows {
				w := &m.Windows[i]
				*w = attack.Window{Actor: w.Actor, At: w.At, Len: w.Len, Counts: attack.Counts{Due: w.Due, Failed: w.Due}, Errors: map[string]int64{"connection refused": w.Due}}
			}
		},
		"nobody is let in": func(m *attack.Measurement) {
			for i := range m.Log {
				m.Log[i].Status, m.Log[i].Outcome, m.Log[i].Headers = 429, attack.Throttled, map[string]string{"Retry-After": "1"}
			}
			for i := range m.Windows {
				w := &m.Windows[i]
				*w = attack.Window{Actor: w.Actor, At: w.At, Len: w.Len, Counts: attack.Counts{Due: w.Due, Throttled: w.Due}, Statuses: map[int]int64{429: w.Due}}
			}
		},
	} {
		for _, r := range []row{single(200, 40), tenants(200, 40), windowed(lab.SlidingLog, scenarios.SlidingWindow), banning(200, 40), places(20), inFull(house)()} {
			vs := play(t, r, 1, func(e attack.Runner) attack.Runner { return worse{e, lose} })
			for id, got := range outcomes(vs) {
				if got == scenarios.Pass {
					t.Errorf("%s: %s of %s passes\n%s", name, id, r.name, tell(vs))
				}
			}
		}
	}
}

// tell prints every check that did not pass.
func tell(vs []scenarios.Verdict) string {
	var b strings.Builder
	for _, v := range vs {
		for _, c := range v.Checks {
			if c.Outcome != scenarios.Pass {
				fmt.Fprintf(&b, "  %s %s %s %s: want %s · got %s · %s\n", v.Scenario, c.ID, c.Name, c.Outcome, c.Want, c.Got, c.Why)
			}
		}
	}
	return b.String()
}
