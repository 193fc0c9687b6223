package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/report/journal"
)

func resultOf(t *testing.T, entries []journal.Entry) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := JSON(&b, Fold(entries)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// closed is the published schema, except that it refuses keys that it does not describe: readers must pass over them, we
// must not write them.
func closed(t *testing.T, published []byte) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(published))
	if err != nil {
		t.Fatal(err)
	}
	shut(doc)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func shut(node any) {
	switch v := node.(type) {
	case map[string]any:
		if _, ok := v["properties"].(map[string]any); ok && v["additionalProperties"] == nil {
			v["additionalProperties"] = false
		}
		for _, child := range v {
			shut(child)
		}
	case []any:
		for _, child := range v {
			shut(child)
		}
	}
}

// keeps tells whether a text keeps to a schema.
func keeps(t *testing.T, schema *jsonschema.Schema, text string) error {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(doc)
}

// refuses checks that a schema refuses a text that it takes once edited.
func refuses(t *testing.T, schema *jsonschema.Schema, good string, edits map[string][2]string) {
	t.Helper()
	for name, edit := range edits {
		if bad := strings.ReplaceAll(good, edit[0], edit[1]); bad == good || keeps(t, schema, bad) == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestEveryResultKeepsTheContract(t *testing.T) {
	schema := closed(t, ResultSchema)
	for name, entries := range fixtures() {
		if err := keeps(t, schema, string(resultOf(t, entries))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSchemaRefusesWhatBreaksTheContract(t *testing.T) {
	refuses(t, closed(t, ResultSchema), string(resultOf(t, whole())), map[string][2]string{
		"another version":      {"plimsoll.result/v1", "plimsoll.result/v2"},
		"a cause of no kind":   {`"cause": "target"`, `"cause": "weather"`},
		"an outcome renamed":   {`"outcome": "pass"`, `"outcome": "passed"`},
		"a latency as text":    {`"p50_ms": `, `"p50_ms": "8", "was": `},
		"a verdict without id": {`"id": "V02",`, ``},
	})
}

// TestPathsOfTheContract asks for the paths that tools rely on, by name.
func TestPathsOfTheContract(t *testing.T) {
	full, plain := resultOf(t, whole()), resultOf(t, fixtures()["load"])
	for _, row := range []struct {
		doc  []byte
		path string
		want any
	}{
		{full, "schema", "plimsoll.result/v1"}, {full, "run.exit", 0.0}, {full, "run.commit", "4f0c2d1"}, {full, "run.command", "run"}, {full, "generator.void", false},
		{full, "generator.checks.0.name", "late ticks"}, {full, "load", nil}, {full, "capacity.cause", "target"}, {full, "capacity.knee.value", 1760.0},
		{full, "capacity.estimate.lo", 2128.0}, {full, "capacity.burst.tolerated", 320.0}, {full, "capacity.stationary", true},
		{full, "limits.rate", 1400.0}, {full, "limits.tiers.gold.period", "day"}, {full, "verdicts.0.checks.1.id", "V02"}, {full, "lab", nil},
		{plain, "load.seconds", 30.0}, {plain, "load.unsent", 0.0}, {plain, "load.rate", 500.0}, {plain, "capacity", nil}, {plain, "verdicts", nil}, {plain, "limits", nil},
	} {
		if got := at(t, row.doc, row.path); !cmp.Equal(got, row.want) {
			t.Errorf("%s = %v, want %v", row.path, got, row.want)
		}
	}
	for _, path := range []string{"load.response.p999_ms", "load.service.n", "load.lag.max_ms"} {
		if v, ok := at(t, plain, path).(float64); !ok || v <= 0 {
			t.Errorf("%s = %v, want a number", path, at(t, plain, path))
		}
	}
}

// at walks a path of keys and indices; what is absent is nil.
func at(t *testing.T, doc []byte, path string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(doc, &v); err != nil {
		t.Fatal(err)
	}
	for _, key := range strings.Split(path, ".") {
		switch n := v.(type) {
		case map[string]any:
			v = n[key]
		case []any:
			v = n[int(key[0]-'0')]
		default:
			return nil
		}
	}
	return v
}

func TestResultIsReadBack(t *testing.T) {
	b := resultOf(t, whole())
	got, err := ReadResult(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	again, err := json.MarshalIndent(got, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(b), string(again)+"\n"); d != "" {
		t.Errorf("result read and written again differs:\n%s", d)
	}
	if _, err := ReadResult(strings.NewReader(`{"schema":"plimsoll.result/v2"}`)); err == nil || !strings.Contains(err.Error(), "v2") {
		t.Errorf("ReadResult of another version = %v, want it refused", err)
	}
}

func TestEvidenceIsBounded(t *testing.T) {
	entries := makeFixtures()["load"]
	entries[1].Trial.Log = make([]attack.Attempt, EvidenceMax+50)
	entries[1].Trial.LogDropped = 7
	got := Fold(entries).Result().Trials[0]
	if len(got.Evidence) != EvidenceMax || got.EvidenceDropped != 57 {
		t.Errorf("%d requests shown and %d dropped, want %d and 57", len(got.Evidence), got.EvidenceDropped, EvidenceMax)
	}
}

func TestJSONGolden(t *testing.T) {
	for _, name := range []string{"load", "verify-fail", "begun"} {
		golden(t, name+".json", resultOf(t, fixtures()[name]))
	}
}
