package host

import (
	"io/fs"
	"path"
	"slices"
	"strings"
)

// maxGroups bounds how many cgroups above one another are asked.
const maxGroups = 64

const groups = "sys/fs/cgroup"

// groupDirs are the folders that bind this process's use of a controller ("cpu", "memory"), its own first, the root of the
// hierarchy last. In version 1 each controller has a hierarchy of its own, in version 2 there is one for all (cgroups(7));
// both may be there.
func groupDirs(root fs.FS, controller string) (v1, v2 []string) {
	text, _ := read(root, "proc/self/cgroup")
	at2 := "/"
	for line := range strings.Lines(text) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		switch {
		case len(fields) < 3:
		case fields[1] == "":
			at2 = path.Clean("/" + fields[2])
		case slices.Contains(strings.Split(fields[1], ","), controller):
			for _, mount := range []string{fields[1], controller} {
				v1 = append(v1, upwards(path.Join(groups, mount), path.Clean("/"+fields[2]))...)
			}
		}
	}
	return v1, upwards(groups, at2)
}

// upwards are a group's folder and those of all above it.
func upwards(mount, at string) (dirs []string) {
	for range maxGroups {
		dirs = append(dirs, path.Join(mount, at))
		if at == "/" {
			break
		}
		at = path.Dir(at)
	}
	return dirs
}
