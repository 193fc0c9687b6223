package analyze

import (
	"slices"
	"strings"
)

// ParseGoals reads promises from terms: p99<250ms, p99.9<1s, failed<1%, several in one text parted by commas. Texts that
// bound different quantities make one promise together. Texts that bound the same quantity, p99<100ms and p99<250ms, make a
// promise each, to which belongs whatever the others bound once. It always returns one at least.
func ParseGoals(texts []string) ([]Goal, error) {
	parsed := make([]Goal, len(texts))
	for i, text := range texts {
		for _, term := range strings.Split(text, ",") {
			if err := parsed[i].Parse(term); err != nil {
				return nil, err
			}
		}
	}
	var shared Goal
	var out []Goal
	for i, g := range parsed {
		if slices.ContainsFunc(parsed[:i], g.contends) || slices.ContainsFunc(parsed[i+1:], g.contends) {
			out = append(out, g)
			continue
		}
		shared = shared.and(g)
	}
	for i := range out {
		out[i] = out[i].and(shared)
	}
	if len(out) == 0 {
		return []Goal{shared}, nil
	}
	return slices.CompactFunc(out, func(a, b Goal) bool { return a.String() == b.String() }), nil
}

// contends tells whether both goals bound the same quantity.
func (g Goal) contends(o Goal) bool {
	if g.Failed != nil && o.Failed != nil {
		return true
	}
	return slices.ContainsFunc(g.Latency, func(b Bound) bool {
		return slices.ContainsFunc(o.Latency, func(c Bound) bool { return b.Quantile == c.Quantile })
	})
}

// and is the promise to keep both. What g says of failures stands.
func (g Goal) and(o Goal) Goal {
	g.Latency = slices.Concat(g.Latency, o.Latency)
	if g.Failed == nil {
		g.Failed = o.Failed
	}
	return g
}
