package analyze

import (
	"cmp"
	"math"
	"slices"

	"github.com/plimsoll-load/plimsoll/attack"
)

// EndpointCurve is how one endpoint of a target fared while the whole target bore its loads.
type EndpointCurve struct {
	Points []EndpointPoint `json:"points"` // by load
}

// EndpointPoint is one endpoint at one load of the whole target: all trials of that load, pooled.
type EndpointPoint struct {
	Load     float64           `json:"load"`  // of the whole target, arrivals per second
	Share    float64           `json:"share"` // of the requests sent that were this endpoint's, 0..1
	Counts   attack.Counts     `json:"counts"`
	Response *attack.Quantiles `json:"response,omitempty"`
	Service  *attack.Quantiles `json:"service,omitempty"`
	Trials   []int             `json:"trials"` // numbers of the trials pooled
}

// Endpoints are the curves of a target's endpoints, by name, from the same trials as the target's own; nil where the
// measurements keep none apart. Void trials and requests one after the other say nothing of a load.
func Endpoints(done []attack.Measurement) map[string]EndpointCurve {
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
		c := out[at.name]
		c.Points = append(c.Points, EndpointPoint{Load: at.load, Share: share(e.Due, all[at.load]), Counts: e.Counts,
			Response: e.Response.Quantiles(), Service: e.Service.Quantiles(), Trials: trials[at]})
		out[at.name] = c
	}
	for _, c := range out {
		slices.SortFunc(c.Points, func(a, b EndpointPoint) int { return cmp.Compare(a.Load, b.Load) })
	}
	return out
}
