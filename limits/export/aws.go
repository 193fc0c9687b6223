package export

import (
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/plimsoll-load/plimsoll/limits"
)

// The formats of Amazon API Gateway. Its REST APIs know usage plans, API keys and gateway responses; its HTTP APIs do not.

const bestEffort = "--profile best-effort"

var cloudFormation = Format{
	Name: "cloudformation", File: "limits.yaml", Title: "AWS CloudFormation for an API Gateway REST API", Group: Gateway, Checker: "CloudFormation's resource specification",
	Template: "cloudformation.yaml.tmpl", Proof: bestEffort, Deltas: deployedLater, Read: cloudFormationRead,
}

var cloudFormationHTTP = Format{
	Name: "cloudformation-http", File: "limits-http.yaml", Title: "AWS CloudFormation for an API Gateway HTTP API", Group: Gateway, Checker: "CloudFormation's resource specification",
	Template: "cloudformationhttp.yaml.tmpl", NoTiers: true, Proof: bestEffort + " --expect no-retry-after", Deltas: httpDeltas, Read: cloudFormationRead,
}

var terraform = Format{
	Name: "terraform", File: "limits.tf", Title: "Terraform for an API Gateway REST API", Group: Gateway, Checker: "HCL's parser and a list of the provider's attributes",
	Template: "terraform.tf.tmpl", Proof: bestEffort, Deltas: deployedLater,
}

var terraformHTTP = Format{
	Name: "terraform-http", File: "limits-http.tf", Title: "Terraform for an API Gateway HTTP API", Group: Gateway, Checker: "HCL's parser and a list of the provider's attributes",
	Template: "terraformhttp.tf.tmpl", NoTiers: true, Proof: bestEffort + " --expect no-retry-after", Deltas: httpDeltas,
}

var awsCLI = Format{
	Name: "aws-cli", File: "limits.sh", Title: "AWS CLI, for an API Gateway REST API that is there already", Group: Gateway, Checker: "shellcheck",
	Template: "limits.sh.tmpl", Proof: bestEffort, Deltas: restDeltas,
}

// What an account may use in a Region unless Amazon raised it; some Regions have a quarter of it.
const (
	regionRate  = 10_000
	regionBurst = 5_000
)

// regionOr is the Region's limit, or API Gateway's default.
func (p Policy) regionOr() limits.Limit {
	l := p.Region
	if l.Rate == 0 {
		l.Rate = regionRate
	}
	if l.Burst == 0 {
		l.Burst = regionBurst
	}
	return l
}

func awsDeltas(asked Policy) (all []Delta) {
	r := asked.regionOr()
	if asked.Rate > r.Rate || asked.Burst > r.Burst {
		all = append(all, Delta{Text: fmt.Sprintf("MORE THAN THE REGION ALLOWS: the account may use %s/s with a burst of %d over all its APIs in the Region, so that %s/s and %d will not be reached; ask Amazon for a higher rate (the burst follows from it), or say --region-rate and --region-burst",
			Number(r.Rate), r.Burst, Number(asked.Rate), asked.Burst)})
	} else {
		all = append(all, Delta{Text: fmt.Sprintf("all APIs of the account in the Region share %s/s with a burst of %d (--region-rate, --region-burst): what others use is missing here", Number(r.Rate), r.Burst)})
	}
	return append(all,
		Delta{Text: "throttles and quotas are best effort: targets, not ceilings, kept by many nodes that tell one another late"},
		Delta{Text: "there is no metric of 429s: they are counted from the access log, and Amazon says that entries may be missing when there are very many, so the count is a lower bound"})
}

func restDeltas(asked, _ Policy) []Delta {
	all := append(awsDeltas(asked),
		Delta{Text: "the gateway sends no Retry-After by itself; the gateway response adds a static one, which is never too short for a client that is alone"})
	if len(asked.Tiers) > 0 {
		all = append(all, Delta{Text: "a usage plan's throttle and quota are for each key in it: with many keys the limit of the stage is what protects the service"},
			Delta{Text: "who has spent a quota gets no Retry-After: no static value is true until its period turns"})
		if !strings.EqualFold(asked.Header(), "X-Api-Key") {
			all = append(all, Delta{Text: "the key is read from x-api-key (or an authorizer), never from " + asked.Header()})
		}
	}
	return all
}

// deployedLater are the deltas where nothing in the file deploys the API.
func deployedLater(asked, held Policy) []Delta {
	return append(restDeltas(asked, held),
		Delta{Text: "of a REST API the gateway responses are in force only with the next deployment of the API: deploy it again after they are made (aws apigateway create-deployment), or refusals bear no Retry-After"})
}

func httpDeltas(asked, _ Policy) []Delta {
	all := append(awsDeltas(asked), Delta{Text: "an HTTP API has no gateway responses: Retry-After cannot be added"})
	if len(asked.Tiers) > 0 {
		all = append(all, Delta{Text: "an HTTP API has no usage plans: the tiers are left out; a REST API has them"})
	}
	return all
}

// cloudFormationRead finds the throttles of stages and usage plans in a template, of YAML or JSON.
func cloudFormationRead(r io.Reader) (found []Found, err error) {
	docs, err := documents(r)
	if err != nil {
		return nil, err
	}
	for _, doc := range docs {
		all := at(doc, "Resources")
		if all == nil || all.Kind != yaml.MappingNode {
			continue
		}
		t := cfnTemplate{doc}
		for i := 0; i+1 < len(all.Content); i += 2 {
			some, err := t.throttles(all.Content[i].Value, all.Content[i+1])
			if err != nil {
				return nil, err
			}
			found = append(found, some...)
		}
	}
	return found, nil
}

type cfnTemplate struct{ doc *yaml.Node }

// throttles are the limits of one resource.
func (t cfnTemplate) throttles(id string, resource *yaml.Node) (found []Found, err error) {
	const rate, burst = "ThrottlingRateLimit", "ThrottlingBurstLimit"
	properties := at(resource, "Properties")
	switch text(at(resource, "Type")) {
	case "AWS::ApiGateway::Stage":
		if settings := at(properties, "MethodSettings"); settings != nil {
			for _, s := range settings.Content {
				path := text(at(s, "HttpMethod")) + " " + text(at(s, "ResourcePath"))
				some, err := t.throttle(id, path, resource, s, rate, burst)
				if err != nil {
					return nil, err
				}
				found = append(found, some...)
			}
		}
		return found, nil
	case "AWS::ApiGatewayV2::Stage":
		return t.throttle(id, everything, resource, at(properties, "DefaultRouteSettings"), rate, burst)
	case "AWS::ApiGateway::UsagePlan":
		return t.throttle(id, everything, resource, at(properties, "Throttle"), "RateLimit", "BurstLimit")
	}
	return nil, nil
}

// everything is the method and path of a stage's settings that are for all its methods.
const everything = "* /*"

// throttle is the limit that a map holds, if it holds one. What this program wrote is known by the resource's metadata.
func (t cfnTemplate) throttle(id, path string, resource, m *yaml.Node, rate, burst string) ([]Found, error) {
	if at(m, rate) == nil && at(m, burst) == nil {
		return nil, nil
	}
	r, err := number(t.value(at(m, rate)), 0)
	if err != nil {
		return nil, err
	}
	b, err := whole(t.value(at(m, burst)), 0)
	if err != nil {
		return nil, err
	}
	l := Found{Name: oneLine(id), Line: m.Line, Limit: limits.Limit{Rate: r, Burst: b}}
	mark := text(at(resource, "Metadata", "plimsoll", "limit"))
	switch {
	case path != everything:
		l.Name += " " + oneLine(path)
	case mark != "":
		l.Name, l.Ours = oneLine(mark), true
	}
	if r == 0 || b == 0 {
		l.Flaw = "one of rate and burst is 0 or absent"
	}
	return []Found{l}, nil
}

// value is what a reference to a parameter stands for by default; anything else stands for itself.
func (t cfnTemplate) value(n *yaml.Node) *yaml.Node {
	name := ""
	if n != nil && n.Tag == "!Ref" {
		name = n.Value
	} else if ref := at(n, "Ref"); ref != nil {
		name = text(ref)
	}
	if name == "" {
		return n
	}
	if value := at(t.doc, "Parameters", name, "Default"); value != nil {
		return value
	}
	return n
}
