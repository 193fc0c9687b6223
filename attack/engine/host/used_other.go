//go:build !unix

package host

import "time"

// Used is unknown on this system.
func Used() (used time.Duration, known bool) { return 0, false }
