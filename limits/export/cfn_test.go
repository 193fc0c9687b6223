package export_test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/plimsoll-load/plimsoll/limits/export"
)

// cfnType is a type of CloudFormation's resource specification, as .ci/check/cfn/gen-subset.js writes it.
type cfnType struct {
	Type     string             `json:"type"` // string, integer, number, boolean, json, tag
	Ref      map[string]cfnType `json:"ref"`
	List     *cfnType           `json:"list"`
	Map      *cfnType           `json:"map"`
	Any      []cfnType          `json:"any"`
	Values   []any              `json:"values"`
	Required bool               `json:"required"`
}

// cfnCheck is the checker: types, properties, required ones, enums, and references to what is declared nowhere.
type cfnCheck struct {
	spec   map[string]map[string]cfnType
	faults []string
}

func (c *cfnCheck) fault(n *yaml.Node, path, format string, args ...any) {
	c.faults = append(c.faults, fmt.Sprintf("line %d: %s: %s", n.Line, path, fmt.Sprintf(format, args...)))
}

func child(n *yaml.Node, key string) *yaml.Node {
	for i := 0; n != nil && n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

func (c *cfnCheck) value(n *yaml.Node, t cfnType, path string) {
	if strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!") {
		return // an intrinsic function
	}
	switch {
	case t.Ref != nil:
		c.properties(n, t.Ref, path)
	case t.List != nil && n.Kind != yaml.SequenceNode, t.Map != nil && n.Kind != yaml.MappingNode:
		c.fault(n, path, "want a list or a map")
	case t.List != nil:
		for i, item := range n.Content {
			c.value(item, *t.List, path+"["+strconv.Itoa(i)+"]")
		}
	case t.Map != nil:
		for i := 0; i+1 < len(n.Content); i += 2 {
			c.value(n.Content[i+1], *t.Map, path+"."+n.Content[i].Value)
		}
	case t.Type == "json" || t.Any != nil || t.Type == "tag":
	case n.Kind != yaml.ScalarNode:
		c.fault(n, path, "want a %s", t.Type)
	default:
		c.scalar(n, t, path)
	}
}

func (c *cfnCheck) scalar(n *yaml.Node, t cfnType, path string) {
	fits := map[string][]string{"integer": {"!!int"}, "number": {"!!int", "!!float"}, "boolean": {"!!bool"}}[t.Type]
	if fits != nil && !slices.Contains(fits, n.ShortTag()) {
		c.fault(n, path, "want a %s, got %q", t.Type, n.Value)
	}
	one := func(v any) bool { return fmt.Sprint(v) == n.Value }
	if len(t.Values) > 0 && !slices.ContainsFunc(t.Values, one) {
		c.fault(n, path, "%q is none of %v", n.Value, t.Values)
	}
}

func (c *cfnCheck) properties(n *yaml.Node, known map[string]cfnType, path string) {
	if n.Kind != yaml.MappingNode {
		c.fault(n, path, "want a map")
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i].Value
		t, ok := known[key]
		if !ok {
			c.fault(n.Content[i], path+"."+key, "unknown property")
			continue
		}
		c.value(n.Content[i+1], t, path+"."+key)
	}
	for key, t := range known {
		if t.Required && child(n, key) == nil {
			c.fault(n, path, "%s is missing", key)
		}
	}
}

var cfnRef = regexp.MustCompile(`\$\{([A-Za-z0-9:]+)[.}]`)

// references checks that whatever !Ref, !GetAtt, !Sub and Condition name is declared.
func (c *cfnCheck) references(n *yaml.Node, declared map[string]bool) {
	var names []string
	switch n.Tag {
	case "!Ref":
		names = []string{n.Value}
	case "!GetAtt":
		name, _, _ := strings.Cut(n.Value, ".")
		names = []string{name}
	case "!Sub":
		for _, m := range cfnRef.FindAllStringSubmatch(n.Value, -1) {
			names = append(names, m[1])
		}
	}
	if condition := child(n, "Condition"); condition != nil {
		names = append(names, "Conditions/"+condition.Value)
	}
	for _, name := range names {
		if !declared[name] && !strings.HasPrefix(name, "AWS::") {
			c.fault(n, name, "is declared nowhere")
		}
	}
	for _, sub := range n.Content {
		c.references(sub, declared)
	}
}

func cfnFaults(t *testing.T, text string) []string {
	t.Helper()
	data, err := os.ReadFile("testdata/cfn/subset.json")
	if err != nil {
		t.Fatal(err)
	}
	var c cfnCheck
	if err := json.Unmarshal(data, &c.spec); err != nil {
		t.Fatal(err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		return []string{err.Error()}
	}
	root := doc.Content[0]
	declared := map[string]bool{}
	for _, part := range []string{"Parameters", "Resources", "Conditions"} {
		if all := child(root, part); all != nil {
			for i := 0; i < len(all.Content); i += 2 {
				name := all.Content[i].Value
				if part == "Conditions" {
					name = "Conditions/" + name
				}
				if declared[name] {
					c.fault(all.Content[i], name, "is declared twice")
				}
				declared[name] = true
			}
		}
	}
	resources := child(root, "Resources")
	for i := 0; resources != nil && i+1 < len(resources.Content); i += 2 {
		id, r := resources.Content[i].Value, resources.Content[i+1]
		kind := child(r, "Type")
		if kind == nil || c.spec[kind.Value] == nil {
			c.fault(r, id, "its type is not in the specification's subset")
			continue
		}
		properties := child(r, "Properties")
		if properties == nil {
			properties = &yaml.Node{Kind: yaml.MappingNode, Line: r.Line}
		}
		c.properties(properties, c.spec[kind.Value], id)
	}
	c.references(root, declared)
	return c.faults
}

func TestCloudFormationIsAsSpecified(t *testing.T) {
	for _, name := range []string{"cloudformation", "cloudformation-http"} {
		f, ok := export.Lookup(name)
		if !ok {
			t.Fatalf("no format %s", name)
		}
		text := write(t, f, sample())
		if faults := cfnFaults(t, text); len(faults) > 0 {
			t.Errorf("%s:\n%s", name, strings.Join(faults, "\n"))
		}
		for _, planted := range []struct{ old, with, want string }{
			{"ThrottlingRateLimit: 1400", "ThrottlingRateLimit: many", `want a number, got "many"`},
			{"ThrottlingBurstLimit: 700", "ThrottlingBurstLimit: 700.5", `want a integer, got "700.5"`},
			{"ThrottlingBurstLimit", "BurstLimit", "unknown property"},
			{"!Ref LatencyGoalMs", "!Ref LatencyGoal", "is declared nowhere"},
			{"${BackendP99}", "${BackendP95}", "is declared nowhere"},
			{"Condition: HasEmail", "Condition: HasMail", "is declared nowhere"},
			{"      LogGroupName: !Ref AccessLog\n", "", "LogGroupName is missing"},
			{"AWS::SNS::Topic", "AWS::SNS::Subject", "its type is not in"},
			{"  Alerts:\n", "  AlertsMail:\n", "is declared twice"},
		} {
			if !strings.Contains(text, planted.old) {
				t.Fatalf("%s: no %q in it", name, planted.old)
			}
			faults := strings.Join(cfnFaults(t, strings.ReplaceAll(text, planted.old, planted.with)), "\n")
			if !strings.Contains(faults, planted.want) {
				t.Errorf("%s: planted %q: the checker says %q, want %q", name, planted.with, faults, planted.want)
			}
		}
	}
}

// A template that was once published as the way to throttle an API, and that CloudFormation would refuse, is refused.
func TestCloudFormationRefusesAPublishedTemplate(t *testing.T) {
	text, err := os.ReadFile("testdata/cfn/refused.yaml")
	if err != nil {
		t.Fatal(err)
	}
	faults := cfnFaults(t, string(text))
	want := []string{"APIGatewayStage.ThrottleSettings: unknown property", "APIGatewayStage.MethodSettings[0].ThrottleSettings: unknown property",
		"APIGatewayStage.CloudWatchMetricsEnabled: unknown property", "APIGatewayDeployment: is declared nowhere"}
	if len(faults) != len(want) {
		t.Errorf("%d faults, want %d: %q", len(faults), len(want), faults)
	}
	for _, w := range want {
		if !slices.ContainsFunc(faults, func(f string) bool { return strings.HasSuffix(f, w) }) {
			t.Errorf("not named: %s, of %q", w, faults)
		}
	}
	for _, f := range export.Formats() {
		if f.Name == "cloudformation" {
			if found, err := f.Read(strings.NewReader(string(text))); err != nil || len(found) > 0 {
				t.Errorf("a limit was found in it: %v, %v", found, err)
			}
		}
	}
}

// No alarm waits for a count of refusals to be 0: that is a quiet day. The silent limiter is one whose log is.
func TestAlarmsAreOnTheRightMetrics(t *testing.T) {
	for _, name := range []string{"cloudformation", "cloudformation-http", "terraform", "terraform-http"} {
		f, ok := export.Lookup(name)
		if !ok {
			t.Fatalf("no format %s", name)
		}
		text := write(t, f, sample())
		for _, must := range []string{"IF(FILL(all, 0) > 60 AND FILL(logged, 0) == 0, 1, 0)", "IntegrationLatency", "IF(all > 0, 100 * throttled / all, 0)", "breaching"} {
			if !strings.Contains(text, must) {
				t.Errorf("%s: no %q in it", name, must)
			}
		}
		for _, mustNot := range []string{"throttled == 0", "throttled, 0) == 0", "LessThan", "4XXError", "4xx"} {
			if strings.Contains(text, mustNot) {
				t.Errorf("%s: %q in it", name, mustNot)
			}
		}
	}
}

// Names that Amazon takes: a topic's and a dashboard's are letters, digits, - and _, and a log group's hold no space. What
// the service is called holds dots as a rule, so none of these may be made of it.
func TestNamesAtAmazonBearAnyService(t *testing.T) {
	for name, places := range map[string][]string{
		"cloudformation": {"TopicName: ", "DashboardName: ", "LogGroupName: !Sub"}, "cloudformation-http": {"TopicName: ", "DashboardName: ", "LogGroupName: !Sub"},
		"terraform": {`resource "aws_sns_topic" "alerts" {`, "dashboard_name ", `resource "aws_cloudwatch_log_group" "access" {`}, "terraform-http": {`resource "aws_sns_topic" "alerts" {`, "dashboard_name ", `resource "aws_cloudwatch_log_group" "access" {`},
	} {
		f, _ := export.Lookup(name)
		p := sample()
		p.Service = "api.example.com v2"
		text := write(t, f, p)
		for _, place := range places {
			_, rest, ok := strings.Cut(text, place)
			rest = rest[:min(len(rest), 90)]
			if !ok || strings.Contains(rest, "${ApiName}") || strings.Contains(rest, "var.api_name") || !strings.Contains(rest, "${AWS::StackName}") && !strings.Contains(rest, "${local.plain_name}") {
				t.Errorf("%s: %s%s", name, place, rest)
			}
		}
	}
}
