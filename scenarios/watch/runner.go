package watch

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// Probe is one thing to look at. Look must end soon after its context does; its error is shown to people, so it holds no
// secret.
type Probe struct {
	Name string // of its sights
	Look func(context.Context) (ok bool, value float64, err error)
}

// Every and Patience are how often a Runner looks, and how long one look may take, where nothing else is said.
const (
	Every    = time.Second
	Patience = 2 * time.Second
)

// Runner is a Runner whose trials are watched: each probe looks once before the trial begins, then at its pace, and once
// after the last answer, so that what is counted elsewhere can be compared with what was sent.
type Runner struct {
	attack.Runner
	Probes   []Probe
	Every    time.Duration // 0 means Every
	Patience time.Duration // 0 means Patience
	// Enough ends a trial early, for the first reason that it gives; it is asked with all that was seen so far. nil ends
	// none.
	Enough func(attack.Trial, []attack.Sight) attack.Reason
}

// Run runs the trial and adds what was seen meanwhile to its measurement.
func (r Runner) Run(ctx context.Context, t attack.Trial, watch func(attack.Tick) attack.Reason) (attack.Measurement, error) {
	if len(r.Probes) == 0 {
		return r.Runner.Run(ctx, t, watch)
	}
	b := &book{began: time.Now()}
	r.lookRound(ctx, b)
	during, over := context.WithCancel(ctx)
	var looking sync.WaitGroup
	for _, p := range r.Probes {
		looking.Go(func() { r.keepLooking(during, p, b) })
	}
	m, err := r.Runner.Run(ctx, t, r.watch(t, b, watch))
	over()
	looking.Wait()
	if err != nil {
		return m, err
	}
	r.lookRound(ctx, b)
	m.Sights = b.sights(m.Began)
	if b.dropped > 0 {
		m.Notes = append(m.Notes, attack.Note{Code: "sights-dropped", Text: fmt.Sprintf("%s beside the target were not kept: a trial keeps %d", attack.Plural(b.dropped, "look"), attack.MaxSights)})
	}
	return m, nil
}

// watch is the trial's own rule, and after it the one that has seen enough.
func (r Runner) watch(t attack.Trial, b *book, watch func(attack.Tick) attack.Reason) func(attack.Tick) attack.Reason {
	if r.Enough == nil {
		return watch
	}
	return func(k attack.Tick) attack.Reason {
		if watch != nil {
			if why := watch(k); why != "" {
				return why
			}
		}
		return r.Enough(t, b.sights(time.Time{}))
	}
}

// lookRound looks at everything once, side by side.
func (r Runner) lookRound(ctx context.Context, b *book) {
	var all sync.WaitGroup
	for _, p := range r.Probes {
		all.Go(func() { r.look(ctx, p, b) })
	}
	all.Wait()
}

// keepLooking looks at one thing at its pace until ctx ends. A look that takes longer than the pace delays the next: there
// is never more than one of a probe under way.
func (r Runner) keepLooking(ctx context.Context, p Probe, b *book) {
	every := r.Every
	if every <= 0 {
		every = Every
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			r.look(ctx, p, b)
		}
	}
}

// look looks once. A look that was called off says nothing about what it looked at, so it is not kept.
func (r Runner) look(ctx context.Context, p Probe, b *book) {
	patience := r.Patience
	if patience <= 0 {
		patience = Patience
	}
	patient, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	began := time.Now()
	ok, value, err := p.Look(patient)
	if ctx.Err() != nil {
		return
	}
	s := attack.Sight{Name: p.Name, OK: ok && err == nil, Value: value, Took: time.Since(began)}
	if err != nil {
		s.Error = Why(err)
	}
	b.add(began, s)
}

// book is what was seen, by when.
type book struct {
	began   time.Time
	mu      sync.Mutex
	when    []time.Time
	seen    []attack.Sight
	dropped int
}

func (b *book) add(when time.Time, s attack.Sight) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.seen) >= attack.MaxSights {
		b.dropped++
		return
	}
	b.when, b.seen = append(b.when, when), append(b.seen, s)
}

// sights are those seen so far, counted from the trial's beginning, or from the first look's where that is not known.
func (b *book) sights(began time.Time) []attack.Sight {
	b.mu.Lock()
	defer b.mu.Unlock()
	if began.IsZero() {
		began = b.began
	}
	out := slices.Clone(b.seen)
	for i := range out {
		out[i].At = b.when[i].Sub(began)
	}
	slices.SortStableFunc(out, attack.BySight)
	return out
}
