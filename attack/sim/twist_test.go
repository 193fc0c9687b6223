package sim_test

import (
	"context"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/sim"
)

// A limiter that looks at the whole request refuses by what it sees there.
func TestALimiterSeesHowARequestWasTwisted(t *testing.T) {
	r := sim.New(sim.Target{Servers: 4, Service: sim.Service{Mean: time.Millisecond}, Limiter: sim.AskerFunc(func(c sim.Call) (bool, time.Duration) {
		return c.Twist.Method == "HEAD" && c.Key == "k", time.Second
	})}, 1)
	one := attack.Schedule{Segments: []attack.Segment{{Burst: 3, Len: time.Second}}}
	m, err := r.Run(context.Background(), attack.Trial{Actors: []attack.Actor{
		{Name: "plain", Identity: attack.Identity{Value: "k"}, Schedule: one},
		{Name: "head", Identity: attack.Identity{Value: "k"}, Schedule: one, Twist: attack.Twist{Method: "HEAD"}},
	}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if plain, head := m.Of(0), m.Of(1); plain.OK != 0 || head.OK != 3 {
		t.Errorf("let in %d plain and %d twisted, want 0 and 3", plain.OK, head.OK)
	}
	m, err = r.Run(context.Background(), attack.Trial{Serial: &attack.Serial{Max: 2, Identity: attack.Identity{Value: "k"}, Twist: attack.Twist{Method: "HEAD"}}}, nil)
	if err != nil || m.All().OK != 2 {
		t.Errorf("serial: let in %d, %v, want 2", m.All().OK, err)
	}
}
