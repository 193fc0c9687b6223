// Package analyze turns measurements into a capacity: it judges each load against a goal, pools loads into a curve, and
// plans the search for the knee and the breaking load (Plan).
//
// It is pure and sends nothing: a Plan is a function from what was measured to the next trial, so that a search can be
// resumed, replayed and simulated. Limits are the work of package limits.
package analyze
