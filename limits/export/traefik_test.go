package export_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/plimsoll-load/plimsoll/limits/export"
)

// strangers are the keys of a tree that the declared fields do not know; * stands for any name or item.
func strangers(path string, value any, known any) (bad []string) {
	tree, _ := known.(map[string]any)
	at := func(name string) (any, bool) {
		if sub, ok := tree[name]; ok {
			return sub, true
		}
		sub, ok := tree["*"]
		return sub, ok
	}
	switch value := value.(type) {
	case map[string]any:
		for name, v := range value {
			sub, ok := at(name)
			if !ok {
				bad = append(bad, path+"."+name)
				continue
			}
			bad = append(bad, strangers(path+"."+name, v, sub)...)
		}
	case []any:
		for i, v := range value {
			sub, ok := at("*")
			if !ok {
				return append(bad, fmt.Sprintf("%s[%d]", path, i))
			}
			bad = append(bad, strangers(fmt.Sprintf("%s[%d]", path, i), v, sub)...)
		}
	}
	return bad
}

// Every field of the exported file is one that Traefik's own types declare; .ci/check/traefik wrote them down.
func TestTraefikKnowsEveryField(t *testing.T) {
	data, err := os.ReadFile("testdata/traefik/fields.json")
	if err != nil {
		t.Fatal(err)
	}
	var known any
	if err := json.Unmarshal(data, &known); err != nil {
		t.Fatal(err)
	}
	f, ok := export.Lookup("traefik")
	if !ok {
		t.Fatal("no format traefik")
	}
	text := write(t, f, sample())
	check := func(text string) []string {
		var tree any
		if err := yaml.Unmarshal([]byte(text), &tree); err != nil {
			return []string{err.Error()}
		}
		return strangers("", tree, known)
	}
	if bad := check(text); len(bad) > 0 {
		t.Errorf("unknown to Traefik: %v", bad)
	}
	for _, planted := range [][2]string{{"average:", "averages:"}, {"requestHeaderName", "requestHeader"}, {"customRequestHeaders", "requestHeaders"}, {"loadBalancer", "balancer"}, {"burst: 700", "burst: {of: 700}"}} {
		if !strings.Contains(text, planted[0]) {
			t.Fatalf("no %q in it", planted[0])
		}
		if len(check(strings.ReplaceAll(text, planted[0], planted[1]))) == 0 {
			t.Errorf("planted %q was not refused", planted[1])
		}
	}
}
