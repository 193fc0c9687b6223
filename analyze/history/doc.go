// Package history tells from past runs when a service began to bear more or less than before.
//
// It is pure, and it only reports: whether a change is to be borne is for a gate, and for people, to decide.
package history
