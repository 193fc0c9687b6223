// Package envoy checks the exported filters with Envoy's own messages and their rules, and the Istio resource around one.
package envoy

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	_ "github.com/cncf/xds/go/udpa/type/v1"
	ratelimit "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/local_ratelimit/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/encoding/protojson"
	networking "istio.io/api/networking/v1alpha3"
	"sigs.k8s.io/yaml"
)

// filter checks an HTTP filter of an Envoy: unknown fields and values against the rules of the messages are refused.
func filter(text string) error {
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		return err
	}
	var f hcm.HttpFilter
	if err := protojson.Unmarshal(data, &f); err != nil {
		return err
	}
	m, err := f.GetTypedConfig().UnmarshalNew()
	if err != nil {
		return err
	}
	limit, ok := m.(*ratelimit.LocalRateLimit)
	if !ok {
		return errors.New("not a local rate limit")
	}
	return errors.Join(f.ValidateAll(), limit.ValidateAll(), enforced(limit))
}

// enforced refuses what is valid and limits nothing.
func enforced(l *ratelimit.LocalRateLimit) error {
	if l.GetFilterEnabled().GetDefaultValue().GetNumerator() != 100 || l.GetFilterEnforced().GetDefaultValue().GetNumerator() != 100 {
		return errors.New("not enabled and enforced for all requests")
	}
	base := l.GetTokenBucket().GetFillInterval().AsDuration()
	for _, d := range l.GetDescriptors() {
		if every := d.GetTokenBucket().GetFillInterval().AsDuration(); base == 0 || every%base != 0 {
			return errors.New("a descriptor's fill_interval is no multiple of the filter's")
		}
	}
	return nil
}

// resource checks an EnvoyFilter of Istio, and the filter in it.
func resource(text string) error {
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		return err
	}
	var outer struct {
		APIVersion, Kind string
		Metadata         struct{ Name string }
		Spec             json.RawMessage
	}
	if err := json.Unmarshal(data, &outer); err != nil {
		return err
	}
	if outer.APIVersion != "networking.istio.io/v1alpha3" || outer.Kind != "EnvoyFilter" || outer.Metadata.Name == "" {
		return errors.New("not a named EnvoyFilter")
	}
	var spec networking.EnvoyFilter
	if err := protojson.Unmarshal(outer.Spec, &spec); err != nil {
		return err
	}
	typed := spec.ConfigPatches[0].Patch.Value.Fields["typed_config"].GetStructValue().GetFields()
	if !strings.HasSuffix(typed["type_url"].GetStringValue(), ".LocalRateLimit") {
		return errors.New("not a local rate limit")
	}
	inner, err := protojson.Marshal(typed["value"])
	if err != nil {
		return err
	}
	var limit ratelimit.LocalRateLimit
	if err := protojson.Unmarshal(inner, &limit); err != nil {
		return err
	}
	return errors.Join(limit.ValidateAll(), enforced(&limit))
}

func TestExported(t *testing.T) {
	for file, check := range map[string]func(string) error{"envoy/envoy-local-ratelimit.yaml": filter, "istio/istio-local-ratelimit.yaml": resource} {
		data, err := os.ReadFile("../../../limits/export/testdata/golden/" + file)
		if err != nil {
			t.Fatal(err)
		}
		if err := check(string(data)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		for _, planted := range []struct{ old, with string }{
			{"max_tokens: 700", "max_tokens: -1"}, {"fill_interval: 0.1s", "fill_interval: 0s"}, {"stat_prefix: plimsoll", "stat_prefix: ''"},
			{"filter_enforced", "filter_enforce"}, {"numerator: 100", "numerator: 0"}, {"max_tokens", "tokens_max"}, {"tokens_per_fill: 70, fill_interval: 0.1s", "tokens_per_fill: 70, fill_interval: 0.15s"},
			{"DRAFT_VERSION_03", "DRAFT_VERSION_33"}, {"{key: tier, value", "{key: '', value"},
		} {
			if !strings.Contains(string(data), planted.old) {
				t.Fatalf("%s: no %q in it", file, planted.old)
			}
			if check(strings.ReplaceAll(string(data), planted.old, planted.with)) == nil {
				t.Errorf("%s: %q was not refused", file, planted.with)
			}
		}
	}
}
