package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/report"
)

// app is one call of the program: its streams and what the flags of every command set.
type app struct {
	in       io.Reader
	out, err io.Writer
	orders   io.Writer // err as GitHub reads it: what stands there may be a command
	spec     *Spec
	json     bool                                 // print result.json instead of text
	quiet    bool                                 // no progress
	told     bool                                 // GitHub was told of the run
	said     bool                                 // what a gateway's words mean was told
	live     string                               // where to show the run while it lasts
	metrics  string                               // where to serve a Prometheus while it lasts
	stop     func()                               // ends the run as an interrupt does
	text     func(io.Writer, report.Report) error // what is printed of a report, nil for what fits its command
	plan     bool                                 // say what would be sent, send nothing
	baseline string                               // where to keep the result of a search
	commit   commit                               // of what is measured, "" to ask the environment
	code     int                                  // exit code of a command that ended without an error
	given    func(flag string) bool               // tells flags that were given from those that were not
}

// run is the program without the process around it.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	a := &app{in: stdin, out: stdout, err: stderr, orders: stderr, spec: newSpec(), stop: stop}
	if onGitHub() {
		a.out, a.err = readByRunner(stdout), readByRunner(stderr)
	}
	root := a.root()
	root.SetArgs(args)
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(a.err, "plimsoll:", err)
		if !a.told {
			if err := tellGitHubError(a.orders, err); err != nil {
				fmt.Fprintln(a.err, "plimsoll:", err)
			}
		}
		return exitCode(err)
	}
	return a.code
}

const usage = `{{with .Long}}{{.}}{{else}}{{.Short}}{{end}}

Usage: {{if .HasAvailableSubCommands}}plimsoll COMMAND [flags]{{else}}{{.UseLine}}{{end}}
{{- if .HasExample}}

Examples:
{{.Example}}{{end}}
{{- if .HasAvailableSubCommands}}{{$cmds := .Commands}}{{range $g := .Groups}}

{{.Title}}{{range $cmds}}{{if eq .GroupID $g.ID}}
  {{rpad .Name 11}}{{.Short}}{{end}}{{end}}{{end}}

Run plimsoll COMMAND --help for its flags and examples.{{end}}
{{- if and .HasAvailableLocalFlags (not .HasAvailableSubCommands)}}

Flags:
{{flags .LocalFlags}}{{end}}
{{- if .HasParent}}

Exit codes: 0 kept · 1 broken · 2 misuse · 3 undecided · 4 not measured · 5 harm guard · 130 interrupted
Every flag can be set as an environment variable: --max-rate is PLIMSOLL_MAX_RATE.{{end}}
`

func (a *app) root() *cobra.Command {
	cobra.AddTemplateFunc("flags", flagUsages)
	root := &cobra.Command{
		Use:           "plimsoll",
		Short:         "Finds how much load an HTTP service can bear, and proves that the throttle in front of it holds.",
		SilenceErrors: true, SilenceUsage: true,
		Args: unknownCommand,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
		PersistentPreRunE: func(c *cobra.Command, _ []string) error {
			if err := applyEnv(c.Flags()); err != nil || c.Name() == "export" { // which writes a file where it is given one
				return err
			}
			if out := c.Flags().Lookup("out"); out != nil {
				return folderNamed(out.Value.String())
			}
			return nil
		},
	}
	root.Version = version()
	root.SetVersionTemplate("plimsoll {{.Version}}\n")
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetHelpTemplate(usage)
	root.SetUsageTemplate(usage)
	root.SetFlagErrorFunc(flagError)
	root.AddGroup(&cobra.Group{ID: "measure", Title: "Measure:"}, &cobra.Group{ID: "limit", Title: "Limit and prove:"}, &cobra.Group{ID: "rest", Title: "The rest:"})
	root.SetHelpCommand(helpCmd())
	root.SetCompletionCommandGroupID("rest")
	root.AddCommand(a.demoCmd(), a.findCmd(), a.loadCmd(), a.runCmd(), a.adviseCmd(), a.verifyCmd(), a.identifyCmd(), a.exportCmd(), a.gateCmd(), a.reportCmd(), a.labCmd(), a.doctorCmd(), a.nullCmd(), a.manCmd(), a.schemaCmd(), a.versionCmd())
	return root
}

// flagUsages lists flags without the [=true|false] that pflag puts behind each switch.
func flagUsages(fs *pflag.FlagSet) string {
	const wart = "[=true|false]"
	return strings.TrimRight(strings.ReplaceAll(fs.FlagUsagesWrapped(110), wart, strings.Repeat(" ", len(wart))), "\n")
}

// unknownCommand refuses what is no command with the one that was perhaps meant.
func unknownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, sub := range c.Commands() {
		names = append(names, sub.Name())
	}
	if ours := othersCommands[args[0]]; ours != "" {
		return misuse("unknown command %q, did you mean plimsoll %s?", args[0], ours)
	}
	if near := nearest(args[0], names); near != "" {
		return misuse("unknown command %q, did you mean %s?", attack.RedactURL(args[0]), near)
	}
	return misuseHint("plimsoll --help lists the commands", "unknown command %q", attack.RedactURL(args[0]))
}

// flagError turns pflag's typed errors into one line with the way out.
func flagError(c *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		name := unknown.GetSpecifiedName()
		if ours := othersFlags[name]; ours != "" && c.Flags().Lookup(ours) != nil {
			return misuse("unknown flag %s, did you mean --%s?", strings.Repeat("-", min(2, len(name)))+name, ours)
		}
		var names []string
		c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if near := nearest(name, names); near != "" && len(name) > 1 {
			return misuse("unknown flag --%s, did you mean --%s?", name, near)
		}
		return misuseHint(c.CommandPath()+" --help lists the flags", "%v", err)
	}
	var bad *pflag.InvalidValueError
	if errors.As(err, &bad) {
		return misuse("--%s %q: %v", bad.GetFlag().Name, bad.GetValue(), errors.Unwrap(bad))
	}
	return misuse("%v", err)
}

// aboutFlag is an error that begins with the name of what was told wrong, and quotes what was told.
var aboutFlag = regexp.MustCompile(`^([a-z][a-z-]*) "`)

// flagged is misuse that names the flag, where the word that an error of another package begins with is one.
func flagged(err error) error {
	if m := aboutFlag.FindStringSubmatch(err.Error()); m != nil && len(keysOfFlags()[m[1]]) > 0 {
		return misuse("--%w", err)
	}
	return misuse("%w", err)
}

// noArgs wants none.
func noArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return misuse("%s takes no arguments, got %d", c.Name(), len(args))
	}
	return nil
}

// oneArg wants exactly one argument.
func oneArg(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != 1 {
			return misuseHint("example: "+strings.TrimSpace(firstLine(c.Example)), "%s wants one %s, got %d arguments", c.Name(), what, len(args))
		}
		return nil
	}
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}

// opposites are switches of which one call may have one.
var opposites = map[string]string{"quick": "thorough", "thorough": "quick"}

// bothOf refuses opposites that are both on, by the names that form gives them.
func bothOf(fs *pflag.FlagSet, form func(flag string) string) error {
	on := func(name string) bool { f := fs.Lookup(name); return f != nil && f.Value.String() == "true" }
	if on("quick") && on("thorough") {
		return misuse("%s and %s exclude one another: leave one out", form("quick"), form("thorough"))
	}
	return nil
}

// envName is the variable that a flag is set by.
func envName(flag string) string {
	return "PLIMSOLL_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// applyEnv sets every flag that was not given from PLIMSOLL_<NAME>, if that is set and the opposite was not given.
func applyEnv(fs *pflag.FlagSet) (err error) {
	if err := bothOf(fs, func(flag string) string { return "--" + flag }); err != nil {
		return err
	}
	given := map[string]bool{}
	fs.Visit(func(f *pflag.Flag) { given[f.Name] = true })
	fs.VisitAll(func(f *pflag.Flag) {
		name := envName(f.Name)
		value, ok := os.LookupEnv(name)
		if !ok || f.Changed || err != nil || f.Name == "help" || given[opposites[f.Name]] {
			return
		}
		if e := fs.Set(f.Name, value); e != nil {
			err = misuse("%s=%q: %v", name, value, errors.Unwrap(e))
		}
	})
	if err == nil {
		err = bothOf(fs, envName)
	}
	return err
}
