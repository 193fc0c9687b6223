package analyze

import (
	"cmp"

	"github.com/plimsoll-load/plimsoll/attack"
)

// silent is the class of error that a measurement ended in of which nothing at all was answered; "" where anything was, or
// where too little was sent to tell.
//
// Note: a request that timed out is no such sign. A target that is still at work on its backlog is as silent.
func silent(m attack.Measurement) string {
	var c attack.Counts
	errors := map[string]int64{}
	for _, w := range m.Windows {
		if len(w.Statuses) > 0 {
			return ""
		}
		c.Add(w.Counts)
		for class, n := range w.Errors {
			errors[class] += n
		}
	}
	if c.Failed < canaries || c.Failed < c.Due-c.Unsent {
		return ""
	}
	return cmp.Or(attack.Foremost(errors), "no answer")
}

// gone stops the search of a target that answers nothing any more. The trial after which that was seen may have been its
// last or have found it gone already: it says nothing of the load.
func (s *search) gone(class string) bool {
	last := &s.rows[len(s.rows)-1]
	last.j = last.j.is(Undecided, "", "the target stopped answering")
	return s.stop(CauseGone, "the target stopped answering in trial %d at %s: %s", last.m.Trial.N, perSecond(last.m.Trial.Load()), class)
}
