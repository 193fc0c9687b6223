package scenarios

import (
	"fmt"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// comeback is what becomes of clients that were refused and try again, and of those that come after them.
var comeback = []scenario{
	{name: "retry-after", title: "Clients that wait exactly as long as they are told", checks: []check{
		{id: "V08", name: "retry-after-sufficient", asks: "who waits so long is let in",
			stages: []string{"flash", "honour"}, sure: true, form: true, look: showing(sufficient, theComebacks)},
		{id: "V09", name: "retry-after-not-excessive", asks: "nobody is told to wait much longer than needed",
			stages: []string{"flash"}, sure: true, form: true, look: showing(excessive, theLongestTold)},
		{id: "V10", name: "clock", asks: "a date is told by a clock that is right",
			stages: []string{"flash"}, sure: true, form: true, look: showing(clock, theRefused)},
	}},
	{name: "recovery", title: "Half the limit right after the storm", checks: []check{
		{id: "V15", name: "recovery", asks: "after a storm the service is back within a second",
			stages: []string{"rest", "overload"}, look: recovery},
	}},
}

var comebackStages = []stage{
	{name: "honour", tries: 2, build: honourTrial, thin: fewProbes},
}

// probeActor of the honour stage waits as it is told; crowdActor keeps the bucket empty until it is told.
const probeActor = 1

// probeAfter is when, in each cycle of the honour stage, its clients ask: the bucket is empty by then.
const probeAfter = 150 * time.Millisecond

// probes is how many clients ask at once and come back at once: no more than find a token each when they do.
func (c Config) probes() int {
	if c.alone() {
		return 1
	}
	return min(max(min(c.Limit.Burst, int(c.Limit.Rate/2)), 1), 3)
}

// alone tells whether the wait that is told holds for one client alone, and only if nobody else asks meanwhile: two may renew
// each other's ban, and a counter that slides gives back one place after the other, of which others take theirs.
func (c Config) alone() bool { return c.Ban > 0 || c.windowed() || c.profile() == Window }

// cycles is how often they do. Of several who ask an empty bucket at once no more than one can find a token; a single one
// may, every fourth time, so it asks more often.
func (c Config) cycles() int {
	switch {
	case c.Ban > 0:
		return probesNeeded // whoever asks during a ban is refused each time
	case c.alone():
		return 2 * probesNeeded
	case c.probes() == 1 && c.Limit.Rate >= 4:
		return 6
	case c.probes() > 2 && c.Brief:
		return 2
	case c.probes() > 2:
		return 3
	}
	return 4
}

// toldMax is the longest Retry-After that the script waits out.
func (c Config) toldMax() time.Duration {
	if c.Brief {
		return 3 * time.Second
	}
	return 30 * time.Second
}

func honourTrial(c Config, e *evidence) (attack.Trial, string) {
	told, ok := e.told()
	switch {
	case !ok:
		return attack.Trial{}, untold
	case told > c.toldMax():
		return attack.Trial{}, fmt.Sprintf("clients are told to wait %v, longer than the %v that this script waits", told, c.toldMax())
	}
	var crowd, probe []attack.Segment
	drain := c.at(min(4, c.peakMultiple(e.voids("honour"))), 250*time.Millisecond)
	drain.Burst = c.crowd(float64(c.Limit.Burst))
	switch {
	case c.Ban > 0:
		drain.Len = probeAfter / 2
	case c.alone():
		drain.Len = probeAfter
	}
	probe = append(probe, attack.Segment{Len: probeAfter})
	for k := range c.cycles() {
		// A third of a token's time more in each cycle: the next token's distance is then another each time.
		quiet := told + 400*time.Millisecond + time.Duration(float64(k)/c.Limit.Rate/3*float64(time.Second))
		crowd = append(crowd, drain, attack.Segment{Len: quiet})
		probe = append(probe, attack.Segment{Len: drain.Len + quiet, Burst: c.probes()})
	}
	probe[len(probe)-1].Len -= probeAfter
	idle := time.Duration(0)
	if c.windowed() { // a few that were let in on their own would leave the window on their own, and make room for so few
		idle = c.idle()
	}
	return attack.Trial{Idle: idle, LogMax: attack.MaxLog, Warm: c.warm(drain.Burst), Why: fmt.Sprintf("clients that wait the %v they are told, in silence: are they let in?", told),
		Actors: []attack.Actor{
			crowdActor: c.actor("crowd", attack.Poisson, attack.Manners{}, crowd...),
			probeActor: c.actor("probe", attack.Even, attack.Manners{Policy: attack.RetryAfter, Tries: 2}, probe...),
		}}, ""
}
