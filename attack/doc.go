// Package attack is the vocabulary of load: what is asked of a generator (Schedule, Trial), what came of it
// (Tick, Window, Measurement, Histogram), and the seam between those who plan and those who send (Planner, Runner, Drive).
//
// It is pure: it never reads a clock, opens a socket or a file, or draws from a global random source. Time comes in as a
// value. It judges nothing; that is the work of package analyze.
package attack
