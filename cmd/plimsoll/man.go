package main

import (
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// manCmd writes a manual page for each command. It is hidden: whoever packs a release calls it, people have --help. The date
// of the pages is SOURCE_DATE_EPOCH, or today.
func (a *app) manCmd() *cobra.Command {
	return &cobra.Command{Use: "man DIR", Hidden: true, Short: "Write a manual page for each command", Args: oneArg("folder"), Example: "  plimsoll man man1",
		RunE: func(c *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return misuse("make the folder of the pages: %w", err)
			}
			root := c.Root()
			root.DisableAutoGenTag = true // the date stands in the head of the page already
			if err := doc.GenManTree(root, &doc.GenManHeader{Section: "1", Source: "plimsoll " + version(), Manual: "plimsoll"}, args[0]); err != nil {
				return misuse("write the pages: %w", err)
			}
			return nil
		}}
}
