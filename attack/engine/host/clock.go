package host

import "io/fs"

// ClockSource is the kernel's name for what it reads the time from: tsc, kvm-clock, hpet …
func ClockSource(root fs.FS) (name string, ok bool) {
	name, ok = read(root, "sys/devices/system/clocksource/clocksource0/current_clocksource")
	return name, ok && name != ""
}
