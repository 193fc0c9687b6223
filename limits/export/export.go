// Package export says limits in others' words: the configuration of gateways, rules of monitoring, pages for consumers.
// Each format is a row of Formats and a template of its own, and tells in sentences how the platform departs from the
// token bucket that the limits were sized for.
//
// It is pure: it writes to an io.Writer and reads from an io.Reader, and never applies anything.
package export

import (
	"fmt"
	"io"
	"math"

	"github.com/plimsoll-load/plimsoll/limits"
)

// Group is what a format is for.
type Group string

// The groups of formats, in the order in which they are listed.
const (
	Gateway    Group = "gateways"
	Monitoring Group = "monitoring"
	Consumers  Group = "consumers"
)

// Format is one way to write a policy down.
type Format struct {
	Name     string // as --to names it
	File     string // the file's name in a folder
	Title    string // one line for a list
	Group    Group
	Checker  string // the program that accepts it in .ci/check/run; empty: the file says "unchecked"
	Template string // in templates/

	NoTiers     bool   // the platform cannot tell consumers apart: only the whole limit is written
	LooserBurst bool   // it cannot hold a burst as small as asked, and says so
	PerProcess  bool   // each replica of the gateway counts for itself, so that the numbers are divided among them
	Proof       string // flags that plimsoll verify needs beside the limit
	OpenKeys    bool   // whoever has no key, or one that is in no tier, is let in within the whole limit
	Keys        KeyMap // from which it takes the tiers of keys; of platforms whose files cannot hold them

	Prove   func(held Policy) string         // takes the place of Proof where it depends on the limit
	Correct func(Policy) (Policy, error)     // what the platform can hold of it; nil: all. An error: it cannot hold this policy
	Deltas  func(asked, held Policy) []Delta // how it departs from a token bucket; nil: not at all
	Read    func(io.Reader) ([]Found, error) // the limits in a deployed file; nil: it cannot be read back
}

// KeyMap is a file beside an exported one that says in which tier a key is. No two platforms write it alike: each has its own.
type KeyMap struct {
	Path  string // as the exported file names it; empty: there is none
	Place string // where that is, in words that follow the path
	Line  string // one line of it; %s is the tier
}

// Delta is one departure of a platform from a token bucket of the wanted rate and burst, in a sentence.
type Delta struct {
	Text      string
	Corrected bool // the numbers in the file make up for it
}

// Found is one limit in a configuration, as the token bucket that it comes to.
type Found struct {
	Name  string // Total, the Ident of a tier, or what the file calls it
	Ours  bool   // the name is one that this program gives
	Limit limits.Limit
	Line  int    // where it stands, from 1; 0 if unknown
	Flaw  string // why it does not limit although it stands there; empty if it does
}

// Formats are all that can be written, by group. Adding one is a row here, a template, and a golden file: see
// CONTRIBUTING.md.
func Formats() []Format {
	return append(gateways(), consumers()...)
}

func gateways() []Format {
	return []Format{cloudFormation, cloudFormationHTTP, terraform, terraformHTTP, awsCLI, nginx, haproxy, envoy, istio, envoyGateway, kong, traefik, goCode}
}

// Lookup is the format of a name.
func Lookup(name string) (Format, bool) {
	for _, f := range Formats() {
		if f.Name == name {
			return f, true
		}
	}
	return Format{}, false
}

// Held is what one gateway process is told: the policy divided among the replicas where each counts for itself, and
// brought to what the platform can hold. Rate and burst are only ever made smaller, but where Deltas says otherwise.
func (f Format) Held(p Policy) (Policy, error) {
	if err := p.Validate(); err != nil {
		return Policy{}, err
	}
	held := p.clone()
	if n := p.Replicas; f.PerProcess && n > 1 {
		if p.Burst < n {
			return held, fmt.Errorf("a burst of %d cannot be divided among %d replicas: each must admit one request at least", p.Burst, n)
		}
		held.eachLimit(func(l *limits.Limit) { *l = limits.Limit{Rate: l.Rate / float64(n), Burst: max(1, l.Burst/n)} })
	}
	if f.Correct == nil {
		return held, nil
	}
	held, err := f.Correct(held)
	if err != nil {
		return held, fmt.Errorf("%s: %w", f.Name, err)
	}
	return held, nil
}

// Departures are the format's deltas for a policy, with that of the replicas.
func (f Format) Departures(p Policy) ([]Delta, error) {
	held, err := f.Held(p)
	if err != nil {
		return nil, err
	}
	var all []Delta
	if f.PerProcess {
		all = append(all, replicas(p, held))
	}
	if f.Deltas != nil {
		all = append(all, f.Deltas(p, held)...)
	}
	return all, nil
}

func replicas(asked, held Policy) Delta {
	if asked.Replicas > 1 {
		return Delta{Corrected: true, Text: fmt.Sprintf("each of the %d gateway processes counts for itself, so each holds a %dth of the limits: all are reached only if the load is spread evenly, and one process fewer is a %dth less",
			asked.Replicas, asked.Replicas, asked.Replicas)}
	}
	return Delta{Text: "each gateway process counts for itself: N of them admit N times as much (--replicas N divides)"}
}

// Verify is the command that proves what the format's file does, for all replicas together.
func (f Format) Verify(p Policy) (string, error) {
	held, err := f.Held(p)
	if err != nil {
		return "", err
	}
	l := held.Limit
	if f.PerProcess {
		l = limits.Limit{Rate: l.Rate * float64(p.Replicas), Burst: l.Burst * p.Replicas}
	}
	text := fmt.Sprintf("plimsoll verify %s --limit %s/s --burst %d", p.url(), Number(digits(l.Rate, 7)), l.Burst)
	return text + f.proof(held), nil
}

// proof is the flags that plimsoll verify needs beside limits, after a blank.
func (f Format) proof(held Policy) string {
	flags := f.Proof
	if f.Prove != nil {
		flags = f.Prove(held)
	}
	if flags == "" {
		return ""
	}
	return " " + flags
}

// VerifyTiers is the command that proves the tiers, with the whole limit as that of all consumers together; empty where there
// are none, or the platform has none. It needs a file of keys.
func (f Format) VerifyTiers(p Policy) (string, error) {
	if f.NoTiers || f.Group != Gateway || len(p.Tiers) == 0 {
		return "", nil
	}
	held, err := f.Held(p)
	if err != nil {
		return "", err
	}
	n := 1
	if f.PerProcess {
		n = p.Replicas
	}
	pair := func(l limits.Limit) string {
		return fmt.Sprintf("%s/s,%d", Number(digits(l.Rate*float64(n), 7)), l.Burst*n)
	}
	text := "plimsoll verify " + p.url()
	for _, t := range held.Tiers {
		text += fmt.Sprintf(" --tier '%s=%s'", t.Name, pair(t.Limit))
	}
	text += " --stage " + pair(held.Limit)
	if p.KeyHeader != "" {
		text += " --key-header " + p.KeyHeader
	}
	text += " --keys keys.yml"
	if f.OpenKeys {
		text += " --expect open-keys"
	}
	return text + f.proof(held), nil
}

// floorTo cuts v to a multiple of step, with room for the error of a division that should have come out even.
func floorTo(v, step float64) float64 { return math.Floor(v/step*(1+1e-12)+1e-9) * step }
