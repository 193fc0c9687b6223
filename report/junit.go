package report

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/jstemmer/go-junit-report/v2/junit"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/analyze/gate"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// JUnit writes the report as the XML that CI systems read: one test case for the run itself, one for each capacity searched
// for, one for a gate and each of its comparisons, and one for each check. Failed is broken, skipped is undecided, an error is a run that measured nothing.
func JUnit(w io.Writer, r Report) error {
	s := junit.Testsuite{Name: r.Name(), Time: seconds(r.took())}
	if !r.Run.Began.IsZero() {
		s.SetTimestamp(r.Run.Began.UTC())
	}
	for _, p := range r.properties() {
		s.AddProperty(p.Name, p.Value)
	}
	s.AddTestcase(r.runCase())
	for _, c := range r.Capacities {
		s.AddTestcase(capacityCase(c))
	}
	if g := r.Gate; g != nil {
		s.AddTestcase(gateCase(g.Outcome, fmt.Sprintf("no loss beyond %.4g%%", 100*g.Tolerance), g.Text, g.Fix, g.Seconds))
		for _, c := range g.Compared {
			s.AddTestcase(gateCase(c.Outcome, c.What, c.Text, "", 0))
		}
	}
	for _, storm := range r.Storms {
		for _, c := range storm.Checks {
			s.AddTestcase(checkCase(storm, c))
		}
	}
	for _, c := range r.Skipped() {
		s.AddTestcase(junit.Testcase{Classname: "plimsoll.verify." + clean(c.Scenario), Name: clean(c.ID + " " + c.Name), Time: seconds(0),
			Skipped: &junit.Result{Message: clean(c.Why)}})
	}
	all := junit.Testsuites{Name: "plimsoll", Time: s.Time}
	all.AddSuite(s)
	if _, err := io.WriteString(w, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"); err != nil {
		return err
	}
	return all.WriteXML(w)
}

// properties are the numbers that a CI system may chart, and what repeats the run.
func (r Report) properties() (out []junit.Property) {
	add := func(name, value string) { out = append(out, junit.Property{Name: name, Value: value}) }
	number := func(name string, v float64) { add(name, strconv.FormatFloat(v, 'g', -1, 64)) }
	add("target", r.Run.Target)
	add("version", r.Run.Version)
	add("seed", strconv.FormatUint(r.Run.Seed, 10))
	if c := r.Capacity(); c != nil {
		for _, e := range []named{{"capacity", c.Estimate}, {"sustained", c.Sustained}, {"breaking", c.Breaking}, {"knee", c.Knee}} {
			if e.Estimate != nil {
				number(e.name, e.Value)
			}
		}
	}
	if l := r.Limit(); l != nil {
		number("limit_rate", l.Rate)
		number("limit_burst", float64(l.Burst))
	}
	if g := r.Gate; g != nil {
		add("gate", string(g.Outcome))
		number("gate_tolerance", g.Tolerance)
		for _, v := range []struct {
			name  string
			value float64
		}{{"gate_baseline", g.Baseline}, {"gate_load", g.Load}} {
			if v.value > 0 {
				number(v.name, v.value)
			}
		}
		if g.Ratio != nil {
			number("gate_ratio", g.Ratio.Value)
		}
	}
	return out
}

// runCase tells whether the run came to its end. That of a plain load is its goal's outcome too, because it has no other.
func (r Report) runCase() junit.Testcase {
	c := junit.Testcase{Classname: "plimsoll." + cmp.Or(r.Command(), "run"), Name: "the run measured", Time: seconds(r.took())}
	switch {
	case r.End == nil:
		c.Error = &junit.Result{Message: "the run was cut off", Type: "cut-off"}
	case r.End.Exit == 0, r.End.Exit == exitBroken && (len(r.Storms) > 0 || r.Gate != nil), r.End.Exit == exitUndecided && (len(r.Storms)+len(r.Capacities) > 0 || r.Gate != nil):
		// whatever did not pass is told by a case of its own
	case r.End.Exit == exitBroken:
		c.Failure = &junit.Result{Message: clean(r.End.Outcome), Type: "broken"}
	case r.End.Exit == exitUndecided:
		c.Skipped = &junit.Result{Message: clean(r.End.Outcome)}
	default:
		c.Error = &junit.Result{Message: clean(r.End.Outcome), Type: "exit " + strconv.Itoa(r.End.Exit)}
	}
	return c
}

func capacityCase(c analyze.Capacity) junit.Testcase {
	t := junit.Testcase{Classname: "plimsoll.find", Name: strings.TrimSpace("capacity " + c.Goal), Time: seconds(time.Duration(c.Seconds * 1e9))}
	switch {
	case c.Decided():
	case c.Cause == analyze.CauseGenerator:
		t.Error = &junit.Result{Message: clean(c.Why), Type: string(c.Cause)}
	default:
		t.Skipped = &junit.Result{Message: clean(c.Why), Type: string(c.Cause)}
	}
	return t
}

// gateCase is a gate, or one of the comparisons that it is made of.
func gateCase(o gate.Outcome, name, text, fix string, took float64) junit.Testcase {
	t := junit.Testcase{Classname: "plimsoll.gate", Name: clean(name), Time: seconds(time.Duration(took * 1e9))}
	if fix != "" {
		text += "; " + fix
	}
	switch o {
	case gate.Regression:
		t.Failure = &junit.Result{Message: clean(text), Type: string(o)}
	case gate.Invalid:
		t.Error = &junit.Result{Message: clean(text), Type: string(o)}
	case gate.Undecided:
		t.Skipped = &junit.Result{Message: clean(text)}
	default:
		t.SystemOut = &junit.Output{Data: clean(text)}
	}
	return t
}

func checkCase(s Storm, c scenarios.Check) junit.Testcase {
	t := junit.Testcase{Classname: "plimsoll.verify." + s.Scenario, Name: c.ID + " " + c.Name, Time: seconds(tookAll(s.Measured))}
	said := fmt.Sprintf("want %s\ngot  %s\n%s\n", c.Want, c.Got, c.Why)
	for _, e := range c.Evidence {
		said += fmt.Sprintf("trial %d, request %d, try %d, sent after %s: status %d %s\n", e.Trial, e.Seq, e.Try, Latency(e.SentMS), e.Status, e.Error)
	}
	switch c.Outcome {
	case scenarios.Fail:
		t.Failure = &junit.Result{Message: clean(c.Why), Type: "check", Data: clean(said)}
	case scenarios.Inconclusive:
		t.Skipped = &junit.Result{Message: clean("cannot tell: " + c.Why)}
	default:
		t.SystemOut = &junit.Output{Data: clean(said)}
	}
	return t
}

// took is the time from the run's beginning to its end, as far as is known.
func (r Report) took() time.Duration {
	if r.End != nil && !r.Run.Began.IsZero() && r.End.At.After(r.Run.Began) {
		return r.End.At.Sub(r.Run.Began)
	}
	return tookAll(r.Trials)
}

func tookAll(ms []attack.Measurement) (sum time.Duration) {
	for _, m := range ms {
		sum += m.Took
	}
	return sum
}

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 3, 64) }

// clean leaves out what XML 1.0 cannot hold.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0xfffe || r == 0xffff {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}
