package limits

import (
	"github.com/dunglas/httpsfv"
)

// structured reads the field RateLimit, in the form of draft 07 or as structured fields, with RateLimit-Policy beside it.
func (h fields) structured() []Quota {
	text, told := h["ratelimit"]
	if dict, err := httpsfv.UnmarshalDictionary([]string{text}); told && err == nil {
		if _, ok := dict.Get("remaining"); ok {
			return h.draft07(dict)
		}
		if _, ok := dict.Get("limit"); ok {
			return h.draft07(dict)
		}
	}
	known := h.policies(told)
	if !told {
		return known
	}
	list, err := httpsfv.UnmarshalList([]string{text})
	if err != nil || len(list) == 0 {
		return append(known, Quota{Family: Structured, Faults: []string{`ratelimit is "` + text + `", want "name";r=remaining;t=seconds`}})
	}
	var all []Quota
	for _, m := range list {
		all = append(all, serviceLimit(m, known))
	}
	return all
}

// draft07 reads the one field of three members.
func (h fields) draft07(dict *httpsfv.Dictionary) []Quota {
	q := Quota{Family: Draft07}
	member := func(name string) *float64 {
		m, ok := dict.Get(name)
		item, plain := m.(httpsfv.Item)
		if !ok {
			return nil
		}
		if plain && float(item.Value) != nil {
			return float(item.Value)
		}
		q.fault("ratelimit has a %s that is no number", name)
		return nil
	}
	q.Limit, q.Remaining = member("limit"), member("remaining")
	if t := member("reset"); t != nil {
		q.Reset = &Reset{Form: ResetDelta, In: duration(*t), Known: true}
	}
	list, _ := httpsfv.UnmarshalList([]string{h["ratelimit-policy"]})
	q.window(list)
	return []Quota{q}
}

// policies are what RateLimit-Policy declares: "name";q=quota;w=window. Where nothing tells of the field RateLimit, a policy of
// another form belongs to the drafts before, whose own headers tell of it.
func (h fields) policies(told bool) (all []Quota) {
	text, ok := h["ratelimit-policy"]
	if !ok {
		return nil
	}
	list, err := httpsfv.UnmarshalList([]string{text})
	for _, m := range list {
		item, plain := m.(httpsfv.Item)
		name, named := item.Value.(string)
		if !plain || !named {
			continue
		}
		q := Quota{Family: Structured, Name: name}
		if q.Limit = q.param(item, "q", 0); q.Limit == nil && len(q.Faults) == 0 {
			q.fault("ratelimit-policy %q has no q, which it must have", name)
		}
		if w := q.param(item, "w", 1); w != nil {
			q.Window = duration(*w)
		}
		if unit, ok := item.Params.Get("qu"); ok {
			q.Unit, _ = unit.(string)
		}
		all = append(all, q)
	}
	if told && (err != nil || len(all) == 0) {
		all = append(all, Quota{Family: Structured, Faults: []string{`ratelimit-policy is "` + text + `", want "name";q=quota;w=seconds`}})
	}
	return all
}

// serviceLimit reads one item of RateLimit, "name";r=remaining;t=seconds, and takes the limit from the policy of its name.
func serviceLimit(m httpsfv.Member, known []Quota) Quota {
	q := Quota{Family: Structured}
	item, plain := m.(httpsfv.Item)
	name, named := item.Value.(string)
	if !plain || !named {
		q.fault(`ratelimit has an item that is not named by a string: want "name";r=remaining;t=seconds`)
		return q
	}
	for _, p := range known {
		if p.Name == name {
			q.Limit, q.Window, q.Unit = p.Limit, p.Window, p.Unit
			q.Faults = append(q.Faults, p.Faults...)
		}
	}
	q.Name = name
	if q.Remaining = q.param(item, "r", 0); q.Remaining == nil && len(q.Faults) == 0 {
		q.fault("ratelimit %q has no r, which it must have", name)
	}
	if t := q.param(item, "t", 0); t != nil {
		q.Reset = &Reset{Form: ResetDelta, In: duration(*t), Known: true}
	}
	return q
}

// param is a parameter of an item, a whole number that is not below least; nil when it is not there, or is something else.
func (q *Quota) param(item httpsfv.Item, name string, least int64) *float64 {
	v, ok := item.Params.Get(name)
	if !ok {
		return nil
	}
	if n, whole := v.(int64); whole && n >= least {
		return float(n)
	}
	q.fault("%q has %s=%v, want a whole number from %d", item.Value, name, v, least)
	return nil
}
