package host

import "io/fs"

// Kernel is the kernel's release.
func Kernel(root fs.FS) (release string, ok bool) {
	release, ok = read(root, "proc/sys/kernel/osrelease")
	return release, ok && release != ""
}
