package main

import (
	"compress/gzip"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/report/journal"
)

// recorded is a search of a real service: what was asked, what was sent and measured, and what was said of it.
type recorded struct {
	plan  analyze.Plan
	done  []attack.Measurement
	found []analyze.Capacity // the tightest last
}

// recording reads a journal that TestRealRecordings made.
func recording(t *testing.T, name string) recorded {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "journals", name+".jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := journal.Read(unzipped)
	if err != nil {
		t.Fatal(err)
	}
	var r recorded
	for _, e := range entries {
		switch {
		case e.Run != nil:
			a := &app{spec: newSpec()}
			if err := json.Unmarshal(e.Run.Spec, a.spec); err != nil {
				t.Fatal(err)
			}
			if r.plan, err = a.searchPlan(); err != nil {
				t.Fatal(err)
			}
			r.plan.Seed = e.Run.Seed
		case e.Trial != nil && e.Trial.Trial.Phase != limits.BurstPhase:
			r.done = append(r.done, *e.Trial)
		case e.Capacity != nil:
			r.found = append(r.found, *e.Capacity)
		}
	}
	if len(r.done) < 5 || len(r.found) == 0 {
		t.Fatalf("%s: %d trials and %d capacities, want a whole search", name, len(r.done), len(r.found))
	}
	return r
}

// Recordings are real runs and how they ended.
var recordings = map[string]struct {
	cause      analyze.Cause
	mode       analyze.Mode
	stationary bool // was not said to have changed
	truth      float64
}{
	"plain":     {analyze.CauseTarget, analyze.ModeCapacity, true, 200},
	"limited":   {analyze.CauseLimiter, analyze.ModeLimited, true, 120},
	"generator": {analyze.CauseGenerator, analyze.ModeIrregular, true, 0},
	"unstable":  {analyze.CauseTarget, analyze.ModeCapacity, false, 0},
	"endpoints": {analyze.CauseTarget, analyze.ModeCapacity, true, 320},
}

// A search cut off after any trial goes on with the trial that came next, whatever the order of what was done; each trial
// ends at the tick at which it ended; and the whole comes to the same words.
func TestRecordedSearchesReplay(t *testing.T) {
	for name := range recordings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := recording(t, name)
			rng := rand.New(rand.NewPCG(1, uint64(len(r.done))))
			for k, m := range r.done {
				if testing.Short() && k%7 != 0 {
					continue
				}
				before := slices.Clone(r.done[:k])
				rng.Shuffle(k, func(i, j int) { before[i], before[j] = before[j], before[i] })
				next, more := r.plan.Next(before)
				if !more || !cmp.Equal(next, m.Trial) {
					t.Fatalf("after %d trials comes %s\n(PLIMSOLL_RECORD=1 with TestRealRecordings records anew, where the search was changed on purpose)", k, cmp.Diff(m.Trial, next))
				}
				endsAlike(t, r.plan.Watch(next, before), m)
			}
			if next, more := r.plan.Next(r.done); more {
				t.Errorf("after all trials comes %+v, want the end", next)
			}
			then, now := r.found[len(r.found)-1], r.plan.Capacity(r.done)
			if diff := cmp.Diff(plainly(t, then), plainly(t, now)); diff != "" {
				t.Errorf("found (-then +now): %s", diff)
			}
		})
	}
}

// endsAlike replays the ticks of a trial: the rule must end it where it ended, and nowhere else.
func endsAlike(t *testing.T, see func(attack.Tick) attack.Reason, m attack.Measurement) {
	t.Helper()
	if see == nil {
		if m.Aborted != nil {
			t.Errorf("trial %d ended for %s, though nothing watches it", m.Trial.N, m.Aborted.Reason)
		}
		return
	}
	for i, tick := range m.Ticks {
		why := see(tick)
		if m.Aborted != nil && why == m.Aborted.Reason {
			return
		}
		if why != "" {
			t.Errorf("trial %d: tick %d of %d ends it for %s, the trial was aborted: %+v", m.Trial.N, i, len(m.Ticks), why, m.Aborted)
			return
		}
	}
	if m.Aborted != nil {
		t.Errorf("trial %d: no tick ends it, it ended for %s", m.Trial.N, m.Aborted.Reason)
	}
}

// plainly is what the search says of a capacity, as the journal holds it: bursts come later.
func plainly(t *testing.T, c analyze.Capacity) (out map[string]any) {
	t.Helper()
	c.Burst = nil
	c.Notes = slices.DeleteFunc(slices.Clone(c.Notes), func(n attack.Note) bool { return n.Code == "no-bursts" })
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// What real services, a limiter and a starved generator are said to be.
func TestRecordedSearchesAreRight(t *testing.T) {
	for name, want := range recordings {
		r := recording(t, name)
		c := r.plan.Capacity(r.done)
		if c.Cause != want.cause || c.Mode != want.mode {
			t.Errorf("%s: cause %s and mode %s (%s), want %s and %s", name, c.Cause, c.Mode, c.Why, want.cause, want.mode)
		}
		if changed := c.Stationary != nil && !*c.Stationary; changed == want.stationary {
			t.Errorf("%s: said to have changed: %v, want %v", name, changed, !want.stationary)
		}
		e := c.Estimate
		if name == "limited" {
			e = c.Limiter
		}
		if want.truth > 0 && (e == nil || e.Lo > want.truth || e.Hi < want.truth) {
			t.Errorf("%s: estimate %+v, want one that holds %.0f/s", name, e, want.truth)
		}
	}
	r := recording(t, "endpoints")
	if first := analyze.Weakest(analyze.Endpoints(r.done, r.plan.Capacity(r.done))); !slices.Equal(first, []string{"GET /slow"}) {
		t.Errorf("%q gave way first, want GET /slow", first)
	}
}

// Whatever a journal says was measured, the search goes on within its bounds or ends.
func TestDamagedRecordingsDoNoHarm(t *testing.T) {
	for name := range recordings {
		r := recording(t, name)
		rng := rand.New(rand.NewPCG(2, uint64(len(r.done))))
		rounds := 60
		if testing.Short() {
			rounds = 6
		}
		for range rounds {
			done := slices.Clone(r.done[:rng.IntN(len(r.done)+1)])
			for i := range done {
				if rng.IntN(8) == 0 {
					done[i] = damaged(rng, done[i], r.done)
				}
			}
			next, more := r.plan.Next(done)
			if load := next.Load(); more && next.Serial == nil && (load < analyze.DefaultMin || load > r.plan.Max || next.Validate() != nil) {
				t.Fatalf("%s: next at %v/s (%v), want within bounds", name, load, next.Validate())
			}
			if _, err := json.Marshal(r.plan.Capacities(done)); err != nil {
				t.Fatalf("%s: a capacity that cannot be written down: %v", name, err)
			}
		}
	}
}

// damaged is a measurement that no engine would make.
func damaged(rng *rand.Rand, m attack.Measurement, others []attack.Measurement) attack.Measurement {
	other := others[rng.IntN(len(others))]
	switch rng.IntN(8) {
	case 0:
		m.Ticks = nil
	case 1:
		m.Windows = nil
	case 2:
		m.Ticks = m.Ticks[:rng.IntN(len(m.Ticks)+1)]
	case 3:
		m.Ticks, m.Endpoints = other.Ticks, other.Endpoints
	case 4:
		m.Windows, m.Took = other.Windows, -m.Took
	case 5:
		m.Aborted = &attack.Abort{At: m.Took, Reason: attack.Reason(strings.Repeat("x", rng.IntN(3)))}
	case 6:
		m.Endpoints = nil
	default:
		m = other
	}
	return m
}
