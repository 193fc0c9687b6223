//go:build !linux

package engine

import "time"

// kernelTimer is not known on this system; the runtime's timers are used.
type kernelTimer struct{}

func newKernelTimer() *kernelTimer      { return nil }
func (*kernelTimer) wait(time.Duration) {}
func (*kernelTimer) cut()               {}
func (*kernelTimer) close()             {}
