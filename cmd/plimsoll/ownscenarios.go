package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// ScenarioSpec is a storm of the user's own: actors who send through phases, and what is expected meanwhile.
type ScenarioSpec struct {
	Name   string      `yaml:"name" json:"name,omitempty"`
	Title  string      `yaml:"title" json:"title,omitempty"`
	Phases []PhaseSpec `yaml:"phases" json:"phases,omitempty"`
	Actors []ActorSpec `yaml:"actors" json:"actors,omitempty"`
	Expect []string    `yaml:"expect" json:"expect,omitempty"`
}

// PhaseSpec is a stretch of a scenario. Rates are 300/s or 1.5x of the limit's, bursts 50 or 2x of the limit's.
type PhaseSpec struct {
	Name   string        `yaml:"name" json:"name,omitempty"`
	For    time.Duration `yaml:"for" json:"for_ns,omitempty"`
	Rate   string        `yaml:"rate" json:"rate,omitempty"`
	From   string        `yaml:"from" json:"from,omitempty"`
	To     string        `yaml:"to" json:"to,omitempty"`
	Burst  string        `yaml:"burst" json:"burst,omitempty"`
	Expect []string      `yaml:"expect" json:"expect,omitempty"`
}

// ActorSpec is one who sends a share of every phase.
type ActorSpec struct {
	Name   string        `yaml:"name" json:"name,omitempty"`
	Key    string        `yaml:"key" json:"key,omitempty"` // the name of a declared consumer
	Share  string        `yaml:"share" json:"share,omitempty"`
	Retry  string        `yaml:"retry" json:"retry,omitempty"`
	Base   time.Duration `yaml:"base" json:"base_ns,omitempty"`
	Cap    time.Duration `yaml:"cap" json:"cap_ns,omitempty"`
	Tries  int           `yaml:"tries" json:"tries,omitempty"`
	Expect []string      `yaml:"expect" json:"expect,omitempty"`
}

// scenarioFile is what --scenarios names: the part of a spec that tells scenarios.
type scenarioFile struct {
	Scenarios []ScenarioSpec `yaml:"scenarios"`
}

// readScenarios reads a file of scenarios.
func readScenarios(path string) ([]ScenarioSpec, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, misuse("--scenarios: %w", err)
	}
	if info.Size() > maxSpec {
		return nil, misuse("--scenarios: %s has %d bytes, want at most %d", path, info.Size(), maxSpec)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, misuse("--scenarios: %w", err)
	}
	var f scenarioFile
	if err := yaml.Load(data, &f, yaml.WithKnownFields()); err != nil {
		return nil, misuse("%s", specFaults(path, string(data), "plimsoll schema scenarios shows one", err))
	}
	if len(f.Scenarios) == 0 {
		return nil, misuse("--scenarios: %s has no scenarios: (plimsoll schema scenarios shows one)", path)
	}
	return f.Scenarios, nil
}

// ownScenarios are those of the spec and of --scenarios.
func (a *app) ownScenarios() ([]scenarios.Own, error) {
	specs := a.spec.Scenarios
	if path := a.spec.Verify.Scenarios; path != "" {
		more, err := readScenarios(path)
		if err != nil {
			return nil, err
		}
		specs = append(specs[:len(specs):len(specs)], more...)
	}
	var out []scenarios.Own
	for _, s := range specs {
		own, err := s.own()
		if err != nil {
			return nil, misuse("scenario %s: %w", s.Name, err)
		}
		out = append(out, own)
	}
	return out, nil
}

// own is the scenario that the spec tells.
func (s ScenarioSpec) own() (o scenarios.Own, err error) {
	o = scenarios.Own{Name: s.Name, Title: s.Title}
	if o.Title == "" {
		o.Title = s.Name
	}
	if o.Expect, err = expectations(s.Expect); err != nil {
		return o, err
	}
	for _, p := range s.Phases {
		phase, err := p.phase()
		if err != nil {
			return o, fmt.Errorf("phase %s: %w", p.Name, err)
		}
		o.Phases = append(o.Phases, phase)
	}
	for _, a := range s.Actors {
		actor, err := a.actor()
		if err != nil {
			return o, fmt.Errorf("actor %s: %w", a.Name, err)
		}
		o.Actors = append(o.Actors, actor)
	}
	return o, nil
}

func (p PhaseSpec) phase() (out scenarios.Phase, err error) {
	out = scenarios.Phase{Name: p.Name, Len: p.For}
	if p.Rate != "" && p.From+p.To != "" {
		return out, fmt.Errorf("rate and from/to exclude one another")
	}
	from, to := p.From, p.To
	if p.Rate != "" {
		from, to = p.Rate, p.Rate
	}
	for _, x := range []struct {
		word, text string
		into       *scenarios.Amount
	}{{"from", from, &out.From}, {"to", to, &out.To}, {"burst", p.Burst, &out.Burst}} {
		if *x.into, err = amount(x.text, x.word == "burst"); err != nil {
			return out, fmt.Errorf("%s: %w", x.word, err)
		}
	}
	out.Expect, err = expectations(p.Expect)
	return out, err
}

// amount reads 1.5x of the limit, or a plain rate or number; nothing is 0.
func amount(text string, plain bool) (scenarios.Amount, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return scenarios.Amount{}, nil
	}
	number, times := strings.CutSuffix(text, "x")
	if plain && strings.Contains(number, "/") {
		return scenarios.Amount{}, fmt.Errorf("%q, want a number (50) or times the limit's (2x)", text)
	}
	if strings.TrimSpace(number) == "0" {
		return scenarios.Amount{}, nil
	}
	r, err := attack.ParseRate(number)
	if err != nil || times && strings.Contains(number, "/") {
		return scenarios.Amount{}, fmt.Errorf("%q, want a rate (300/s) or times the limit (1.5x)", text)
	}
	if times {
		return scenarios.Amount{Times: float64(r)}, nil
	}
	return scenarios.Amount{Plain: float64(r)}, nil
}

func (a ActorSpec) actor() (out scenarios.OwnActor, err error) {
	out = scenarios.OwnActor{Name: a.Name, Key: a.Key, Manners: attack.Manners{Policy: attack.Policy(a.Retry), Base: a.Base, Cap: a.Cap, Tries: a.Tries}}
	if a.Share != "" {
		if out.Share, err = analyze.ParsePercent(a.Share); err != nil {
			return out, fmt.Errorf("share: %w", err)
		}
	}
	out.Expect, err = expectations(a.Expect)
	return out, err
}

func expectations(texts []string) (out []scenarios.Expectation, err error) {
	for _, t := range texts {
		x, err := scenarios.ParseExpectation(t)
		if err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, nil
}
