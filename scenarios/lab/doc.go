// Package lab is something real to measure and to judge: a Backend whose capacity is known exactly, behind a Gateway that
// throttles as a reference gateway should, or with one planted fault.
//
// It holds http.Handlers only. It never listens, sends nothing, and knows nothing of whoever measures it.
package lab
