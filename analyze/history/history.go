package history

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
)

// Run is a past run, as far as a history looks at it.
type Run struct {
	Place
	Capacities  []analyze.Capacity
	Checks      map[string]string // outcome of each check of a throttle (pass, fail, inconclusive), by scenario and id
	Environment map[string]string // where it was made, and by which version
}

// Place is where in a history something happened.
type Place struct {
	ID     string    `json:"id"`               // of the run
	Commit string    `json:"commit,omitempty"` // that it measured, "" where nobody said
	Began  time.Time `json:"began"`
}

// Options say what is worth telling.
type Options struct {
	Least float64 // the smallest change, as a share; 0 means Least
	Seed  uint64  // of the random orders
}

// History is what became of one service over its runs.
type History struct {
	Runs    []Place       `json:"runs"`   // in order of time
	Needed  int           `json:"needed"` // runs that a metric must have, to tell of a change
	Least   float64       `json:"least"`  // the smallest change that is told of, as a share
	Metrics []Metric      `json:"metrics"`
	Flips   []Flip        `json:"flips"` // checks of the throttle that did not come out as before
	Notes   []attack.Note `json:"notes,omitempty"`
}

// Metric is one number over the runs that have it, in order of time.
type Metric struct {
	Name    string   `json:"name"`           // capacity, knee, base latency, base p99
	Goal    string   `json:"goal,omitempty"` // that the capacity was searched for
	Unit    string   `json:"unit"`           // "rate": requests per second, more is better; "ms": less is better
	Points  []Point  `json:"points"`
	Spans   []Span   `json:"spans"`   // between changes, one more than there are; none where runs are too few
	Changes []Change `json:"changes"` // in order of time
}

// Point is the number of one run. Lo and Hi are those of its own interval, 0 where it has none.
type Point struct {
	Run   int     `json:"run"` // index into the runs of the history
	Value float64 `json:"value"`
	Lo    float64 `json:"lo,omitempty"`
	Hi    float64 `json:"hi,omitempty"`
}

// Span is a stretch of points without a change, From … To−1, and their geometric mean.
type Span struct {
	From  int              `json:"from"`
	To    int              `json:"to"`
	Level analyze.Estimate `json:"level"`
}

// Change is one between two neighbouring points: what made it lies in the commits behind Before up to After.
type Change struct {
	At     int              `json:"at"` // index of the first point behind it
	Before Place            `json:"before"`
	After  Place            `json:"after"`
	From   analyze.Estimate `json:"from"`  // level of the span before it
	To     analyze.Estimate `json:"to"`    // level of the span behind it
	Ratio  analyze.Estimate `json:"ratio"` // To over From
	P      float64          `json:"p"`     // of as clear a cut if runs came in any order
	Worse  bool             `json:"worse"`
	Notes  []attack.Note    `json:"notes,omitempty"` // what else changed there
}

// Flip is a check of the throttle that passed and then failed, or the other way.
type Flip struct {
	Check  string `json:"check"`
	From   string `json:"from"`
	To     string `json:"to"`
	Before Place  `json:"before"`
	After  Place  `json:"after"`
}

// The names of metrics and their units.
const (
	capacity    = "capacity"
	knee        = "knee"
	baseLatency = "base latency"
	baseP99     = "base p99"
	Rate        = "rate"
	Millis      = "ms"
)

// runsMost is how many runs are looked at, the latest: the work grows with their square.
const runsMost = 500

// Of is the history of the runs of one service, whatever their order. A run without a decided capacity counts, but is no
// point of it.
func Of(runs []Run, o Options) History {
	runs = slices.Clone(runs)
	slices.SortStableFunc(runs, func(a, b Run) int { return cmp.Or(a.Began.Compare(b.Began), cmp.Compare(a.ID, b.ID)) })
	h := History{Needed: Needed(), Least: cmp.Or(o.Least, Least), Runs: []Place{}, Metrics: []Metric{}, Flips: []Flip{}}
	if n := len(runs) - runsMost; n > 0 {
		h.Notes = append(h.Notes, attack.Note{Code: "old-runs", Text: fmt.Sprintf("%s from before %s are left out: the latest %d are looked at", attack.Plural(n, "run"), runs[n].Began.Format(time.DateOnly), runsMost)})
		runs = runs[n:]
	}
	for _, r := range runs {
		h.Runs = append(h.Runs, r.Place)
	}
	for _, m := range metrics(runs) {
		m.divide(runs, h.Least, o.Seed)
		h.Metrics = append(h.Metrics, m)
	}
	h.Flips = append(h.Flips, flips(runs)...)
	return h
}

// Enough tells whether any metric has runs enough to tell of a change.
func (h History) Enough() bool { return h.Most() >= h.Needed }

// Most is the number of points of the metric that has most of them.
func (h History) Most() (n int) {
	for _, m := range h.Metrics {
		n = max(n, len(m.Points))
	}
	return n
}

// metrics are the numbers that the runs have, capacities first, in the order in which they first appear.
func metrics(runs []Run) (out []Metric) {
	at := map[[2]string]int{}
	add := func(name, goal, unit string, p Point) {
		if !(p.Value > 0) || math.IsInf(p.Value, 0) {
			return
		}
		key := [2]string{name, goal}
		i, known := at[key]
		if !known {
			i, at[key] = len(out), len(out)
			out = append(out, Metric{Name: name, Goal: goal, Unit: unit, Changes: []Change{}, Spans: []Span{}})
		}
		out[i].Points = append(out[i].Points, p)
	}
	for i, r := range runs {
		rested := false
		for _, c := range r.Capacities {
			if c.Decided() {
				add(capacity, c.Goal, Rate, pointOf(i, *c.Estimate))
			}
			if c.Decided() && c.Knee != nil {
				add(knee, c.Goal, Rate, pointOf(i, *c.Knee))
			}
			if !rested && c.BaseMS > 0 { // the same for every goal
				rested = true
				add(baseLatency, "", Millis, Point{Run: i, Value: c.BaseMS})
				add(baseP99, "", Millis, Point{Run: i, Value: c.BaseP99MS})
			}
		}
	}
	order := []string{capacity, knee, baseLatency, baseP99}
	slices.SortStableFunc(out, func(a, b Metric) int {
		return cmp.Compare(slices.Index(order, a.Name), slices.Index(order, b.Name))
	})
	return out
}

func pointOf(run int, e analyze.Estimate) Point {
	return Point{Run: run, Value: e.Value, Lo: e.Lo, Hi: e.Hi}
}

// divide finds the changes of a metric, in the logarithm: a step is a share, and so is the noise.
func (m *Metric) divide(runs []Run, least float64, seed uint64) {
	if len(m.Points) < Needed() {
		return
	}
	logs := make([]float64, len(m.Points))
	for i, p := range m.Points {
		logs[i] = math.Log(p.Value)
	}
	name := fnv.New64a()
	fmt.Fprintf(name, "%s\n%s", m.Name, m.Goal) // so that one metric's orders do not depend on which others there are
	all := divide(logs, math.Log1p(least), rand.New(rand.NewPCG(seed, name.Sum64())))
	from := 0
	for _, f := range all {
		m.Spans = append(m.Spans, Span{from, f.at, share(f.before)})
		before, after := runs[m.Points[f.at-1].Run], runs[m.Points[f.at].Run]
		m.Changes = append(m.Changes, Change{At: f.at, Before: before.Place, After: after.Place, From: share(f.before), To: share(f.after),
			Ratio: share(span{f.step, f.error}), P: f.p, Worse: (f.step < 0) == (m.Unit == Rate), Notes: elsewhere(before.Environment, after.Environment)})
		from = f.at
	}
	m.Spans = append(m.Spans, Span{from, len(logs), share(alone(logs[from:]))})
}

// share is a span of logarithms as a number.
func share(s span) analyze.Estimate {
	return analyze.Estimate{Value: math.Exp(s.mean), Lo: math.Exp(s.mean - s.error), Hi: math.Exp(s.mean + s.error), Confidence: Confidence}
}

// elsewhere says what of the machine changed between two runs, so that nobody seeks in the code what the machine did.
func elsewhere(was, is map[string]string) []attack.Note {
	var diff []string
	for _, key := range slices.Sorted(maps.Keys(was)) {
		if is[key] != "" && is[key] != was[key] && key != "head" {
			diff = append(diff, fmt.Sprintf("%s %s, not %s", key, is[key], was[key]))
		}
	}
	if diff == nil {
		return nil
	}
	return []attack.Note{{Code: "other-machine", Text: "between these runs the machine changed too: " + strings.Join(diff, "; ")}}
}

// flips are the checks that passed in one run and failed in the next that could tell, or the other way.
func flips(runs []Run) (out []Flip) {
	type last struct {
		outcome string
		Place
	}
	seen := map[string]last{}
	for _, r := range runs {
		for _, name := range slices.Sorted(maps.Keys(r.Checks)) {
			now := r.Checks[name]
			if now != "pass" && now != "fail" {
				continue
			}
			if was, known := seen[name]; known && was.outcome != now {
				out = append(out, Flip{name, was.outcome, now, was.Place, r.Place})
			}
			seen[name] = last{now, r.Place}
		}
	}
	return out
}
