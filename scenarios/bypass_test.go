package scenarios_test

import (
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/sim"
	"github.com/plimsoll-load/plimsoll/limits/model"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// blind is a throttle that a request gets past which looks like this.
func blind(rate float64, burst int, past func(attack.Twist) bool) sim.Target {
	t, b := roomy(nil, rate), model.NewBucket(rate, burst)
	t.Limiter = sim.AskerFunc(func(k sim.Call) (bool, time.Duration) {
		if past(k.Twist) {
			return true, 0
		}
		return b.Take(k.At)
	})
	return t
}

func TestWaysPastALimit(t *testing.T) {
	long(t)
	for _, row := range []struct {
		fault string
		past  func(attack.Twist) bool
		fails string
		says  string
	}{
		{"none", func(attack.Twist) bool { return false }, "", ""},
		{"HEAD is not counted", func(w attack.Twist) bool { return w.Method == "HEAD" }, "V21", "HEAD went past the limit"},
		{"HTTP/2 is not counted", func(w attack.Twist) bool { return w.HTTP2 }, "V21", "HTTP/2 went past the limit"},
		{"a path with two slashes is another route", func(w attack.Twist) bool { return w.Prefix == "/" }, "V21", "//path went past"},
		{"the path's case matters", func(w attack.Twist) bool { return w.Case }, "V21", "PATH went past"},
		{"a query makes another key", func(w attack.Twist) bool { return w.Query != "" }, "V21", "another query went past"},
		{"the client says who it is", func(w attack.Twist) bool { return w.Header["X-Forwarded-For"] != "" }, "V21", "X-Forwarded-For went past"},
		{"a limit for each connection", func(w attack.Twist) bool { return w.Fresh }, "V20", "kept for each connection"},
	} {
		for _, size := range []struct {
			rate  float64
			burst int
		}{{r, c}, {5, 10}, {2000, 100}} {
			conf := config(size.rate, size.burst)
			conf.Only = []string{"bypass"}
			_, vs := play(t, conf, blind(size.rate, size.burst, row.past))
			if got := by(vs, scenarios.Fail); got != row.fails || !strings.Contains(whys(vs), row.says) || by(vs, scenarios.Inconclusive) != "" {
				t.Errorf("%s at %v/s: fails %q, want %q and %q\n%s", row.fault, size.rate, got, row.fails, row.says, tell(vs))
			}
		}
	}
}

// What changes something where it arrives is sent only where that was allowed, and other paths are left alone where the
// target's own requests do.
func TestUnsafeWaysAreNotTriedUnasked(t *testing.T) {
	ways := func(change func(*scenarios.Config)) (names string) {
		conf := config(r, c)
		conf.Only = []string{"V21"}
		change(&conf)
		done, _ := play(t, conf, roomy(model.NewBucket(r, c), r))
		for _, a := range done[0].Trial.Actors {
			names += " " + a.Name + ";"
		}
		return names
	}
	safe := ways(func(*scenarios.Config) {})
	changes := ways(func(c *scenarios.Config) { c.Changes = true })
	unsafe := ways(func(c *scenarios.Config) { c.Unsafe, c.Changes = true, true })
	if strings.Contains(safe, "POST") || !strings.Contains(safe, "//path") || strings.Contains(changes, "//path") || !strings.Contains(unsafe, "POST") || !strings.Contains(unsafe, "//path") {
		t.Errorf("ways:%s; where requests change something:%s; where that is allowed:%s", safe, changes, unsafe)
	}
}

// A way that another answer meets is not refused, and not a way past.
func TestAWayThatIsNotServedIsNoBypass(t *testing.T) {
	target := roomy(model.NewBucket(r, c), r)
	target.Respond = func(k sim.Call, a sim.Answer) sim.Answer {
		if k.Twist.Prefix != "" || k.Twist.Case {
			return sim.Answer{At: a.At, Status: 404}
		}
		return a
	}
	conf := config(r, c)
	conf.Only = []string{"V21"}
	_, vs := play(t, conf, target)
	if k := vs[0].Checks[0]; k.Outcome != scenarios.Pass || !strings.Contains(k.Got, "not served: //path (404") {
		t.Errorf("%+v, want a pass that names what was not served", k)
	}
}

// Where nothing is refused, nothing is known of ways past it.
func TestNoLimitIsNoBypass(t *testing.T) {
	conf := config(r, c)
	conf.Only = []string{"V21"}
	_, vs := play(t, conf, roomy(nil, r))
	if k := vs[0].Checks[0]; k.Outcome != scenarios.Inconclusive {
		t.Errorf("%+v, want inconclusive", k)
	}
}

// several are instances that share their bucket or do not.
func several(rate float64, burst, buckets int) sim.Target {
	t, of := roomy(nil, rate), map[string]*model.Bucket{}
	var all []*model.Bucket
	for range buckets {
		all = append(all, model.NewBucket(rate, burst))
	}
	t.Limiter = sim.AskerFunc(func(k sim.Call) (bool, time.Duration) {
		if of[k.Twist.Base] == nil {
			of[k.Twist.Base] = all[len(of)%len(all)]
		}
		return of[k.Twist.Base].Take(k.At)
	})
	return t
}

func TestInstances(t *testing.T) {
	long(t)
	for _, row := range []struct {
		buckets int
		want    scenarios.Outcome
		says    string
	}{{1, scenarios.Pass, ""}, {2, scenarios.Fail, "looks like 2 unshared instances"}, {3, scenarios.Fail, "looks like 3 unshared instances"}} {
		conf := config(r, c)
		conf.Only, conf.Instances = []string{"instances"}, []string{"http://a:1", "http://b:1", "http://c:1"}
		_, vs := play(t, conf, several(r, c, row.buckets))
		if k := vs[0].Checks[0]; k.Outcome != row.want || !strings.Contains(k.Why, row.says) {
			t.Errorf("%d buckets behind 3 instances: %+v, want %s and %q", row.buckets, k, row.want, row.says)
		}
	}
	conf := config(r, c)
	for _, bad := range [][]string{{"http://a"}, {"a:1", "b:1"}, {"http://a/x", "http://b/y"}} {
		if conf.Instances = bad; conf.Validate() == nil {
			t.Errorf("instances %q are allowed", bad)
		}
	}
}

func TestTheBackendIsSpared(t *testing.T) {
	for _, row := range []struct {
		says string
		hits func(ok, sent int64) float64 // that the backend counts in the storm; below 0: it cannot be read
		want scenarios.Outcome
	}{
		{"all that was let in", func(ok, _ int64) float64 { return float64(ok) }, scenarios.Pass},
		{"all that was sent", func(_, sent int64) float64 { return float64(sent) }, scenarios.Fail},
		{"a tenth of the refused", func(ok, sent int64) float64 { return float64(ok) + .1*float64(sent-ok) }, scenarios.Fail},
		{"half of what was served", func(ok, _ int64) float64 { return .5 * float64(ok) }, scenarios.Inconclusive},
		{"nothing", func(_, _ int64) float64 { return -1 }, scenarios.Inconclusive},
	} {
		conf := config(r, c)
		conf.Only, conf.Backend = []string{"V14"}, true
		vs := edit(t, conf, func(m *attack.Measurement) {
			all := m.All()
			hits := row.hits(all.OK, all.Attempts)
			first := attack.Sight{At: -time.Millisecond, Name: attack.SightBackend, OK: hits >= 0, Value: 1000}
			last := attack.Sight{At: m.Took + time.Millisecond, Name: attack.SightBackend, OK: hits >= 0, Value: 1000 + hits}
			if hits < 0 {
				first.Error, last.Error = "connection refused", "connection refused"
			}
			m.Sights = []attack.Sight{first, last}
		})
		if k := vs[0].Checks[0]; k.Outcome != row.want {
			t.Errorf("the backend counts %s: %+v, want %s", row.says, k, row.want)
		}
	}
	conf := config(r, c)
	conf.Only, conf.Backend = []string{"V14"}, true
	if vs := edit(t, conf, func(*attack.Measurement) {}); len(vs) != 0 {
		t.Errorf("the backend was not looked at: %v, want the check left out", vs)
	}
}
