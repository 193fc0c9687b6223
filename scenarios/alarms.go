package scenarios

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// Alarms are what the monitoring beside the target is declared to do. The generator's sights show whether it does.
type Alarms struct {
	Fire   []string      // alarms that a storm must set off
	Quiet  []string      // alarms that must not fire while half the limit is asked for
	Within time.Duration // of the storm's beginning; also how long it is quiet
	By     []string      // who must tell of them: attack.SightAlert, attack.SightNotice
	Query  string        // an expression that must hold from before the first storm to after the last; "" for none
}

// Validate reports the first setting that makes no sense.
func (a Alarms) Validate() error {
	named := len(a.Fire)+len(a.Quiet) > 0
	switch {
	case named && (a.Within < withinMin || a.Within > withinMax):
		return fmt.Errorf("alarms within %v, want %v to %v", a.Within, withinMin, withinMax)
	case named && len(a.By) == 0:
		return errors.New("alarms are expected, and nobody was named who tells of them")
	}
	for _, name := range slices.Concat(a.Fire, a.Quiet) {
		if strings.TrimSpace(name) == "" {
			return errors.New("an alarm without a name is expected")
		}
	}
	return nil
}

// How long a storm may be made to wait for its alarm: a scrape and an evaluation take seconds, and nobody watches a test
// for longer than minutes.
const (
	withinMin = 2 * time.Second
	withinMax = 10 * time.Minute
)

// alarmTimes is the storm's multiple of the limit: enough for a third of all requests to be refused, and little enough for
// what stands behind a throttle that is broken.
const alarmTimes = 1.5

// quietTimes is the multiple of the limit at which no alarm has a reason to fire.
const quietTimes = 0.5

var alarms = []scenario{
	{name: "alarms", title: "Half the limit, then more than it: do the alarms fire when they should, and only then", checks: []check{
		{id: "V42", name: "no-alert-when-quiet", asks: "no alarm fires while nothing is wrong",
			stages: []string{"quiet"}, look: noAlarmWhenQuiet},
		{id: "V40", name: "alert-fires", asks: "the alarm fires in time when the throttle refuses",
			stages: []string{"alarm"}, sure: true, look: alarmFires},
	}, lacks: func(c Config) string {
		if len(c.Alarms.Fire)+len(c.Alarms.Quiet) == 0 {
			return "an alarm to expect, or to expect none of"
		}
		return ""
	}},
	{name: "backend-query", title: "What the monitoring says of the backend, through every storm", checks: []check{
		{id: "V41", name: "backend-query", asks: "the expression holds from before the first storm to after the last",
			stages: []string{"overload"}, sure: true, look: queryHolds},
	}, lacks: func(c Config) string {
		if c.Alarms.Query == "" {
			return "an expression to expect"
		}
		return ""
	}},
}

// alarmStages come before all others, so that no alarm is left over from an earlier storm.
var alarmStages = []stage{
	{name: "quiet", tries: 2, build: quietTrial},
	{name: "alarm", tries: 2, build: alarmTrial},
}

func quietTrial(c Config, _ *evidence) (attack.Trial, string) {
	if len(c.Alarms.Quiet) == 0 {
		return attack.Trial{}, "no alarm was expected to be quiet"
	}
	return attack.Trial{Idle: c.idle(), Why: "half the limit: does anything ring",
		Actors: []attack.Actor{c.actor("quiet", attack.Even, attack.Manners{}, c.at(quietTimes, c.Alarms.Within))}}, ""
}

func alarmTrial(c Config, _ *evidence) (attack.Trial, string) {
	if len(c.Alarms.Fire) == 0 {
		return attack.Trial{}, "no alarm was expected"
	}
	storm := c.at(alarmTimes, c.Alarms.Within+time.Second) // a look's time longer, so that the last one is past the bound
	storm.Burst = c.Limit.Burst                            // so that it refuses from the beginning
	return attack.Trial{Warm: c.warm(storm.Burst), Why: fmt.Sprintf("%.3g times the limit until %s fires, %s at most", alarmTimes, strings.Join(c.Alarms.Fire, ", "), brief(c.Alarms.Within)),
		Actors: []attack.Actor{c.actor("crowd", attack.Poisson, attack.Manners{}, storm)}}, ""
}

// AlarmsRang is the reason of a storm that was ended because every alarm fired.
const AlarmsRang attack.Reason = "every alarm that was waited for fires"

// Enough ends the storm that waits for alarms once all of them were seen to fire.
func (s Script) Enough(t attack.Trial, seen []attack.Sight) attack.Reason {
	if t.Phase != PhasePrefix+"alarm" {
		return ""
	}
	for _, name := range s.c.Alarms.sights(s.c.Alarms.Fire) {
		if !slices.ContainsFunc(seen, func(x attack.Sight) bool { return x.Name == name && x.Value > 0 }) {
			return ""
		}
	}
	return AlarmsRang
}

// sights are the names under which alarms are seen.
func (a Alarms) sights(names []string) (out []string) {
	for _, by := range a.By {
		for _, name := range names {
			out = append(out, by+name)
		}
	}
	return out
}

// teller names who tells of a sight, for people.
func teller(sight string) string {
	if name, ok := strings.CutPrefix(sight, attack.SightNotice); ok {
		return "a notification of " + name
	}
	return strings.TrimPrefix(sight, attack.SightAlert)
}

// alarmFires (V40): in a storm that is refused, each alarm is seen to fire no later than it was promised, and was not firing
// before.
func alarmFires(e *evidence, ms []attack.Measurement) finding {
	m := ms[0]
	within := e.c.Alarms.Within
	want := fmt.Sprintf("%s within %s", strings.Join(e.c.Alarms.Fire, ", "), brief(within))
	var got []string
	for _, name := range e.c.Alarms.sights(e.c.Alarms.Fire) {
		looks := sighted(m.Seen(name))
		first := slices.IndexFunc(looks, func(s attack.Sight) bool { return s.Value > 0 })
		switch {
		case len(looks) == 0:
			return unsure(want, "not seen", "nobody could be asked about %s: %s", teller(name), blindness(m.Seen(name)))
		case first == 0:
			return unsure(want, "fires already", "%s was there before the storm, which so proves nothing: let it end first", teller(name))
		case first > 0 && looks[first].At <= within:
			got = append(got, fmt.Sprintf("%s after %s", teller(name), brief(looks[first].At)))
		case first < 0 && looks[len(looks)-1].At < within:
			return unsure(want, "not seen", "%s was looked for until %s only: %s", teller(name), brief(looks[len(looks)-1].At), blindness(m.Seen(name)))
		case e.refusals(m.All()) == 0:
			return unsure(want, "not seen", "nobody was refused, so there was nothing to ring for")
		case first < 0:
			return failed(want, "none", "%d of %s were refused in %s, and %s did not come: nobody would know", e.refusals(m.All()), attack.Plural(m.All().Due, "request"), brief(m.Took), teller(name))
		default:
			return failed(want, "after "+brief(looks[first].At), "%s comes late", teller(name))
		}
	}
	return passed(want, strings.Join(got, ", "), "it fires while %d of %s are refused, and was silent before", e.refusals(m.All()), attack.Plural(m.All().Due, "request"))
}

// noAlarmWhenQuiet (V42): while half the limit is asked for, no alarm that is expected to be quiet fires.
func noAlarmWhenQuiet(e *evidence, ms []attack.Measurement) finding {
	m := ms[0]
	want := fmt.Sprintf("no %s in %s", strings.Join(e.c.Alarms.Quiet, ", "), brief(e.c.Alarms.Within))
	for _, name := range e.c.Alarms.sights(e.c.Alarms.Quiet) {
		looks := sighted(m.Seen(name))
		fires := func(s attack.Sight) bool { return s.Value > 0 }
		switch {
		case len(looks) == 0 || len(looks) < len(m.Seen(name))/2:
			return unsure(want, "not seen", "nobody could be asked about %s: %s", teller(name), blindness(m.Seen(name)))
		case !slices.ContainsFunc(looks, fires):
		case e.refusals(m.All()) > 0:
			return unsure(want, teller(name), "%s refused though only half the limit was asked for, so it may have a reason", attack.Were(e.refusals(m.All()), "request"))
		case fires(looks[0]) && !fires(looks[len(looks)-1]):
			return unsure(want, teller(name), "it was left over from before and ended meanwhile: ask again")
		default:
			at := looks[slices.IndexFunc(looks, fires)].At
			return failed(want, fmt.Sprintf("%s after %s", teller(name), brief(max(at, 0))), "it fires though nobody was refused: an alarm that cries wolf is soon ignored")
		}
	}
	return passed(want, "none", "%s at half the limit set off no alarm", attack.Plural(m.All().Due, "request"))
}

// queryHolds (V41): the expression holds at each look of every stage. Where it did not hold before anything was sent, the
// storms prove nothing about it.
func queryHolds(e *evidence, _ []attack.Measurement) finding {
	want := e.c.Alarms.Query
	looks, phases, missed := e.queries()
	switch {
	case len(looks) == 0:
		return unsure(want, "not asked", "Prometheus could not be asked: %s", blindness(missed))
	case !looks[0].OK:
		return unsure(want, "does not hold at rest", "it did not hold before anything was sent: no such series, or the backend was unwell already")
	case len(missed) > len(looks):
		return unsure(want, "mostly not asked", "%d of %s brought nothing: %s", len(missed), attack.Plural(len(missed)+len(looks), "look"), blindness(missed))
	}
	for i, s := range looks {
		if !s.OK {
			return failed(want, "does not hold", "it stopped holding %s into stage %s", brief(max(s.At, 0)), phases[i])
		}
	}
	last := looks[len(looks)-1]
	return passed(want, fmt.Sprintf("holds, last with %.4g", last.Value), "it held at each of %s, from before the first storm to after the last", attack.Plural(len(looks), "look"))
}

// queries are the looks at the expression, over all trials in order, with the stage of each, and those that brought nothing.
func (e *evidence) queries() (looks []attack.Sight, phases []string, missed []attack.Sight) {
	var all []attack.Measurement
	for _, ms := range e.stages {
		all = append(all, ms...)
	}
	slices.SortFunc(all, func(a, b attack.Measurement) int { return cmp.Compare(a.Trial.N, b.Trial.N) })
	for _, m := range all {
		for _, s := range m.Seen(attack.SightQuery) {
			if s.Error != "" {
				missed = append(missed, s)
				continue
			}
			looks, phases = append(looks, s), append(phases, strings.TrimPrefix(m.Trial.Phase, PhasePrefix))
		}
	}
	return looks, phases, missed
}

// sighted are the looks that brought something.
func sighted(all []attack.Sight) (out []attack.Sight) {
	for _, s := range all {
		if s.Error == "" {
			out = append(out, s)
		}
	}
	return out
}

// blindness is why looks brought nothing.
func blindness(all []attack.Sight) string {
	for _, s := range slices.Backward(all) {
		if s.Error != "" {
			return s.Error
		}
	}
	return "nobody looked"
}
