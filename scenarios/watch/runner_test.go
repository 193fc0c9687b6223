package watch

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// sleeper is a Runner whose trial is silent for two seconds, lasts five, ticks every second, and ends when it is told to.
type sleeper struct{ err error }

const silence = 2 * time.Second

func (s sleeper) Run(ctx context.Context, t attack.Trial, watch func(attack.Tick) attack.Reason) (attack.Measurement, error) {
	time.Sleep(silence)
	m := attack.Measurement{Trial: t, Began: time.Now()}
	for range 5 {
		select {
		case <-ctx.Done():
			m.Aborted = &attack.Abort{At: time.Since(m.Began), Reason: attack.Interrupted}
			return m, s.err
		case <-time.After(time.Second):
		}
		if watch == nil {
			continue
		}
		if why := watch(attack.Tick{Elapsed: time.Since(m.Began)}); why != "" {
			m.Aborted = &attack.Abort{At: time.Since(m.Began), Reason: why}
			return m, s.err
		}
	}
	return m, s.err
}

// counting is a probe that takes a while and says how often it was asked.
func counting(takes time.Duration) Probe {
	n := 0.0
	return Probe{Name: "n", Look: func(ctx context.Context) (bool, float64, error) {
		select {
		case <-ctx.Done():
			return false, 0, ctx.Err()
		case <-time.After(takes):
		}
		n++
		return true, n, nil
	}}
}

func TestLooksBeforeDuringAndAfterATrial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, err := Runner{Runner: sleeper{}, Probes: []Probe{counting(10 * time.Millisecond)}}.Run(t.Context(), attack.Trial{N: 7}, nil)
		if err != nil || m.Trial.N != 7 {
			t.Fatalf("measured %+v, %v", m.Trial, err)
		}
		if first := m.Sights[0]; first.At != -silence-10*time.Millisecond || !first.OK || first.Took != 10*time.Millisecond {
			t.Errorf("first sight %+v, want one before the silence of %v", first, silence)
		}
		last := m.Sights[len(m.Sights)-1]
		if last.At < 5*time.Second || last.Value != float64(len(m.Sights)) {
			t.Errorf("last sight %+v, want one after the last answer", last)
		}
		if n := len(m.Sights); n < 8 || n > 9 { // before, after, and once a second for 7 s
			t.Errorf("%d sights, want 8 or 9", n)
		}
	})
}

func TestAProbeThatHangsDelaysNoTrial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := Runner{Runner: sleeper{}, Probes: []Probe{counting(time.Hour), {Name: "fine", Look: counting(0).Look}}, Patience: 300 * time.Millisecond}
		m, err := r.Run(t.Context(), attack.Trial{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range m.Seen("n") {
			if s.OK || s.Error != "timeout" || s.Took != 300*time.Millisecond {
				t.Fatalf("sight %+v, want a timeout after 300ms", s)
			}
		}
		if len(m.Seen("n")) < 5 || len(m.Seen("fine")) < 8 {
			t.Errorf("%d timeouts and %d looks beside them, want both to go on", len(m.Seen("n")), len(m.Seen("fine")))
		}
	})
}

func TestWhatWasSeenEndsATrialOnceItIsEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		enough := func(_ attack.Trial, seen []attack.Sight) attack.Reason {
			if seen[len(seen)-1].Value >= 5 {
				return "seen enough"
			}
			return ""
		}
		r := Runner{Runner: sleeper{}, Probes: []Probe{counting(0)}, Enough: enough}
		m, err := r.Run(t.Context(), attack.Trial{}, func(attack.Tick) attack.Reason { return "" })
		if err != nil || m.Aborted == nil || m.Aborted.Reason != "seen enough" || m.Aborted.At > 3*time.Second {
			t.Errorf("ended %+v, %v; want it ended after four seconds with what was seen", m.Aborted, err)
		}
		m, _ = r.Run(t.Context(), attack.Trial{}, func(attack.Tick) attack.Reason { return "its own" })
		if m.Aborted == nil || m.Aborted.Reason != "its own" {
			t.Errorf("ended %+v, want the trial's own rule to go first", m.Aborted)
		}
	})
}

func TestNoLookOutlivesATrial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the bubble fails if a goroutine is left
		ctx, cancel := context.WithTimeout(t.Context(), silence+1500*time.Millisecond)
		defer cancel()
		m, err := Runner{Runner: sleeper{}, Probes: []Probe{counting(time.Hour)}}.Run(ctx, attack.Trial{}, nil)
		if err != nil || m.Aborted == nil || m.Aborted.Reason != attack.Interrupted {
			t.Errorf("%+v, %v; want what was measured so far", m.Aborted, err)
		}
		for _, s := range m.Sights {
			if s.At+s.Took > 1500*time.Millisecond || s.Error != "timeout" {
				t.Errorf("sight %+v of a look that was called off", s)
			}
		}
	})
}

func TestAnErrorOfTheGeneratorStaysOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		if _, err := (Runner{Runner: sleeper{broken}, Probes: []Probe{counting(0)}}).Run(t.Context(), attack.Trial{}, nil); !errors.Is(err, broken) {
			t.Errorf("error %v, want the generator's", err)
		}
	})
}

func TestSightsAreBounded(t *testing.T) {
	b := &book{}
	for range attack.MaxSights + 3 {
		b.add(time.Time{}, attack.Sight{Name: "n"})
	}
	if len(b.seen) != attack.MaxSights || b.dropped != 3 {
		t.Errorf("%d kept, %d dropped; want %d and 3", len(b.seen), b.dropped, attack.MaxSights)
	}
}
