//go:build !unix

package engine

import "time"

// ownCPU is not read here.
func ownCPU() (used time.Duration, known bool) { return 0, false }
