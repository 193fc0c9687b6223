package lab

import "time"

// servers are the moments at which each server becomes free, as a heap: the earliest is first.
type servers []time.Duration

// book gives the earliest free server work that takes so long, from now or from when it is free, and says when it starts
// and ends.
func (s servers) book(now, work time.Duration) (start, end time.Duration) {
	start = max(now, s[0])
	end = start + work
	s[0] = end
	s.sink()
	return start, end
}

// sink moves the first moment to its place.
func (s servers) sink() {
	for i := 0; ; {
		least := 2*i + 1
		if least >= len(s) {
			return
		}
		if right := least + 1; right < len(s) && s[right] < s[least] {
			least = right
		}
		if s[i] <= s[least] {
			return
		}
		s[i], s[least] = s[least], s[i]
		i = least
	}
}

// line is the starts still to come of requests that wait for a server, in order of arrival, which is also their order in
// time: the first come is the first served.
type line struct {
	starts []time.Duration
	head   int
}

func (l *line) len() int { return len(l.starts) - l.head }

func (l *line) push(start time.Duration) { l.starts = append(l.starts, start) }

// advance drops those who have started by now.
func (l *line) advance(now time.Duration) {
	for l.head < len(l.starts) && l.starts[l.head] <= now {
		l.head++
	}
	if 2*l.head >= len(l.starts) {
		l.starts = l.starts[:copy(l.starts, l.starts[l.head:])]
		l.head = 0
	}
}
