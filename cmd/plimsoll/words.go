package main

import "github.com/spf13/cobra"

// othersCommands are words that people look for a command by, and what does it here.
var othersCommands = map[string]string{"history": "gate --history DIR", "trend": "gate --history DIR", "compare": "report BEFORE AFTER", "diff": "report BEFORE AFTER",
	"attack": "load", "bench": "load", "test": "load", "search": "find", "limit": "advise", "recommend": "advise", "check": "verify", "detect": "identify",
	"serve": "report RUN --serve", "validate": "run SPEC --plan", "plan": "find URL --plan", "baseline": "find URL --save-baseline FILE"}

// othersFlags are flags of other load generators, and those that mean it here, where a command has them.
var othersFlags = map[string]string{"duration": "for", "z": "for", "rps": "rate", "qps": "rate", "q": "rate", "R": "rate", "c": "connections", "concurrency": "connections", "vus": "connections",
	"workers": "connections", "body": "data", "o": "out", "output": "out", "output-dir": "out", "L": "redirects", "location": "redirects", "max-redirects": "redirects", "threshold": "goal", "slo": "goal",
	"title": "name", "dry-run": "plan", "auth": "user", "time": "budget", "max-rps": "max-rate", "max-qps": "max-rate", "retries": "retry", "ca": "cacert", "address": "addr", "listen": "addr"}

// helpCmd is cobra's, but that what is no command is refused.
func helpCmd() *cobra.Command {
	return &cobra.Command{Use: "help [COMMAND]", GroupID: "rest", Short: "Help about any command",
		ValidArgsFunction: func(c *cobra.Command, args []string, _ string) (names []cobra.Completion, _ cobra.ShellCompDirective) {
			for _, sub := range c.Root().Commands() {
				if sub.IsAvailableCommand() && len(args) == 0 {
					names = append(names, cobra.CompletionWithDesc(sub.Name(), sub.Short))
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			about, _, err := c.Root().Find(args)
			if err != nil || about == c.Root() && len(args) > 0 {
				return unknownCommand(c.Root(), args)
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		}}
}
