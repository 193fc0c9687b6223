package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// released is the version that a build was given from outside: -ldflags "-X main.released=v1.2.3".
var released string

// version is the one the build was given, or else the module's version as the Go command stamped it, with the commit when it
// knows one.
func version() string {
	if released != "" {
		return released
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v, commit, dirty := info.Main.Version, "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && len(s.Value) >= 12:
			commit = " " + s.Value[:12]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = " (modified)"
		}
	}
	if v == "" || v == "(devel)" {
		return "devel" + commit + dirty
	}
	return v
}

func (a *app) versionCmd() *cobra.Command {
	return &cobra.Command{Use: "version", GroupID: "rest", Short: "Print the version", Args: noArgs, Example: "  plimsoll version",
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(a.out, "plimsoll %s %s %s/%s\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		}}
}
