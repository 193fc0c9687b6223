// Package population is a set of simulated services of all kinds, drawn at random, with the truth about each: what a search
// says of them can be held against what they are.
//
// It is pure, no program imports it, and the same set always holds the same services.
package population
