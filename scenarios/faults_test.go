package scenarios_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/attack/sim"
	"github.com/plimsoll-load/plimsoll/limits/model"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// roomy is a throttle before a backend that bears four times the limit, so that a throttle that lets too much in is seen
// by that alone.
func roomy(l taker, rate float64) sim.Target { return gateway(l, 8./3*rate) }

// responding is a correct gateway whose refusals are changed by f.
func responding(rate float64, burst int, f func(sim.Call, sim.Answer) sim.Answer) sim.Target {
	t := roomy(model.NewBucket(rate, burst), rate)
	t.Respond = func(c sim.Call, a sim.Answer) sim.Answer {
		if a.Status == 429 {
			return f(c, a)
		}
		return a
	}
	return t
}

// saying is a correct gateway whose refusals carry a Retry-After of that text; none when it is empty.
func saying(rate float64, burst int, text string) sim.Target {
	headers := map[string]string{"Retry-After": text}
	if text == "" {
		headers = nil
	}
	return responding(rate, burst, func(_ sim.Call, a sim.Answer) sim.Answer { a.Headers = headers; return a })
}

// telling is a correct gateway whose refusals carry one more header.
func telling(rate float64, burst int, name, value string) sim.Target {
	return responding(rate, burst, func(_ sim.Call, a sim.Answer) sim.Answer {
		a.Headers = map[string]string{"Retry-After": a.Headers["Retry-After"], name: value}
		return a
	})
}

// A fault is one thing a throttle of 400/s and 60 at once does wrong, and the checks that must say so.
type fault struct {
	fault string
	rate  float64 // declared; 0 means 400/s
	burst int     // declared; 0 means 60
	make  func() sim.Target
	fails string // these
	too   string // and perhaps these, which follow from it
	says  string // in the why of one of them
}

const r, c = 400, 60

// nth counts refusals, for faults that strike now and then.
var nth = 0

var faults = []fault{
	{fault: "twice the rate", make: func() sim.Target { return roomy(model.NewBucket(2*r, c), r) }, fails: "V01 V03 V04", says: "more than its limit"},
	{fault: "10 % more than the rate", make: func() sim.Target { return roomy(model.NewBucket(1.1*r, c), r) }, fails: "V01 V04", too: "V03", says: "more than its limit"},
	{fault: "10 % less than the rate", make: func() sim.Target { return roomy(model.NewBucket(.9*r, c), r) }, fails: "V01", too: "V03 V28", says: "less than its limit"},
	{fault: "half the burst", make: func() sim.Target { return roomy(model.NewBucket(r, c/2), r) }, fails: "V02 V03", says: "less than a burst of 60"},
	{fault: "twice the burst", make: func() sim.Target { return roomy(model.NewBucket(r, 2*c), r) }, fails: "V02", too: "V03 V04", says: "larger than 60"},
	{fault: "503 with Retry-After", make: func() sim.Target {
		return responding(r, c, func(_ sim.Call, a sim.Answer) sim.Answer { a.Status = 503; return a })
	}, fails: "V05", says: "503 instead of 429"},
	{fault: "503 and no Retry-After", make: func() sim.Target {
		return responding(r, c, func(_ sim.Call, a sim.Answer) sim.Answer { a.Status, a.Headers = 503, nil; return a })
	}, fails: "V05 V06", says: "503 instead of 429"},
	{fault: "no Retry-After", make: func() sim.Target { return saying(r, c, "") }, fails: "V06", says: "carried Retry-After: clients cannot know when to come back"},
	{fault: "no Retry-After on every third", make: func() sim.Target {
		return responding(r, c, func(_ sim.Call, a sim.Answer) sim.Answer {
			if nth++; nth%3 == 0 {
				a.Headers = nil
			}
			return a
		})
	}, fails: "V06", says: "carried no Retry-After"},
	{fault: "Retry-After of 0", make: func() sim.Target { return saying(r, c, "0") }, fails: "V07 V08", says: "come back at once"},
	{fault: "a negative Retry-After", make: func() sim.Target { return saying(r, c, "-1") }, fails: "V07", says: "negative"},
	{fault: "a decimal Retry-After", make: func() sim.Target { return saying(r, c, "0.4") }, fails: "V07", says: "only whole seconds"},
	{fault: "a date in UTC", make: func() sim.Target { return saying(r, c, "Mon, 23 Nov 2026 04:00:00 UTC") }, fails: "V07", says: "ends in GMT"},
	{fault: "Retry-After of 30 s", make: func() sim.Target { return saying(r, c, "30") }, fails: "V09", says: "told to wait 30s"},
	{fault: "Retry-After in milliseconds", make: func() sim.Target { return saying(r, c, "1000") }, fails: "V09", says: "wait 16m40s"},
	{fault: "a short Retry-After", rate: .5, burst: 3, make: func() sim.Target { return saying(.5, 3, "1") }, fails: "V08", too: "V26", says: "Retry-After is too short"},
	{fault: "refuses everything", make: func() sim.Target { return roomy(model.NewBucket(0, 0), r) }, fails: "V01 V15 V22 V28", too: "V03 V08 V26", says: "every request was refused"},
	{fault: "refuses nothing", make: func() sim.Target { return roomy(nil, r) }, fails: "V01 V02 V04 V05", says: "no request was refused"},
	{fault: "counts refusals", make: func() sim.Target { return roomy(model.NewStarving(r, c), r) }, fails: "V01 V03 V22", too: "V15 V26", says: "refusals seem to count"},
	{fault: "bans whoever is refused for a second, and longer with every try", make: func() sim.Target {
		b, until := model.NewBucket(r, c), time.Duration(0)
		t := roomy(nil, r)
		t.Limiter = sim.LimiterFunc(func(at time.Duration, _ string) (bool, time.Duration) {
			ok, _ := b.Take(at)
			if !ok || at < until {
				until = at + time.Second
				return false, time.Second
			}
			return true, 0
		})
		return t
	}, fails: "V01 V15 V22 V26", too: "V02 V03 V08", says: "the throttle keeps turning them away"},
	{fault: "forgets an idle client", make: func() sim.Target { return roomy(model.NewForgetful(r, c, 30*time.Millisecond), r) }, fails: "V03", says: "forgets a client"},
	{fault: "every twentieth refusal a 500", make: func() sim.Target {
		return responding(r, c, func(_ sim.Call, a sim.Answer) sim.Answer {
			if nth++; nth%20 == 0 {
				a.Status, a.Headers = 500, nil
			}
			return a
		})
	}, fails: "V05", says: "clients cannot tell a limit from a fault"},
	{fault: "200 with an error in the body", make: func() sim.Target {
		return responding(r, c, func(_ sim.Call, a sim.Answer) sim.Answer { a.Status = 200; return a })
	}, fails: "V01 V02 V04 V05", says: "refusals in disguise"},
	{fault: "every twentieth refusal a broken connection", make: func() sim.Target {
		return responding(r, c, func(_ sim.Call, a sim.Answer) sim.Answer {
			if nth++; nth%20 == 0 {
				a.Status, a.Headers, a.Error = 0, nil, "reset"
			}
			return a
		})
	}, fails: "V05", says: "something else than 429"},
	{fault: "slow refusals", make: func() sim.Target {
		return responding(r, c, func(_ sim.Call, a sim.Answer) sim.Answer { a.At += 400 * time.Millisecond; return a })
	}, fails: "V13", says: "a refusal takes as long"},
	{fault: "a window of a second sold as a bucket", make: func() sim.Target { return roomy(model.NewWindow(r, time.Second), r) }, fails: "V02", too: "V01 V03 V04 V15 V22", says: "larger than 60"},
	{fault: "a window of a burst sold as a bucket", make: func() sim.Target { return roomy(model.NewWindow(c, time.Second*c/r), r) }, fails: "V03", too: "V04 V15 V26", says: "the bucket"},
	{fault: "a refusal that is a page", make: func() sim.Target {
		return responding(r, c, func(_ sim.Call, a sim.Answer) sim.Answer { a.Bytes = 50_000; return a })
	}, fails: "V30", says: "larger than what one round trip carries"},
	{fault: "refusals that caches may keep", make: func() sim.Target { return telling(r, c, "Cache-Control", "public, max-age=60") }, fails: "V31", says: "may refuse those whom the throttle lets in"},
	{fault: "refusals that have a life by Expires", make: func() sim.Target {
		return responding(r, c, func(_ sim.Call, a sim.Answer) sim.Answer {
			a.Headers = map[string]string{"Retry-After": "1", "Date": "Mon, 23 Nov 2026 04:00:00 GMT", "Expires": "Mon, 23 Nov 2026 05:00:00 GMT"}
			return a
		})
	}, fails: "V31", says: "Expires: Mon"},
	{fault: "refusals that hang up", make: func() sim.Target {
		return responding(r, c, func(_ sim.Call, a sim.Answer) sim.Answer { a.Closed = true; return a })
	}, fails: "V32", says: "costs a handshake too"},
	{fault: "a reset now in seconds and now of the epoch", make: func() sim.Target {
		return responding(r, c, func(_ sim.Call, a sim.Answer) sim.Answer {
			a.Headers = map[string]string{"Retry-After": "1", "Date": "Mon, 23 Nov 2026 04:00:00 GMT", "X-RateLimit-Reset": "1"}
			if nth++; nth%2 == 0 {
				a.Headers["X-RateLimit-Reset"] = "1795406401"
			}
			return a
		})
	}, fails: "V33", says: "a client that reads one goes wrong with the other"},
	{fault: "a structured field without its remaining", make: func() sim.Target { return telling(r, c, "RateLimit", `"a";t=1`) }, fails: "V11 V33", says: "has no r, which it must have"},
	{fault: "Retry-After before t", make: func() sim.Target {
		return responding(r/100., 50, func(_ sim.Call, a sim.Answer) sim.Answer {
			a.Headers = map[string]string{"Retry-After": "1", "RateLimit": `"a";r=0;t=9`}
			return a
		})
	}, rate: r / 100., burst: 50, fails: "V33", says: "clients take Retry-After, and come back too soon"},
	{fault: "more remains than can be let in until the reset", make: func() sim.Target {
		t := roomy(model.NewBucket(r, c), r)
		t.Respond = func(_ sim.Call, a sim.Answer) sim.Answer {
			if a.Status == 200 {
				a.Headers = map[string]string{"RateLimit-Policy": `"a";q=60`, "RateLimit": `"a";r=600;t=1`}
			}
			return a
		}
		return t
	}, fails: "V11 V12", says: "more is promised than the limit lets in"},
	{fault: "a Retry-After that never falls", rate: .5, burst: 3, make: func() sim.Target { return saying(.5, 3, "3") }, fails: "V34", says: "does not fall as time passes"},
	{fault: "a Retry-After that doubles with every refusal", make: func() sim.Target {
		told, n := 1.0, 0
		return responding(r, c, func(_ sim.Call, a sim.Answer) sim.Answer {
			if n++; n%50 == 0 {
				told = min(2*told, 1e9)
			}
			a.Headers = map[string]string{"Retry-After": fmt.Sprintf("%.0f", told)}
			return a
		})
	}, fails: "V35", too: "V34", says: "the wait grows with every refusal"},
	{fault: "a backend that cannot bear the limit", make: func() sim.Target {
		t := gateway(model.NewBucket(r, c), r)
		t.Service.Mean = time.Duration(16 / (.8 * r) * 1e9)
		return t
	}, fails: "V15 V29", says: "the limit is too high for the target"},
}

// seeds are the seeds of a test that plays whole scripts: all of them, or one in a short run, which looks for races.
func seeds(n uint64) uint64 {
	if testing.Short() {
		return 1
	}
	return n
}

// Every fault must be caught by the check that names it, and by no check that does not follow from it.
func TestPlantedFaults(t *testing.T) {
	for i, row := range faults {
		for _, short := range []bool{true, false} {
			if i%6 != 0 && !short || testing.Short() && (i%24 != 0 || !short) {
				continue
			}
			conf := config(max(row.rate, 0), row.burst)
			if row.rate == 0 {
				conf = config(r, c)
			}
			conf.Brief = short
			_, vs := play(t, conf, row.make())
			too := row.too
			if !short { // what is wrong with the rate or the burst shows in every storm
				too += follows(row.fails)
			}
			if got := by(vs, scenarios.Fail); !between(got, row.fails, too) || !strings.Contains(whys(vs), row.says) {
				t.Errorf("%s, brief %v: fails %q, want %q (and perhaps %q) and %q\n%s", row.fault, short, got, row.fails, row.too, row.says, tell(vs))
			}
			if got := scenarios.Overall(vs); got != scenarios.Fail {
				t.Errorf("%s: overall %s, want fail", row.fault, got)
			}
		}
	}
}

// follows are the storms of a whole script in which a wrong rate or burst shows too.
func follows(fails string) string {
	for _, id := range []string{"V01", "V02", "V03", "V22"} {
		if strings.Contains(fails, id) {
			return " V03 V04 V08 V26 V36 V37 V38 V39 V50 V51"
		}
	}
	return ""
}

// whys are the reasons of all failures.
func whys(vs []scenarios.Verdict) string {
	var b strings.Builder
	for _, v := range vs {
		for _, c := range v.Checks {
			if c.Outcome == scenarios.Fail {
				fmt.Fprintln(&b, c.Why)
			}
		}
	}
	return b.String()
}

// between tells whether the ids got hold all of least and nothing beyond least and too.
func between(got, least, too string) bool {
	for _, id := range strings.Fields(least) {
		if !strings.Contains(got, id) {
			return false
		}
	}
	for _, id := range strings.Fields(got) {
		if !strings.Contains(least+" "+too, id) {
			return false
		}
	}
	return true
}
