package analyze

import "fmt"

// How close to the sustained load, and how light, the loads must be that tell how latency grows between them, how many answers
// each takes, and from which growth of p95 on it is gradual: critical loads begin at half as much again.
const (
	nearLeast   = .85
	lightestTo  = .5
	growthTells = 100
	gradualFrom = 2.
)

// Approach tells in a sentence how latency grows towards the breaking load: gradually, so that it warns of the end, or not at
// all, as at the edge of a cliff. It is empty where no load close enough to the highest sustained one was measured.
func (c Capacity) Approach() (text string, cliff bool) {
	if c.Sustained == nil || c.Breaking == nil {
		return "", false
	}
	var light, near *Point
	for i, p := range c.Points {
		if p.Class != Sustained || p.Response == nil || p.Response.N < growthTells || p.Load > c.Sustained.Value*(1+1e-6) {
			continue
		}
		if light == nil && p.Load <= lightestTo*c.Sustained.Value {
			light = &c.Points[i]
		}
		if p.Load >= nearLeast*c.Sustained.Value {
			near = &c.Points[i]
		}
	}
	if light == nil || near == nil || light.Response.P95 <= 0 {
		return "", false
	}
	growth, share := near.Response.P95/light.Response.P95, 100*near.Load/c.Sustained.Value
	if growth < gradualFrom {
		return fmt.Sprintf("It breaks as off a cliff: at %.0f%% of the sustained load p95 is %.1f times that of a light load, and nothing warns before the end.", share, growth), true
	}
	return fmt.Sprintf("It degrades gradually: at %.0f%% of the sustained load p95 is %.1f times that of a light load.", share, growth), false
}
