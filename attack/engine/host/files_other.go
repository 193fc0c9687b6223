//go:build !unix

package host

// Files is unknown on this system, which has no such limit.
func Files() (soft, hard uint64, ok bool) { return 0, 0, false }
