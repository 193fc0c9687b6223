// Package sim is a target made of arithmetic and the Runner that puts load on it: queues, limiters and clients in virtual
// time, so that a search of minutes is over in milliseconds and its truth is known in closed form.
//
// It is pure: it never waits, never opens a socket, and the same seed gives the same measurements. It judges nothing.
package sim
