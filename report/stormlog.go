package report

import (
	"math"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// fineWidths are the slots that a storm's requests are counted in, in seconds: round ones, so that an axis can name them.
var fineWidths = []float64{0.05, 0.1, 0.2, 0.25, 0.5}

// A storm is drawn from its single requests in at most so many slots, of at least so many requests on average: in fewer, what is
// drawn is chance.
const (
	fineSlots = 160
	fineLeast = 12
)

// layStorm lays the trials of a storm end to end: by the moments at which single requests were sent, retries among them, where the
// log has them all, and by windows of a second elsewhere.
func layStorm(trials []attack.Measurement) timeline {
	if t, ok := layOutLog(trials); ok {
		return t
	}
	return layOut(trials, stormSlots)
}

// layOutLog is false when the log does not hold every request, or some arrival was never sent, or a second says as much.
func layOutLog(trials []attack.Measurement) (t timeline, ok bool) {
	end, n := 0.0, 0
	var begins []float64
	for _, m := range trials {
		if m.Trial.Serial != nil || lengthOf(m) == 0 {
			begins = append(begins, 0)
			continue
		}
		w := m.Total()
		if m.LogDropped > 0 || w.Unsent > 0 || int64(len(m.Log)) < w.Attempts {
			return t, false
		}
		begins, n = append(begins, end), n+len(m.Log)
		t.name(m.Trial.Phase, end, end+logLength(m))
		end += logLength(m)
	}
	for _, width := range fineWidths {
		if slots := end / width; slots <= fineSlots && float64(n) >= fineLeast*slots {
			t.width = width
			t.slots = make([]slot, int(math.Ceil(end/width-1e-9)))
			break
		}
	}
	for i, m := range trials {
		if t.width > 0 && m.Trial.Serial == nil {
			t.count(m, begins[i])
		}
	}
	return t, len(t.slots) > 1
}

// logLength is how long requests of a measurement were sent, to the half second.
func logLength(m attack.Measurement) float64 {
	long := lengthOf(m)
	for _, a := range m.Log {
		long = max(long, a.Sent.Seconds())
	}
	return math.Ceil(long*2-1e-9) / 2
}

// count sorts the requests of a measurement that began at a moment into slots, and keeps their response times.
func (t *timeline) count(m attack.Measurement, began float64) {
	t.spread(began, began+logLength(m), func(s *slot, _, seconds float64) { s.covered += seconds })
	windows := make([]attack.Window, len(t.slots))
	for _, a := range m.Log {
		i := min(int((began+a.Sent.Seconds())/t.width), len(t.slots)-1)
		c := attack.Counts{Due: 1, Attempts: 1}
		*c.Of(a.Outcome) = 1
		t.slots[i].add(c, 1)
		t.slots[i].apart(float64(one(a.Outcome == attack.Failed && isTurnedAway(m.Trial, a.Actor, a.Status))))
		if a.Outcome == attack.OK {
			windows[i].Response.Record(a.Received - a.Due)
		}
	}
	for i, w := range windows {
		if w.Response.N() > 0 {
			w.Len = time.Duration(t.width * float64(time.Second))
			t.windows = append(t.windows, placed{at: float64(i) * t.width, Window: w})
		}
	}
}
