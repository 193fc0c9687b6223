package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/plimsoll-load/plimsoll/attack"
)

// Spec is what a run is asked for. Flags, PLIMSOLL_* variables and a spec file all end in one; the defaults are
// newSpec's.
type Spec struct {
	Name   string     `yaml:"name" json:"name,omitempty"`
	Target TargetSpec `yaml:"target" json:"target"`
	Goals  []string   `yaml:"goals" json:"goals,omitempty"`
	Seed   uint64     `yaml:"seed" json:"seed,omitempty"`
	Out    string     `yaml:"out" json:"out,omitempty"`
	Load   LoadSpec   `yaml:"-" json:"load"` // flags of the load command alone
	Find   FindSpec   `yaml:"find" json:"find"`
	Limits LimitsSpec `yaml:"limits" json:"limits"`
	Verify VerifySpec `yaml:"verify" json:"verify"`

	Scenarios []ScenarioSpec `yaml:"scenarios" json:"scenarios,omitempty"`
}

// TargetSpec is the requests to send and how to reach who answers them.
type TargetSpec struct {
	URL             string        `yaml:"url" json:"url,omitempty"`
	Asked           string        `yaml:"-" json:"asked,omitempty"` // a mark of what outputs hide of the question
	Method          string        `yaml:"method" json:"method,omitempty"`
	Headers         Headers       `yaml:"headers" json:"headers,omitempty"`
	Body            string        `yaml:"body" json:"body,omitempty"`
	User            string        `yaml:"user" json:"user,omitempty"`
	Requests        []RequestSpec `yaml:"requests" json:"requests,omitempty"`
	File            string        `yaml:"file" json:"file,omitempty"`
	CSV             string        `yaml:"csv" json:"csv,omitempty"`
	Timeout         time.Duration `yaml:"timeout" json:"timeout_ns,omitempty"`
	Connections     int           `yaml:"connections" json:"connections,omitempty"`
	HTTP2           bool          `yaml:"http2" json:"http2,omitempty"`
	Transport       string        `yaml:"transport" json:"transport,omitempty"`
	Insecure        bool          `yaml:"insecure" json:"insecure,omitempty"`
	Cert            string        `yaml:"cert" json:"cert,omitempty"`
	Key             string        `yaml:"key" json:"key,omitempty"`
	CACert          string        `yaml:"cacert" json:"cacert,omitempty"`
	ConnectTo       []string      `yaml:"connect_to" json:"connect_to,omitempty"`
	UnixSocket      string        `yaml:"unix_socket" json:"unix_socket,omitempty"`
	Proxy           string        `yaml:"proxy" json:"proxy,omitempty"`
	Redirects       int           `yaml:"redirects" json:"redirects,omitempty"`
	ExpectStatus    []int         `yaml:"expect_status" json:"expect_status,omitempty"`
	ThrottledStatus []int         `yaml:"throttled_status" json:"throttled_status,omitempty"`
	Authorized      bool          `yaml:"authorized" json:"authorized,omitempty"`
}

// RequestSpec is one of several weighted requests.
type RequestSpec struct {
	Name     string  `yaml:"name" json:"name,omitempty"`
	Weight   float64 `yaml:"weight" json:"weight,omitempty"`
	Method   string  `yaml:"method" json:"method,omitempty"`
	URL      string  `yaml:"url" json:"url"`
	Headers  Headers `yaml:"headers" json:"headers,omitempty"`
	Body     string  `yaml:"body" json:"body,omitempty"`
	BodyFile string  `yaml:"body_file" json:"body_file,omitempty"`
}

// Headers are header lines, "Name: value". A spec may write them as a map too.
type Headers []string

// UnmarshalYAML reads a map of headers, or a list of lines.
func (h *Headers) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.SequenceNode {
		return n.Decode((*[]string)(h))
	}
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("headers are a map of names and values, or a list of lines")
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		if value.Kind == yaml.AliasNode {
			value = value.Alias
		}
		if value.Kind != yaml.ScalarNode {
			return fmt.Errorf("header %s: its value is not text (a list of lines repeats a header)", name.Value)
		}
		*h = append(*h, name.Value+": "+value.Value)
	}
	return nil
}

// LoadSpec is a load without a search.
type LoadSpec struct {
	Rate     string         `json:"rate,omitempty"`
	For      time.Duration  `json:"for_ns,omitempty"`
	Arrivals attack.Process `json:"arrivals,omitempty"`
	Burst    int            `json:"burst,omitempty"` // beside the rate, all at once at the beginning
}

// FindSpec is the search for the knee and the breaking load.
type FindSpec struct {
	Budget      time.Duration  `yaml:"budget" json:"budget_ns,omitempty"`
	Profile     string         `yaml:"profile" json:"profile,omitempty"`
	MaxRate     attack.Rate    `yaml:"max_rate" json:"max_rate,omitempty"`
	Arrivals    attack.Process `yaml:"arrivals" json:"arrivals,omitempty"`
	Gentle      bool           `yaml:"gentle" json:"gentle,omitempty"`
	MaxOverload float64        `yaml:"max_overload_seconds" json:"max_overload_seconds,omitempty"`
	MaxFailed   string         `yaml:"max_failed" json:"max_failed,omitempty"`
	MaxInFlight int            `yaml:"max_inflight" json:"max_inflight,omitempty"`
	Health      string         `yaml:"health" json:"health,omitempty"`
}

// LimitsSpec is how a capacity becomes limits.
type LimitsSpec struct {
	Margin string   `yaml:"margin" json:"margin,omitempty"`
	Tiers  []string `yaml:"tiers" json:"tiers,omitempty"`
}

// VerifySpec is the throttle to prove.
type VerifySpec struct {
	URL       string        `yaml:"url" json:"url,omitempty"`
	Limit     string        `yaml:"limit" json:"limit,omitempty"`
	Burst     int           `yaml:"burst" json:"burst,omitempty"`
	Limits    string        `yaml:"limits" json:"limits,omitempty"`
	Profile   string        `yaml:"profile" json:"profile,omitempty"`
	Only      []string      `yaml:"only" json:"only,omitempty"`
	Skip      []string      `yaml:"skip" json:"skip,omitempty"`
	Expect    []string      `yaml:"expect" json:"expect,omitempty"`
	Brief     bool          `yaml:"brief" json:"brief,omitempty"`
	Thorough  bool          `yaml:"thorough" json:"thorough,omitempty"`
	Scenarios string        `yaml:"scenarios" json:"scenarios,omitempty"`
	Algorithm string        `yaml:"algorithm" json:"algorithm,omitempty"`
	Window    time.Duration `yaml:"window" json:"window_ns,omitempty"`
	KeyHeader string        `yaml:"key_header" json:"key_header,omitempty"`
	KeyQuery  string        `yaml:"key_query" json:"key_query,omitempty"`
	Keys      string        `yaml:"keys" json:"keys,omitempty"`
	Tiers     []string      `yaml:"tiers" json:"tiers,omitempty"`
	Stage     string        `yaml:"stage" json:"stage,omitempty"`
	Instances []string      `yaml:"instances" json:"instances,omitempty"`
	Bypass    string        `yaml:"bypass" json:"bypass,omitempty"`
	Key       string        `yaml:"key" json:"key,omitempty"`
	Watch     WatchSpec     `yaml:"watch" json:"watch"`
}

// newSpec holds every default there is.
func newSpec() *Spec {
	return &Spec{
		Target: TargetSpec{Timeout: 10 * time.Second},
		Load:   LoadSpec{Rate: "50/s", For: 30 * time.Second, Arrivals: attack.Even},
		Find: FindSpec{Budget: 3 * time.Minute, Profile: "standard", MaxRate: 100_000, Arrivals: attack.Poisson,
			MaxOverload: 60, MaxFailed: "5%", MaxInFlight: 20_000},
		Verify: VerifySpec{Watch: newWatchSpec()},
	}
}

// maxSpec bounds a spec file: a larger one is some other file.
const maxSpec = 1 << 20

// readSpec reads a spec file over the defaults. Its errors name every fault with line and column.
func readSpec(path string) (*Spec, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil && isURL(path):
		return nil, misuseHint("plimsoll find "+attack.RedactURL(path)+" searches without one", "run takes a spec, and %s is a URL", attack.RedactURL(path))
	case err != nil:
		return nil, misuse("read spec: %w", err)
	case info.IsDir():
		return nil, misuseHint("a spec is a YAML file (plimsoll schema spec describes it); plimsoll report shows a run", "read spec: %s is a folder", path)
	}
	if info.Size() > maxSpec {
		return nil, misuse("read spec: %s has %d bytes, want at most %d", path, info.Size(), maxSpec)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, misuse("read spec: %w", err)
	}
	spec := newSpec()
	if err := yaml.Load(data, spec, yaml.WithKnownFields()); err != nil {
		return nil, misuse("%s", specFaults(path, string(data), "the least that a spec says is `target: {url: \"http://127.0.0.1:8080/\"}` (plimsoll schema spec describes the rest)", err))
	}
	if request, nth, err := spec.expand(); err != nil {
		if n := headerIn(document(data), request, nth); n != nil {
			path = fmt.Sprintf("%s:%d:%d", path, n.Line, n.Column)
		}
		return nil, misuse("%s: %w", path, err)
	}
	return spec, nil
}

var envRef = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// expand replaces ${ENV} in header values; a variable that is not set is an error, not an empty secret, of the
// nth header of the target itself or, from 1, of one of its requests.
func (s *Spec) expand() (request, nth int, err error) {
	lists := []*Headers{&s.Target.Headers}
	for i := range s.Target.Requests {
		lists = append(lists, &s.Target.Requests[i].Headers)
	}
	for request, list := range lists {
		for i, h := range *list {
			var missing string
			(*list)[i] = envRef.ReplaceAllStringFunc(h, func(ref string) string {
				v, ok := os.LookupEnv(ref[2 : len(ref)-1])
				if !ok {
					missing = ref
				}
				return v
			})
			if missing != "" {
				name, _, _ := strings.Cut(h, ":")
				return request, i, fmt.Errorf("header %s: %s is not set in the environment", name, missing)
			}
		}
	}
	return 0, 0, nil
}
