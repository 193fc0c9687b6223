package main

import (
	_ "embed"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/plimsoll-load/plimsoll/report"
)

//go:embed schema/spec.v1.json
var specSchema string

//go:embed schema/scenarios.example.yaml
var scenariosExample string

//go:embed schema/doctor.v1.json
var doctorJSONSchema string

func (a *app) schemaCmd() *cobra.Command {
	schemas := map[string]string{"spec": specSchema, "result": string(report.ResultSchema), "history": string(report.HistorySchema), "comparison": string(report.ComparisonSchema), "doctor": doctorJSONSchema, "scenarios": scenariosExample}
	return &cobra.Command{Use: "schema spec|result|history|comparison|doctor|scenarios", GroupID: "rest", Short: "Print the JSON Schema of what is read or written, or an example of scenarios",
		Example: "  plimsoll schema spec > plimsoll.schema.json\n  plimsoll schema result", Args: oneArg("of spec, result, history, comparison, doctor and scenarios"),
		ValidArgs: []cobra.Completion{"spec", "result", "history", "comparison", "doctor", "scenarios"},
		RunE: func(_ *cobra.Command, args []string) error {
			text, ok := schemas[args[0]]
			if !ok {
				return misuse("unknown schema %q, want spec, result, history, comparison, doctor or scenarios", args[0])
			}
			_, err := fmt.Fprint(a.out, text)
			return err
		}}
}
