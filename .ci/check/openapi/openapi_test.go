// Checks the exported OpenAPI components with kin-openapi. A module of its own keeps its dependencies out of the program's.
package openapi

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

const golden = "../../../limits/export/testdata/golden/openapi/plimsoll-openapi.yml"

func load(t *testing.T, text []byte) (*openapi3.T, error) {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, err
	}
	return doc, doc.Validate(context.Background(), openapi3.EnableExamplesValidation())
}

func TestTheFragmentIsValid(t *testing.T) {
	text, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := load(t, text)
	if err != nil {
		t.Fatal(err)
	}
	refusal := doc.Components.Responses["TooManyRequests"].Value
	if h := refusal.Headers["Retry-After"]; h == nil || !h.Value.Required {
		t.Error("a refusal need not say when to come back")
	}
	var body any
	if err := json.Unmarshal([]byte(`{"message":"too many requests"}`), &body); err != nil { // as plimsoll lab says it
		t.Fatal(err)
	}
	if err := refusal.Content["application/json"].Schema.Value.VisitJSON(body); err != nil {
		t.Errorf("a refusal of the lab's does not fit: %v", err)
	}
}

func TestPlantedFaultsAreRefused(t *testing.T) {
	text, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ says, from, to string }{
		{"a reference to nothing", "#/components/headers/RetryAfter", "#/components/headers/Gone"},
		{"a type that is none", "type: integer, minimum: 1", "type: number of seconds"},
		{"an example that breaks its schema", "example: {message:", "example: {massage:"},
		{"no version", "openapi: 3.0.3", "swagger: 3"},
		{"an answer without a description", "description: The request is beyond", "summary: The request is beyond"},
	} {
		broken := bytes.Replace(text, []byte(c.from), []byte(c.to), 1)
		if bytes.Equal(broken, text) {
			t.Fatalf("%s: nothing to break", c.says)
		}
		if _, err := load(t, broken); err == nil {
			t.Errorf("%s was taken", c.says)
		}
	}
}
