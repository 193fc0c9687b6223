package scenarios_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/sim"
	"github.com/plimsoll-load/plimsoll/limits/model"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// Each exhibit stands in the log of the trial that it names, as it is shown.
func TestExhibitsAreInTheLog(t *testing.T) {
	conf := config(r, c)
	done, vs := play(t, conf, responding(r, c, func(_ sim.Call, a sim.Answer) sim.Answer {
		a.Headers = map[string]string{"Retry-After": "0"}
		if nth++; nth%20 == 0 {
			a.Status = 500
		}
		return a
	}))
	find := func(x scenarios.Exhibit) (attack.Attempt, bool) {
		for _, m := range done {
			for _, a := range m.Log {
				if m.Trial.N == x.Trial && a.Seq == x.Seq && a.Try == x.Try && m.Trial.Actors[a.Actor].Name == x.Actor {
					return a, true
				}
			}
		}
		return attack.Attempt{}, false
	}
	want := map[string]string{"V05": "500", "V07": "Retry-After: 0", "V08": "Retry-After: 0"}
	for _, v := range vs {
		for _, k := range v.Checks {
			if len(k.Evidence) > 5 {
				t.Errorf("%s shows %d requests, want 5 at most", k.ID, len(k.Evidence))
			}
			for _, x := range k.Evidence {
				if a, ok := find(x); !ok || a.Status != x.Status || attack.MS(a.Sent) != x.SentMS {
					t.Errorf("%s shows %s, the log has %+v", k.ID, x, a)
				}
				if text := want[k.ID]; text != "" && !strings.Contains(x.String(), text) {
					t.Errorf("%s shows %s, want %s in each", k.ID, x, text)
				}
			}
			if want[k.ID] != "" && (k.Outcome != scenarios.Fail || len(k.Evidence) == 0) {
				t.Errorf("%s is %s with %d exhibits, want a failure that is shown", k.ID, k.Outcome, len(k.Evidence))
			}
		}
	}
}

// What let in too much is shown by the two ends of the interval in which it did.
func TestTheWorstIntervalIsShown(t *testing.T) {
	conf := config(r, c)
	conf.Only = []string{"V04"}
	_, vs := play(t, conf, roomy(model.NewBucket(2*r, c), r))
	k := vs[0].Checks[0]
	if len(k.Evidence) != 2 || k.Evidence[0].SentMS >= k.Evidence[1].SentMS || k.Evidence[1].Status != 200 {
		t.Errorf("V04 shows %v, want the first and last admission of an interval", k.Evidence)
	}
}

// A limit header that fails is shown in the very answers that told it, and not in others of the same crowd.
func TestTheAnswersThatToldWrongAreShown(t *testing.T) {
	conf := config(r, c)
	conf.Only = []string{"V11", "V12", "V33"}
	header := func(name string, value func(n int, refused bool) string) func() sim.Target {
		return func() sim.Target {
			n := 0
			t := roomy(model.NewBucket(r, c), r)
			t.Respond = func(_ sim.Call, a sim.Answer) sim.Answer {
				n++
				a.Headers = map[string]string{"Retry-After": "1", name: value(n, a.Status == 429)}
				return a
			}
			return t
		}
	}
	const remaining, limit, reset = "X-RateLimit-Remaining", "X-RateLimit-Limit", "X-RateLimit-Reset"
	for _, row := range []struct {
		says, id string
		target   func() sim.Target
		shown    string // in each request that is shown
	}{
		{"told below 0 now and then", "V11", header(remaining, func(n int, refused bool) string {
			switch {
			case refused && n%7 == 0:
				return "-1"
			case refused:
				return "0"
			}
			return strconv.Itoa(max(0, c-n))
		}), "429 after"},
		{"told below 0 now and then", "V11", header(remaining, func(n int, refused bool) string {
			if n%7 == 0 {
				return "-1"
			}
			return strconv.Itoa(max(0, c-n) * one(!refused))
		}), remaining + ": -1"},
		{"another limit for the refused", "V11", header(limit, func(_ int, refused bool) string { return strconv.Itoa(c + 5*r*one(refused)) }), limit + ": 2060"},
		{"a reset that cannot be read", "V12", header(reset, func(n int, _ bool) string { return []string{"1", "soon"}[one(n%9 == 0)] }), reset + ": soon"},
	} {
		done, vs := play(t, conf, row.target())
		for _, v := range vs {
			for _, k := range v.Checks {
				if k.ID != row.id {
					continue
				}
				if k.Outcome != scenarios.Fail || len(k.Evidence) < 2 {
					t.Errorf("%s: %s is %s and shows %v, want a failure that is shown", row.says, k.ID, k.Outcome, k.Evidence)
				}
				for _, x := range k.Evidence {
					if !strings.Contains(x.String(), row.shown) || done[x.Trial-1].Trial.N != x.Trial {
						t.Errorf("%s: %s shows %s, want %q", row.says, k.ID, x, row.shown)
					}
				}
			}
		}
	}
}

// one is 1 for true.
func one(is bool) int {
	if is {
		return 1
	}
	return 0
}
