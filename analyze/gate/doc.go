// Package gate decides whether a service still bears what it bore before: by a sequential test of one load, or by the ratio
// of capacities that were searched for.
//
// It is pure. It says "undecided" when the evidence is thin, and never blames the target for a weak generator.
package gate
