package scenarios_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/sim"
	"github.com/plimsoll-load/plimsoll/limits/model"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

func expects(t *testing.T, texts ...string) (out []scenarios.Expectation) {
	t.Helper()
	for _, text := range texts {
		x, err := scenarios.ParseExpectation(text)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, x)
	}
	return out
}

// rush is half the limit, then three times as much, from two actors.
func rush(t *testing.T, of string, texts ...string) scenarios.Own {
	o := scenarios.Own{Name: "rush", Title: "A rush", Phases: []scenarios.Phase{
		{Name: "calm", From: scenarios.Amount{Times: .5}, To: scenarios.Amount{Times: .5}, Len: 3 * time.Second},
		{Name: "rush", From: scenarios.Amount{Times: 3}, To: scenarios.Amount{Times: 3}, Burst: scenarios.Amount{Times: 1}, Len: 4 * time.Second},
	}, Actors: []scenarios.OwnActor{
		{Name: "apps", Share: .75, Manners: attack.Manners{Policy: attack.FullJitter, Tries: 3}}, {Name: "batch"},
	}}
	switch of {
	case "calm":
		o.Phases[0].Expect = expects(t, texts...)
	case "rush":
		o.Phases[1].Expect = expects(t, texts...)
	case "apps":
		o.Actors[0].Expect = expects(t, texts...)
	case "batch":
		o.Actors[1].Expect = expects(t, texts...)
	default:
		o.Expect = expects(t, texts...)
	}
	return o
}

// Every kind of expectation is seen kept, and broken.
func TestOwnExpectationsCanPassAndFail(t *testing.T) {
	for _, row := range []struct{ of, pass, fail string }{
		{"calm", "refused=0", "refused>0"},
		{"calm", "admitted=100%", "admitted<99%"},
		{"calm", "p95<250ms", "p50<1ms"},
		{"calm", "admitted>=0.4x", "admitted>0.6x"},
		{"calm", "amplification<=1", "amplification>1"},
		{"rush", "refused>100/s", "refused<100/s"},
		{"rush", "admitted<=1.2x", "admitted<0.8x"},
		{"rush", "status 429>500", "status 429=0"},
		{"rush", "failed=0", "failed>=1%"},
		{"apps", "amplification>1.3", "amplification<1.1"},
		{"batch", "amplification=1", "amplification>1"},
		{"", "timeout=0", "timeout>0"},
		{"", "admitted<90%", "admitted>90%"},
	} {
		conf := config(r, c)
		conf.Own, conf.Only = []scenarios.Own{rush(t, row.of, row.pass, row.fail)}, []string{"rush"}
		_, vs := play(t, conf, gateway(model.NewBucket(r, c), r))
		if by(vs, scenarios.Pass) != "U01" || by(vs, scenarios.Fail) != "U02" {
			t.Errorf("of %q, %s passes and %s fails: pass %q, fail %q\n%s", row.of, row.pass, row.fail, by(vs, scenarios.Pass), by(vs, scenarios.Fail), tell(vs))
		}
	}
}

func TestOwnScenariosOnThinEvidence(t *testing.T) {
	conf := config(r, c)
	conf.Own, conf.Only = []scenarios.Own{rush(t, "rush", "refused>0")}, []string{"rush"}
	conf.Own[0].Phases = append(conf.Own[0].Phases, scenarios.Phase{Name: "silence", Len: time.Second, Expect: expects(t, "refused=0")})
	conf.Own[0].Phases[0].Expect = expects(t, "p99.99<1s")
	_, vs := play(t, conf, gateway(model.NewBucket(r, c), r))
	if by(vs, scenarios.Pass) != "U02" || by(vs, scenarios.Inconclusive) != "U01 U03" {
		t.Errorf("a p99.99 of 600 requests, refusals, and silence: want U02 to pass and U01 U03 inconclusive\n%s", tell(vs))
	}
	vs = edit(t, conf, interrupted)
	if by(vs, scenarios.Inconclusive) != "U01 U02 U03" {
		t.Errorf("interrupted: want all inconclusive\n%s", tell(vs))
	}
	vs = edit(t, conf, func(m *attack.Measurement) {
		m.Windows = slices.Clone(m.Windows)
		for i := range m.Windows {
			m.Windows[i].Unsent, m.Windows[i].Throttled, m.Windows[i].Statuses = m.Windows[i].Throttled, 0, map[int]int64{200: m.Windows[i].OK}
		}
	})
	if !strings.Contains(tell(vs), "the generator was late") || by(vs, scenarios.Fail) != "" {
		t.Errorf("a generator that left out a part: want no failure\n%s", tell(vs))
	}
}

// The burst of an own scenario that was not sent at once proves nothing of its phase, and of those before it all the same.
func TestAnOwnBurstThatStrayedIsInconclusive(t *testing.T) {
	conf := config(r, c)
	conf.Own, conf.Only = []scenarios.Own{rush(t, "rush", "refused>0")}, []string{"rush"}
	conf.Own[0].Phases[0].Expect = expects(t, "refused=0")
	vs := edit(t, conf, func(m *attack.Measurement) {
		m.Log = slices.Clone(m.Log)
		for i := range m.Log {
			if a := &m.Log[i]; a.Due == 3*time.Second {
				a.Sent += time.Duration(i%60) * time.Millisecond
			}
		}
	})
	if by(vs, scenarios.Pass) != "U01" || by(vs, scenarios.Inconclusive) != "U02" || !strings.Contains(tell(vs), "the burst of phase rush was late") {
		t.Errorf("a burst sent over 60 ms: want U01 to pass and U02 inconclusive\n%s", tell(vs))
	}
}

// A scenario that nothing refuses is ended, but not one whose actors have limits of their own.
func TestAnOwnScenarioThatGoesThroughIsEnded(t *testing.T) {
	conf := config(r, c)
	conf.Own, conf.Only = []scenarios.Own{rush(t, "rush", "admitted>50%")}, []string{"rush"}
	conf.Own[0].Phases[1].From.Times, conf.Own[0].Phases[1].To.Times = 8, 8
	done, vs := play(t, conf, roomy(nil, 10*r))
	if done[0].Aborted == nil || by(vs, scenarios.Fail) != "U01" {
		t.Errorf("nothing was refused: want the storm ended and U01 to fail\n%s", tell(vs))
	}
	conf.Keys = []scenarios.Key{{Identity: attack.Identity{Name: "bob", Header: "X-Api-Key", Value: "b"}}}
	conf.Own[0].Actors[1].Key = "bob"
	seen := map[string]bool{}
	target := roomy(nil, 10*r)
	target.Respond = func(c sim.Call, a sim.Answer) sim.Answer { seen[c.Key] = true; return a }
	if done, _ := play(t, conf, target); done[0].Aborted != nil || !seen["b"] || !seen[""] {
		t.Errorf("with a key of its own: aborted %v, keys %v; want it to go on, as bob and as nobody", done[0].Aborted, seen)
	}
}

func TestOwnScenariosAreRefused(t *testing.T) {
	for want, change := range map[string]func(*scenarios.Own){
		"needs a name":              func(o *scenarios.Own) { o.Name = "" },
		"the name is taken":         func(o *scenarios.Own) { o.Name = "overload" },
		"0 phases":                  func(o *scenarios.Own) { o.Phases = nil },
		"it expects nothing":        func(o *scenarios.Own) { o.Expect = nil },
		"want whole seconds":        func(o *scenarios.Own) { o.Phases[0].Len += time.Millisecond },
		"at most 30m0s":             func(o *scenarios.Own) { o.Phases[0].Len = time.Hour },
		`phase "calm": every phase`: func(o *scenarios.Own) { o.Phases[1].Name = "calm" },
		"cannot be below 0":         func(o *scenarios.Own) { o.Phases[0].From.Times = -1 },
		`actor "": every actor`:     func(o *scenarios.Own) { o.Actors[0].Name = "" },
		"manners":                   func(o *scenarios.Own) { o.Actors[0].Manners.Policy = "polite" },
		"shares are 150":            func(o *scenarios.Own) { o.Actors[1].Share = .75 },
		`key "eve", which is not`:   func(o *scenarios.Own) { o.Actors[1].Key = "eve" },
		"above the highest rate":    func(o *scenarios.Own) { o.Phases[1].To.Times = 30 },
		"sends 0 requests": func(o *scenarios.Own) {
			o.Phases = []scenarios.Phase{{Name: "calm", Len: time.Second}}
		},
	} {
		o := rush(t, "", "refused>0")
		change(&o)
		conf := config(r, c)
		conf.Own, conf.MaxRate = []scenarios.Own{o}, 4000
		if _, err := scenarios.New(conf); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestExpectationsAreReadOrRefused(t *testing.T) {
	for _, text := range []string{"refused", "refused<", "refused<many", "p99<5", "p99=5ms", "admitted<5ms", "amplification<5%", "p0<5ms", "p100<5ms", "status 99=0", "latency<5ms", ""} {
		if x, err := scenarios.ParseExpectation(text); err == nil {
			t.Errorf("%q is read as %+v, want an error", text, x)
		}
	}
}
