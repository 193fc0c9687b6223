package export_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"github.com/plimsoll-load/plimsoll/limits/export"
)

// The policy is held against the schema of the custom resource, of which .ci/check/envoy-gateway wrote a closed subset.
func TestEnvoyGatewayIsAsSpecified(t *testing.T) {
	data, err := os.ReadFile("testdata/envoygateway/schema.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("policy.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("policy.json")
	if err != nil {
		t.Fatal(err)
	}
	check := func(text string) error {
		var tree any
		if err := yaml.Unmarshal([]byte(text), &tree); err != nil {
			return err
		}
		again, err := json.Marshal(tree)
		if err != nil {
			return err
		}
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(string(again)))
		if err != nil {
			return err
		}
		return schema.Validate(value)
	}
	f, ok := export.Lookup("envoy-gateway")
	if !ok {
		t.Fatal("no format envoy-gateway")
	}
	text := write(t, f, sample())
	if err := check(text); err != nil {
		t.Error(err)
	}
	for _, planted := range []struct{ old, with string }{
		{"unit: Second", "unit: Secs"}, {"requests: 1400", "requests: many"}, {"unit: Second", "unit: Second, burst: 3"},
		{"type: Local", "type: Here"}, {"rules", "limits"}, {"kind: HTTPRoute,", ""},
	} {
		if !strings.Contains(text, planted.old) {
			t.Fatalf("no %q in it", planted.old)
		}
		if check(strings.ReplaceAll(text, planted.old, planted.with)) == nil {
			t.Errorf("planted %q was not refused", planted.with)
		}
	}
}
