package analyze

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/limits/model"
)

// offered is what a limiter makes of a load that it sees from the moment on, as a trial of so many seconds.
func offered(l model.Limiter, from time.Duration, load float64, long int, seed uint64) attack.Measurement {
	rng := rand.New(rand.NewPCG(seed, 3))
	windows := make([]attack.Window, long)
	for i := range windows {
		windows[i] = attack.Window{At: time.Duration(i) * time.Second, Len: time.Second}
	}
	for at := rng.ExpFloat64() / load; at < float64(long); at += rng.ExpFloat64() / load {
		w := &windows[int(at)]
		w.Due++
		if ok, _ := l.Take(from + seconds(at)); ok {
			w.OK++
		} else {
			w.Throttled++
		}
	}
	return attack.Measurement{Windows: windows}
}

// A limiter that counts in windows is known for one, and its rate is told from whole ones, wherever in a window the trial
// begins; a bucket is never taken for one.
func TestWindowsAreMeasuredWhole(t *testing.T) {
	for _, row := range []struct {
		rate, window float64
		over         float64 // offered, of the rate
	}{{300, 9, 1.5}, {300, 7, 1.3}, {60, 10, 2}, {2000, 4, 1.5}, {2000, 3, 1.5}, {25, 8, 1.5}} {
		for seed := range uint64(10) {
			from := seconds(100 + row.window*float64(seed)/10)
			m := offered(model.NewWindow(int(row.rate*row.window), seconds(row.window)), from, row.over*row.rate, 40, seed)
			all := admissions(m)
			got := overWindows(openings(all))
			if !byTurns(all) || got == nil {
				t.Errorf("%.0f/s in windows of %.0fs, seed %d: by turns %v, estimate %+v", row.rate, row.window, seed, byTurns(all), got)
				continue
			}
			truth := math.Floor(row.rate*row.window) / row.window
			if off := math.Abs(got.Value/truth - 1); off > .02 || got.Lo > truth || got.Hi < truth {
				t.Errorf("%.0f/s in windows of %.0fs, seed %d: %+v, %.1f %% off", row.rate, row.window, seed, *got, 100*off)
			}
		}
	}
	for seed := range uint64(50) {
		for _, burst := range []int{5, 300} {
			m := offered(model.NewBucket(300, burst), 0, 390, 20, seed)
			if byTurns(admissions(m)) {
				t.Errorf("a bucket of %d, seed %d: taken for a window", burst, seed)
			}
		}
	}
}

// A trial of no whole window tells no rate, and asks for longer ones until it has several.
func TestAWindowThatIsTooLongTellsNothing(t *testing.T) {
	m := offered(model.NewWindow(18_000, time.Minute), 20*time.Second, 600, 12, 1)
	all := openings(admissions(m))
	if e := overWindows(all); e != nil {
		t.Errorf("12 s of a window of a minute: %+v, want no rate", e)
	}
	if long, enough := wholeLong(all, 12); enough || long != 36 {
		t.Errorf("next a trial of %.0fs, enough: %v; want 36s", long, enough)
	}
	if long, enough := wholeLong([]opening{{3, 0}, {12, 2700}}, 14); enough || long != 36 {
		t.Errorf("after one window of 9 s a trial of %.0fs, enough: %v; want 36s for four of them", long, enough)
	}
	if _, enough := wholeLong([]opening{{3, 0}, {13, 3000}, {23, 6000}}, 26); !enough {
		t.Error("two windows of 10 s are not enough")
	}
}

// The trial over whole windows is of the load that was tried last, not of the next that the budget had no room for.
func TestWholeWindowsAreAskedForAtALoadThatWasTried(t *testing.T) {
	p := Plan{Budget: 31 * time.Second, Min: 1}.withDefaults()
	s := &search{plan: p, effort: efforts[Standard], finding: finding{goal: p.loosest(), hi: math.Inf(1), breaking: math.Inf(1), good: 300}}
	l := model.NewWindow(300*3, 3*time.Second)
	const load = 300 * limiterRaise
	for i := range 2 {
		m := offered(l, seconds(float64(10*i)+.5), load, 10, uint64(i))
		m.Trial, m.Took = s.hold(Limiter, "", load, 10, 0), 10*time.Second
		for w := range m.Windows { // so few are refused that a higher load is asked for
			if keep := m.Windows[w].Throttled / 4; keep < m.Windows[w].Throttled {
				m.Windows[w].Due -= m.Windows[w].Throttled - keep
				m.Windows[w].Throttled = keep
			}
		}
		m.Trial.N = i + 1
		s.todo = append(s.todo, m)
	}
	s.limited()
	if s.want == nil || math.Abs(s.want.Load()-load) > 1e-6 {
		t.Errorf("asked for %+v (%s), want a trial at %.0f/s", s.want, s.why, load)
	}
}
