package main

import (
	_ "embed"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/plimsoll-load/plimsoll/report"
)

//go:embed schema/spec.v1.json
var specSchema string

func (a *app) schemaCmd() *cobra.Command {
	schemas := map[string]string{"spec": specSchema, "result": string(report.ResultSchema)}
	return &cobra.Command{Use: "schema spec|result", GroupID: "rest", Short: "Print the JSON Schema of a spec or of result.json",
		Example: "  plimsoll schema spec > plimsoll.schema.json\n  plimsoll schema result", Args: oneArg("of spec and result"),
		ValidArgs: []cobra.Completion{"spec", "result"},
		RunE: func(_ *cobra.Command, args []string) error {
			text, ok := schemas[args[0]]
			if !ok {
				return misuse("unknown schema %q, want spec or result", args[0])
			}
			_, err := fmt.Fprint(a.out, text)
			return err
		}}
}
