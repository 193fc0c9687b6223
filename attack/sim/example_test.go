package sim_test

import (
	"context"
	"fmt"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/sim"
	"github.com/plimsoll-load/plimsoll/limits/model"
)

// A service of 800/s behind a token bucket of 100/s and 50, under 300/s for ten seconds.
func Example() {
	bucket := model.NewBucket(100, 50)
	target := sim.Target{
		Servers: 8,
		Service: sim.Service{Shape: sim.Lognormal, Mean: 10 * time.Millisecond, CV: .5},
		Limiter: sim.LimiterFunc(func(at time.Duration, key string) (bool, time.Duration) { return bucket.Take(at) }),
	}
	order := attack.Trial{N: 1, Actors: []attack.Actor{{Schedule: attack.Constant(300, 10*time.Second, attack.Even)}}}
	m, err := sim.New(target, 1).Run(context.Background(), order, nil)
	if err != nil {
		panic(err)
	}
	c := m.Total().Counts
	fmt.Println("capacity", target.Capacity(), "due", c.Due, "ok", c.OK, "throttled", c.Throttled)
	// Output: capacity 800 due 3000 ok 1049 throttled 1951
}
