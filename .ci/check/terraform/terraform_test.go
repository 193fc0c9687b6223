// Package terraform checks the exported Terraform: HCL's own parser, the arguments of the provider's resources, and that
// what is referred to is declared.
package terraform

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// argument is what the provider knows of an argument, or of a block with arguments of its own.
type argument struct {
	Required bool                `json:"required"`
	Block    map[string]argument `json:"block"`
}

// meta are what Terraform itself knows in every resource.
var meta = []string{"count", "for_each", "depends_on", "lifecycle", "provider"}

type checker struct {
	known    map[string]map[string]argument
	declared map[string]bool
	faults   []string
}

func (c *checker) fault(at hcl.Range, format string, args ...any) {
	c.faults = append(c.faults, fmt.Sprintf("%d: %s", at.Start.Line, fmt.Sprintf(format, args...)))
}

func (c *checker) body(path string, b *hclsyntax.Body, known map[string]argument) {
	given := map[string]bool{}
	for name, a := range b.Attributes {
		given[name] = true
		if _, ok := known[name]; !ok && !slices.Contains(meta, name) {
			c.fault(a.SrcRange, "%s knows no argument %s", path, name)
		}
	}
	for _, block := range b.Blocks {
		given[block.Type] = true
		if a, ok := known[block.Type]; !ok || a.Block == nil {
			c.fault(block.TypeRange, "%s knows no block %s", path, block.Type)
		} else {
			c.body(path+"."+block.Type, block.Body, a.Block)
		}
	}
	for name, a := range known {
		if a.Required && !given[name] {
			c.fault(b.SrcRange, "%s lacks %s", path, name)
		}
	}
}

// references checks that the variables, locals, resources and data that expressions name are declared.
func (c *checker) references(b *hclsyntax.Body) {
	for _, a := range b.Attributes {
		for _, v := range a.Expr.Variables() {
			var names []string
			for _, step := range v {
				switch step := step.(type) {
				case hcl.TraverseRoot:
					names = append(names, step.Name)
				case hcl.TraverseAttr:
					names = append(names, step.Name)
				}
			}
			take := 2
			if names[0] == "data" {
				take = 3
			}
			if id := strings.Join(names[:min(take, len(names))], "."); !c.declared[id] && !slices.Contains([]string{"string", "number", "bool"}, id) {
				c.fault(a.SrcRange, "%s is declared nowhere", id)
			}
		}
	}
	for _, block := range b.Blocks {
		c.references(block.Body)
	}
}

func faults(t *testing.T, text []byte) []string {
	t.Helper()
	list, err := os.ReadFile("attributes.json")
	if err != nil {
		t.Fatal(err)
	}
	c := checker{declared: map[string]bool{}}
	if err := json.Unmarshal(list, &c.known); err != nil {
		t.Fatal(err)
	}
	file, diags := hclsyntax.ParseConfig(text, "limits.tf", hcl.InitialPos)
	if diags.HasErrors() {
		return []string{diags.Error()}
	}
	body := file.Body.(*hclsyntax.Body)
	for _, b := range body.Blocks {
		switch b.Type {
		case "resource":
			id := strings.Join(b.Labels, ".")
			if c.declared[id] {
				c.fault(b.TypeRange, "%s is declared twice", id)
			}
			c.declared[id] = true
			if c.known[b.Labels[0]] == nil {
				c.fault(b.TypeRange, "no resource %s is known", b.Labels[0])
				continue
			}
			c.body(b.Labels[0], b.Body, c.known[b.Labels[0]])
		case "data":
			c.declared["data."+strings.Join(b.Labels, ".")] = true
		case "variable":
			c.declared["var."+b.Labels[0]] = true
		case "locals":
			for name := range b.Body.Attributes {
				c.declared["local."+name] = true
			}
		case "terraform":
		default:
			c.fault(b.TypeRange, "a block %s", b.Type)
		}
	}
	c.references(body)
	return c.faults
}

func TestTerraform(t *testing.T) {
	for _, name := range []string{"terraform/limits.tf", "terraform-http/limits-http.tf"} {
		text, err := os.ReadFile("../../../limits/export/testdata/golden/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if f := faults(t, text); len(f) > 0 {
			t.Errorf("%s:\n%s", name, strings.Join(f, "\n"))
		}
		for _, planted := range []struct{ old, with, want string }{
			{"throttling_burst_limit", "burst_limit", "knows no argument burst_limit"},
			{"metric_query {", "metrics {", "knows no block metrics"},
			{"var.latency_goal_ms", "var.latency_goal", "var.latency_goal is declared nowhere"},
			{"aws_sns_topic.alerts.arn", "aws_sns_topic.alarms.arn", "aws_sns_topic.alarms is declared nowhere"},
			{"local.dimensions", "local.dims", "local.dims is declared nowhere"},
			{`"aws_sns_topic"`, `"aws_sns_subject"`, "no resource aws_sns_subject is known"},
			{"  pattern ", "  patterns ", "lacks pattern"},
			{"settings {", "settings (", "limits.tf:"},
		} {
			if !strings.Contains(string(text), planted.old) {
				t.Fatalf("%s: no %q in it", name, planted.old)
			}
			got := strings.Join(faults(t, []byte(strings.ReplaceAll(string(text), planted.old, planted.with))), "\n")
			if !strings.Contains(got, planted.want) {
				t.Errorf("%s: planted %q: the checker says %q, want %q", name, planted.with, got, planted.want)
			}
		}
	}
}
