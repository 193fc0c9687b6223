// Package engine sends a trial from this process: it is the real attack.Runner, over vegeta.
//
// It counts and times what becomes of every arrival and looks at its own health. It judges no target, plans no trial and
// writes nothing.
//
//	Stream ─► pacer ─► vegeta ─► exchange ─► ledger ─► Measurement
//	           │ due      ticks     │ refused   ▲
//	           └ permits            └ comebacks ┘
//
// vegeta ticks and starts the requests. When an arrival is due, how many may be in flight, what is sent, and how it is
// counted, is decided here: vegeta's own target is a dummy, and its results are drained unread. So response times run from the due moment, and
// a slow target cannot make the generator forget the arrivals that waited for it.
package engine
