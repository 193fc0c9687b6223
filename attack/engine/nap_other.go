//go:build !linux

package engine

import "time"

// nap sleeps as finely as this system's timers do.
func nap(d time.Duration) { time.Sleep(d) }
