package sim

import "time"

// what an event is about.
type kind uint8

const (
	answered kind = iota // the answer to an attempt arrives
	leaves               // an attempt leaves: a retry, or a first attempt that a slow generator sends late
	knocks               // an attempt reaches the limiter
	enters               // an attempt that a limiter held goes on to the servers
)

// event is a moment at which something happens to an arrival. Ties keep the order in which they were pushed.
type event struct {
	at   time.Duration
	seq  uint64
	kind kind
	a    *arrival
}

func (e event) before(o event) bool { return e.at < o.at || e.at == o.at && e.seq < o.seq }

// events is a heap, earliest first. container/heap would box every event.
type events struct {
	heap []event
	seq  uint64
}

func (q *events) push(at time.Duration, k kind, a *arrival) {
	q.seq++
	e := event{at, q.seq, k, a}
	q.heap = append(q.heap, e)
	i := len(q.heap) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if !e.before(q.heap[parent]) {
			break
		}
		q.heap[i] = q.heap[parent]
		i = parent
	}
	q.heap[i] = e
}

func (q *events) pop() event {
	top, last := q.heap[0], q.heap[len(q.heap)-1]
	q.heap = q.heap[:len(q.heap)-1]
	h, i := q.heap, 0
	for {
		child := 2*i + 1
		if child >= len(h) {
			break
		}
		if child+1 < len(h) && h[child+1].before(h[child]) {
			child++
		}
		if !h[child].before(last) {
			break
		}
		h[i] = h[child]
		i = child
	}
	if len(h) > 0 {
		h[i] = last
	}
	return top
}
