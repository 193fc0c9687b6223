// Command envoy-gateway writes the part of the custom resource BackendTrafficPolicy's schema that the exported policy uses,
// without the descriptions, and closed: what it does not list is refused, as kubectl --validate=strict does. Run it when
// the policy gains a field, or the schema changes:
//
//	dir=$(go mod download -json github.com/envoyproxy/gateway@v1.9.1 | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
//	go run . <"$dir"/charts/gateway-helm/charts/crds/crds/generated/gateway.envoyproxy.io_backendtrafficpolicies.yaml >../../../limits/export/testdata/envoygateway/schema.json
package main

import (
	"encoding/json"
	"io"
	"log"
	"os"

	"go.yaml.in/yaml/v4"
)

// kept are the parts of spec that are written.
var kept = []string{"targetRefs", "rateLimit"}

func main() {
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		log.Fatal(err)
	}
	var crd struct {
		Spec struct {
			Versions []struct {
				Schema struct {
					OpenAPI map[string]any `yaml:"openAPIV3Schema"`
				}
			}
		}
	}
	if err := yaml.Unmarshal(text, &crd); err != nil {
		log.Fatal(err)
	}
	schema := crd.Spec.Versions[0].Schema.OpenAPI
	top := schema["properties"].(map[string]any)
	delete(top, "status")
	top["metadata"] = map[string]any{}
	spec := top["spec"].(map[string]any)
	all, part := spec["properties"].(map[string]any), map[string]any{}
	for _, name := range kept {
		part[name] = all[name]
	}
	spec["properties"] = part
	enc := json.NewEncoder(os.Stdout)
	if err := enc.Encode(closed(schema)); err != nil {
		log.Fatal(err)
	}
}

// closed drops what is only for people or for Kubernetes, and closes objects.
func closed(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = closed(v[i])
		}
	case map[string]any:
		if _, ok := v["description"].(string); ok {
			delete(v, "description")
		}
		delete(v, "x-kubernetes-validations")
		for key := range v {
			v[key] = closed(v[key])
		}
		if _, ok := v["properties"].(map[string]any); ok && v["type"] == "object" {
			v["additionalProperties"] = false
		}
	}
	return v
}
