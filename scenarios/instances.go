package scenarios

import (
	"fmt"
	"math"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// instances is one limit that several gateways are said to keep together.
var instances = []scenario{
	{name: "instances", title: "The same key at every instance at once", checks: []check{
		{id: "V25", name: "instances-share", asks: "several instances together admit no more than one",
			stages: []string{"instances"}, sure: true, look: instancesShare},
	}, lacks: func(c Config) string {
		if len(c.Instances) < 2 {
			return "the instances that share the limit (--instance, at least two)"
		}
		return ""
	}},
}

var instanceStages = []stage{{name: "instances", tries: 2, build: instancesTrial}}

// instanceMax bounds what a crowd sends to one instance.
const instanceMax = 5_000

func instancesTrial(c Config, _ *evidence) (attack.Trial, string) {
	n := c.crowd(float64(c.Limit.Burst))
	if n > instanceMax {
		return attack.Trial{}, fmt.Sprintf("a burst of %d is too large to be asked of each instance at once", c.Limit.Burst)
	}
	t := attack.Trial{Idle: c.idle(), LogMax: attack.MaxLog, Why: fmt.Sprintf("%d at once at each of %s", n, attack.Plural(len(c.Instances), "instance"))}
	for i, base := range c.Instances {
		a := c.actor(fmt.Sprintf("instance %d", i+1), attack.Even, attack.Manners{}, attack.Segment{Len: 500 * time.Millisecond, Burst: n})
		a.Twist = attack.Twist{Base: base}
		t.Actors = append(t.Actors, a)
	}
	return t, ""
}

// instancesShare (V25): a crowd at each of several instances at once gets in no more than a crowd at one. How many times
// as much it got tells how many buckets there are.
func instancesShare(e *evidence, ms []attack.Measurement) finding {
	m := ms[0]
	in, out, maybe := e.split(bySent(m.Log))
	over, allowed := e.beyond(in)
	want := fmt.Sprintf("at most %.0f let in by all together", allowed)
	got := fmt.Sprintf("%d of %d let in", len(in), len(in)+len(out)+len(maybe))
	perInstance := make([]int, len(m.Trial.Actors))
	for _, a := range in {
		perInstance[a.Actor]++
	}
	got += fmt.Sprintf(", by instance %v", perInstance)
	log := bySent(m.Log)
	times := float64(len(in))
	if len(log) > 0 {
		times /= e.c.most(decided(log, out) - log[0].Sent)
	}
	switch {
	case m.LogDropped > 0 || m.Aborted != nil || len(in) == 0:
		return unsure(want, got, "the log is not complete, or nobody was let in: statuses %s", statuses(m.All()))
	case over > count(e.c.tolerance().over, allowed) && math.Round(times) >= 2 && math.Abs(times-math.Round(times)) < .2:
		return failed(want, got, "%.1f times the limit: looks like %.0f unshared instances", times, math.Round(times)).showing(m, in...)
	case over > count(e.c.tolerance().over, allowed):
		return failed(want, got, "%.1f times the limit: the instances do not share all that they let in", times).showing(m, in...)
	case len(out) == 0:
		return unsure(want, got, "nobody was refused, so the limit was not reached")
	case len(maybe) > len(in)/10:
		return unsure(want, got, "%s ended in errors: statuses %s", attack.Plural(len(maybe), "request"), statuses(m.All()))
	}
	return passed(want, got, "%s let in what one may", attack.Plural(len(m.Trial.Actors), "instance"))
}

// Of the refused so many may reach the backend, and of those let in so many may be missing there, before it means something.
const (
	leakShare = 0.02
	missShare = 0.02
)

// backendSpared (V14): what was refused did not reach the backend. Its own count, read before the storm and after the last
// answer, rises by no more than what was let in, and what errors hide.
func backendSpared(e *evidence, ms []attack.Measurement) finding {
	m := ms[0]
	looks := counted(m)
	all := m.All()
	out := all.Statuses[e.refusal]
	if len(m.Seen(attack.SightBackend)) == 0 {
		return moot("nobody read the backend's count (--backend-count)")
	}
	let := all.Attempts - out
	want := fmt.Sprintf("about %s at the backend, of %d sent", attack.Plural(all.OK, "request"), all.Attempts)
	if len(looks) < 2 {
		return unsure(want, "not read", "the backend's count could not be read before and after the storm")
	}
	hits := looks[len(looks)-1].Value - looks[0].Value
	got := fmt.Sprintf("%.0f more at the backend", hits)
	leaked := hits - float64(let) - float64(len(looks)) // a look may be counted too
	switch {
	case hits < 0:
		return unsure(want, got, "the backend's count went back: it was restarted, or it is no count of requests")
	case out < refusalsMin:
		return unsure(want, got, "only %s refused", attack.Were(out, "request"))
	case leaked > count(leakShare, float64(out)):
		return failed(want, got, "%.0f of %d refused requests reached the backend all the same, or others asked it meanwhile: a throttle that does the work before it refuses protects nothing", leaked, out)
	case hits < (1-missShare)*float64(all.OK)-1:
		return unsure(want, got, "fewer reached the backend than were served: something before it answers, or it counts late")
	}
	return passed(want, got, "%d were refused, and none of them reached the backend", out)
}

// counted are the looks that read the backend's count before a trial's first arrival and after its last answer, and those
// between.
func counted(m attack.Measurement) (out []attack.Sight) {
	for _, s := range m.Seen(attack.SightBackend) {
		if s.Error == "" {
			out = append(out, s)
		}
	}
	if len(out) < 2 || out[0].At > 0 || out[len(out)-1].At < m.Took {
		return nil
	}
	return out
}

// uncounted says that the backend's own count is not looked at.
func uncounted(c Config) string {
	if !c.Backend {
		return "the backend's own count of requests (--backend-count)"
	}
	return ""
}
