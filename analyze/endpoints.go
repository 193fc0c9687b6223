package analyze

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// EndpointCurve is how one endpoint of a target fared while the whole target bore its loads.
type EndpointCurve struct {
	Points    []EndpointPoint `json:"points"`                   // by load
	GaveWay   float64         `json:"gave_way,omitempty"`       // load of the whole target from which on it broke the promise; 0 where it never did
	Why       string          `json:"why,omitempty"`            // how it broke it
	P99AtKnee float64         `json:"p99_at_knee_ms,omitempty"` // response time, between the loads around the knee; 0 where there is none
}

// EndpointPoint is one endpoint at one load of the whole target: all trials of that load, pooled.
type EndpointPoint struct {
	Load     float64           `json:"load"`  // of the whole target, arrivals per second
	Share    float64           `json:"share"` // of the requests sent that were this endpoint's, 0..1
	Counts   attack.Counts     `json:"counts"`
	Response *attack.Quantiles `json:"response,omitempty"`
	Service  *attack.Quantiles `json:"service,omitempty"`
	Trials   []int             `json:"trials"` // numbers of the trials pooled

	histogram attack.Histogram // response time
}

// Endpoints are the curves of a target's endpoints, by name, from the same trials as the target's own; nil where the
// measurements keep none apart. Void trials and requests one after the other say nothing of a load.
func Endpoints(done []attack.Measurement, c Capacity) map[string]EndpointCurve {
	type spot struct {
		name string
		load float64
	}
	pools, trials, all := map[spot]*attack.Endpoint{}, map[spot][]int{}, map[float64]int64{}
	for _, m := range done {
		void, _ := m.Void()
		if m.Trial.Serial != nil || void != "" || m.Trial.Load() == 0 {
			continue
		}
		load := math.Round(m.Trial.Load()*1e6) / 1e6
		for _, e := range m.Endpoints {
			at := spot{e.Name, load}
			if pools[at] == nil {
				pools[at] = &attack.Endpoint{}
			}
			pools[at].Counts.Add(e.Counts)
			pools[at].Response.Add(e.Response)
			pools[at].Service.Add(e.Service)
			trials[at] = append(trials[at], m.Trial.N)
			all[load] += e.Due
		}
	}
	var out map[string]EndpointCurve
	for at, e := range pools {
		if out == nil {
			out = map[string]EndpointCurve{}
		}
		curve := out[at.name]
		curve.Points = append(curve.Points, EndpointPoint{Load: at.load, Share: share(e.Due, all[at.load]), Counts: e.Counts,
			Response: e.Response.Quantiles(), Service: e.Service.Quantiles(), Trials: trials[at], histogram: e.Response})
		out[at.name] = curve
	}
	goal := goalOf(c.Goal)
	for name, curve := range out {
		slices.SortFunc(curve.Points, func(a, b EndpointPoint) int { return cmp.Compare(a.Load, b.Load) })
		curve.GaveWay, curve.Why = gaveWay(curve.Points, goal)
		if c.Knee != nil {
			curve.P99AtKnee = p99At(curve.Points, c.Knee.Value)
		}
		out[name] = curve
	}
	return out
}

// goalOf reads a goal as String writes it; what cannot be read promises nothing.
func goalOf(text string) (g Goal) {
	for _, term := range strings.Fields(text) {
		if g.Parse(term) != nil {
			return Goal{}
		}
	}
	return g
}

// Without a bound of the goal's an endpoint has given way when its median is so many times that of its lightest load; whatever
// is said of a load takes so many answers.
const (
	slowedBy    = 3.
	leastEnough = 30
)

// gaveWay is the lowest load from which on an endpoint breaks the promise at every load that tells, and how.
func gaveWay(ps []EndpointPoint, goal Goal) (load float64, why string) {
	var lightest time.Duration
	for _, p := range ps {
		if lightest == 0 && p.told() {
			lightest = p.histogram.Quantile(.5)
		}
	}
	for i := len(ps) - 1; i >= 0; i-- {
		if !ps[i].told() {
			continue
		}
		text := ps[i].broke(goal, lightest)
		if text == "" {
			break
		}
		load, why = ps[i].Load, text
	}
	return load, why
}

func (p EndpointPoint) told() bool { return p.Counts.Due >= leastEnough }

// broke says which promise an endpoint broke at a load; empty where it kept all.
func (p EndpointPoint) broke(goal Goal, lightest time.Duration) string {
	w := attack.Window{Counts: p.Counts, Response: p.histogram}
	if missed := goal.Missed(w); len(missed) > 0 {
		return strings.Join(missed, "; ")
	}
	median := p.histogram.Quantile(.5)
	if len(goal.Latency) > 0 || lightest == 0 || float64(median) < slowedBy*float64(lightest) {
		return ""
	}
	return fmt.Sprintf("its median is %.3gms, %.0f times that of a light load", attack.MS(median), float64(median)/float64(lightest))
}

// p99At is the p99 at a load, between the loads around it, along a power law; 0 where none lies on either side.
func p99At(ps []EndpointPoint, load float64) float64 {
	var told []EndpointPoint
	for _, p := range ps {
		if p.told() && p.Response != nil {
			told = append(told, p)
		}
	}
	i := slices.IndexFunc(told, func(p EndpointPoint) bool { return p.Load >= load })
	if i <= 0 {
		return 0
	}
	a, b := told[i-1], told[i]
	x := math.Log(load/a.Load) / math.Log(b.Load/a.Load)
	return a.Response.P99 * math.Pow(b.Response.P99/max(a.Response.P99, 1e-3), x)
}

// Weakest are the names of the endpoints that gave way first, in order; none where none did, or all did at one load.
func Weakest(curves map[string]EndpointCurve) []string {
	first := math.Inf(1)
	for _, c := range curves {
		if c.GaveWay > 0 {
			first = min(first, c.GaveWay)
		}
	}
	var out []string
	for name, c := range curves {
		if c.GaveWay == first {
			out = append(out, name)
		}
	}
	if len(out) == len(curves) {
		return nil
	}
	slices.Sort(out)
	return out
}
