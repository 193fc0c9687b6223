package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/analyze/gate"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// SidesMax is how many runs a Comparison tells apart, by as many colours.
const SidesMax = 6

// Side is one of the runs that are compared, and what it is called there.
type Side struct {
	Name string
	Report
}

// Comparison is two or more runs side by side. The first is what the others are held against.
type Comparison struct {
	Sides   []Side
	Ratios  []Ratio
	Changed []ChangedCheck
	Alike   int // checks that came out alike wherever they were asked, and were asked in at least two runs
	Alone   int // checks that only one run asked
	Notes   []attack.Note
}

// Ratio is what a run bears over what the first run bears.
type Ratio struct {
	What string            `json:"what"` // the number that is compared, with its goal
	Side string            `json:"run"`
	Was  float64           `json:"was"`          // per second
	Now  float64           `json:"now,omitzero"` // 0 when it is not known
	By   *analyze.Estimate `json:"ratio"`        // nil when one of them lacks the number or its interval
	Why  string            `json:"why"`          // why there is no ratio, or what its interval rests on
}

// ChangedCheck is a check of the throttle that did not come out alike.
type ChangedCheck struct {
	Scenario string              `json:"scenario"`
	ID       string              `json:"id"`
	Name     string              `json:"name"`
	Outcomes []scenarios.Outcome `json:"outcomes"` // by side, "" where it was not asked
	Got      []string            `json:"got"`      // by side
}

// Compare holds runs against the first of them. Ratios of capacities are those of a gate: they rest on the intervals that the
// runs state of themselves (gate.RatioOf).
func Compare(sides []Side, notes ...attack.Note) Comparison {
	c := Comparison{Sides: sides, Notes: notes}
	base := sides[0]
	for _, s := range sides[1:] {
		for _, b := range base.Capacities {
			if b.Decided() {
				c.Ratios = append(c.Ratios, ratioOf("capacity for "+b.Goal, s.Name, b.Estimate, s.estimateFor(b.Goal)))
			}
		}
		if b := base.Capacity(); b != nil && b.Knee != nil && s.Capacity() != nil && s.Capacity().Knee != nil {
			c.Ratios = append(c.Ratios, ratioOf(kneeRatio, s.Name, b.Knee, s.Capacity().Knee))
		}
	}
	c.compareChecks()
	return c
}

// estimateFor is the capacity that was found for a goal, nil when none was decided.
func (r Report) estimateFor(goal string) *analyze.Estimate {
	for _, c := range r.Capacities {
		if c.Goal == goal && c.Decided() {
			return c.Estimate
		}
	}
	return nil
}

func ratioOf(what, side string, was, now *analyze.Estimate) Ratio {
	out := Ratio{What: what, Side: side, Was: was.Value}
	if now == nil {
		out.Why = "no decided capacity for that goal"
		return out
	}
	out.Now = now.Value
	if !(was.Hi > was.Lo) || !(now.Hi > now.Lo) {
		out.Why = "one of the two has no interval"
		return out
	}
	r := gate.RatioOf([]gate.Sample{gate.SampleOf(*was)}, []gate.Sample{gate.SampleOf(*now)}, false, 1)
	out.By, out.Why = &r.Estimate, r.How
	return out
}

// Told tells whether the interval of a ratio leaves no doubt that there is a difference: −1 less, 1 more, 0 when it does not.
func (r Ratio) Told() int {
	switch {
	case r.By == nil:
		return 0
	case r.By.Hi < 1:
		return -1
	case r.By.Lo > 1:
		return 1
	}
	return 0
}

// Words say what a ratio means.
func (r Ratio) Words() string {
	if r.By == nil {
		return r.Why
	}
	if r.Told() == 0 {
		return "no difference can be told"
	}
	return moreOrLess(r.By.Value)
}

// Interval is a ratio with its interval: 0.92 (0.88 – 0.97).
func (r Ratio) Interval() string {
	if r.By == nil {
		return "–"
	}
	return fmt.Sprintf("%.2f (%.2f – %.2f)", r.By.Value, r.By.Lo, r.By.Hi)
}

// compareChecks sorts every check of every run into changed, alike and asked only once, in the order of the runs.
func (c *Comparison) compareChecks() {
	var all []ChangedCheck
	for i, s := range c.Sides {
		for _, storm := range s.Storms {
			for _, k := range storm.Checks {
				at := slices.IndexFunc(all, func(o ChangedCheck) bool { return o.Scenario == storm.Scenario && o.ID == k.ID })
				if at < 0 {
					at = len(all)
					all = append(all, ChangedCheck{Scenario: storm.Scenario, ID: k.ID, Name: k.Name, Outcomes: make([]scenarios.Outcome, len(c.Sides)), Got: make([]string, len(c.Sides))})
				}
				all[at].Outcomes[i], all[at].Got[i] = k.Outcome, k.Got
			}
		}
	}
	for _, k := range all {
		switch asked, same := k.asked(); {
		case asked < 2:
			c.Alone++
		case same:
			c.Alike++
		default:
			c.Changed = append(c.Changed, k)
		}
	}
}

// asked is how many runs asked a check, and whether it came out alike in all of them.
func (k ChangedCheck) asked() (n int, same bool) {
	var first scenarios.Outcome
	same = true
	for _, o := range k.Outcomes {
		if o == "" {
			continue
		}
		if n == 0 {
			first = o
		}
		n, same = n+1, same && o == first
	}
	return n, same
}

// kneeRatio is what the ratio of two knees is called.
const kneeRatio = "latency knee"

// main is the ratio that the headline tells: of the last run's capacities the lowest, one that is told to be less before all.
func (c Comparison) main() *Ratio {
	var out *Ratio
	for i, r := range c.Ratios {
		if r.Side != c.last().Name || r.By == nil || r.What == kneeRatio {
			continue
		}
		less := r.Told() < 0
		if out == nil || less && out.Told() >= 0 || less == (out.Told() < 0) && r.By.Value < out.By.Value {
			out = &c.Ratios[i]
		}
	}
	return out
}

// others are those ratios of the last run that leave no doubt of a difference and say other than its main one, in words: a
// headline that passed over them would contradict the rows below it.
func (c Comparison) others() (out []string) {
	m := c.main()
	for _, r := range c.Ratios {
		if r.Side == c.last().Name && r.Told() != 0 && (m == nil || r.Told() != m.Told()) {
			out = append(out, fmt.Sprintf("its %s is %s", r.What, r.Words()))
		}
	}
	return out
}

func (c Comparison) last() Side { return c.Sides[len(c.Sides)-1] }

// Headline is the sentence that matters: the last run held against the first.
func (c Comparison) Headline() string {
	a, b, m := c.Sides[0].Name, c.last().Name, c.main()
	changed, others := "", strings.Join(c.others(), "; ")
	if n := len(c.Changed); n > 0 {
		changed = fmt.Sprintf("%s changed", plural(n, "check"))
	}
	switch {
	case m != nil && m.Told() != 0:
		return joined("; ", fmt.Sprintf("%s bears %s than %s", b, m.Words(), a), others, changed)
	case m != nil && others != "":
		return joined("; ", fmt.Sprintf("No difference of %s to %s can be told in the %s", b, a, m.What), others, changed)
	case m != nil:
		return joined("; ", fmt.Sprintf("%s and %s bear about the same: no difference can be told", a, b), changed)
	case others != "":
		return joined("; ", fmt.Sprintf("%s cannot be held against the capacity of %s", b, a), others, changed)
	case changed != "":
		return fmt.Sprintf("%s between %s and %s", changed, a, b)
	case c.Alike > 0:
		return fmt.Sprintf("All %s came out alike in %s and %s", plural(c.Alike, "check"), a, b)
	}
	return fmt.Sprintf("%s and %s have no decided capacity for the same goal and no check in common", a, b)
}

// joined puts a mark between those parts that are there.
func joined(mark string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), mark)
}

// Tiles are the capacities of the first and the last run, their ratio, and the checks that changed.
func (c Comparison) Tiles() [4]Tile {
	t := [4]Tile{c.capacityTile(c.Sides[0]), c.capacityTile(c.last()), {Label: "ratio", Value: "–", Detail: "no capacity for the same goal"}, {Label: "checks changed", Value: "–", Detail: "no check in common"}}
	for _, r := range c.Ratios {
		if r.Side == c.last().Name && r.What != kneeRatio && r.By == nil {
			t[2].Detail = r.Side + ": " + r.Why
		}
	}
	if m := c.main(); m != nil {
		t[2] = Tile{Label: "ratio", Value: fmt.Sprintf("%.2f", m.By.Value), Unit: "×", Detail: fmt.Sprintf("%s interval %.2f – %.2f", Percent(m.By.Confidence), m.By.Lo, m.By.Hi), Tone: map[int]Tone{-1: Bad, 1: Good}[m.Told()]}
	}
	if n := len(c.Changed) + c.Alike; n > 0 {
		t[3] = Tile{Label: "checks changed", Value: fmt.Sprint(len(c.Changed)), Detail: fmt.Sprintf("of %d asked in both", n), Tone: Good}
		if len(c.Sides) > 2 {
			t[3].Detail = fmt.Sprintf("of %d asked more than once", n)
		}
		if len(c.Changed) > 0 {
			t[3].Tone = c.tone()
		}
	}
	return t
}

// tone of changed checks is bad when one fails that did not in the first run that asked it.
func (c Comparison) tone() Tone {
	for _, k := range c.Changed {
		asked := slices.DeleteFunc(slices.Clone(k.Outcomes), func(o scenarios.Outcome) bool { return o == "" })
		if asked[len(asked)-1] == scenarios.Fail && asked[0] != scenarios.Fail {
			return Bad
		}
	}
	return Dubious
}

func (c Comparison) capacityTile(s Side) Tile {
	label := "capacity, " + s.Name
	k := s.Capacity()
	switch {
	case k == nil:
		return Tile{Label: label, Value: "–", Detail: "no search was made"}
	case !k.Decided():
		return Tile{Label: label, Value: "–", Detail: missing(*k)}
	}
	return estimateTile(label, k.Estimate, "")
}

// rows are the runs side by side: what each is, and what each found. Rows that no run has are left out.
func (c Comparison) rows() (out [][]string) {
	add := func(name string, of func(Side) string) {
		row := []string{name}
		for _, s := range c.Sides {
			row = append(row, orDash(of(s)))
		}
		if slices.ContainsFunc(row[1:], func(v string) bool { return v != "–" }) {
			out = append(out, row)
		}
	}
	found := func(of func(*analyze.Capacity) *analyze.Estimate) func(Side) string {
		return func(s Side) string {
			k := s.Capacity()
			if k == nil || of(k) == nil {
				return ""
			}
			text := strings.TrimSpace(Number(of(k).Value) + "/s " + bracketed(interval(of(k))))
			if !k.Decided() { // no tile shows it, and no ratio rests on it
				text += ", not decided: " + missing(*k)
			}
			return text
		}
	}
	add("target", func(s Side) string { return s.Run.Target })
	add("command", func(s Side) string { return s.Run.Command })
	add("began", func(s Side) string {
		if s.Run.Began.IsZero() {
			return ""
		}
		return s.Run.Began.UTC().Format("2 January 2006, 15:04 UTC")
	})
	add("commit", func(s Side) string { return short(s.Run.Commit) })
	add("goal", func(s Side) string { return s.Run.Goal })
	add("capacity", found(func(k *analyze.Capacity) *analyze.Estimate { return k.Estimate }))
	add("knee", found(func(k *analyze.Capacity) *analyze.Estimate { return k.Knee }))
	add("breaking load", found(func(k *analyze.Capacity) *analyze.Estimate { return k.Breaking }))
	add("p99 at a light load", func(s Side) string {
		if k := s.Capacity(); k != nil && k.BaseP99MS > 0 {
			return Latency(k.BaseP99MS)
		}
		return ""
	})
	add("limit", func(s Side) string {
		if l := s.Limit(); l != nil {
			return fmt.Sprintf("%s/s, burst %s", Number(l.Rate), Number(float64(l.Burst)))
		}
		return ""
	})
	add("verification", func(s Side) string { return string(s.Outcome()) })
	add("ended", func(s Side) string {
		if s.End == nil {
			return "cut off"
		}
		return fmt.Sprintf("exit %d: %s", s.End.Exit, s.End.Outcome)
	})
	for _, key := range []string{"cpus", "os", "kernel", "go"} {
		add(key, func(s Side) string { return s.Run.Environment[key] })
	}
	add("plimsoll", func(s Side) string { return s.Run.Version })
	return out
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

// checkWords count the checks that were compared.
func (c Comparison) checkWords() string {
	switch n := len(c.Changed) + c.Alike; {
	case n == 0 && c.Alone == 0:
		return ""
	case n == 0:
		return "No check was asked in more than one run."
	default:
		s := fmt.Sprintf("%d of %s changed.", len(c.Changed), plural(n, "check"))
		if c.Alone > 0 {
			s += fmt.Sprintf(" %d more %s asked in one run alone.", c.Alone, map[bool]string{true: "was", false: "were"}[c.Alone == 1])
		}
		return s
	}
}
