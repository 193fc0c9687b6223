package attack

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// EndpointsMax is the most endpoints that a measurement keeps apart. A target of more is data, and kept as one.
const EndpointsMax = 32

// Endpoint is what became of the requests of one kind over a trial, its warm-up left out, whatever their identity. Arrivals
// that were never sent have no kind. Due counts those that ended.
type Endpoint struct {
	Name string `json:"name"`
	Counts
	Response Histogram `json:"response"` // due to last byte, of ok and timeout (at least the timeout)
	Service  Histogram `json:"service"`  // sent to last byte, of the same
}

// Endpoints are the kinds of requests of a target, in the order in which they first come; nil where there is but one, or
// more than EndpointsMax.
func (t Target) Endpoints() []Endpoint {
	names, _ := t.endpoints()
	if len(names) < 2 || len(names) > EndpointsMax {
		return nil
	}
	out := make([]Endpoint, len(names))
	for i, name := range names {
		out[i].Name = name
	}
	return out
}

// endpoints are the names of the kinds, and to which each request belongs.
func (t Target) endpoints() (names []string, of []int) {
	known := map[string]int{}
	for _, r := range t.Requests {
		name := r.endpoint()
		i, ok := known[name]
		if !ok {
			i = len(names)
			known[name], names = i, append(names, name)
		}
		of = append(of, i)
	}
	return names, of
}

// endpoint is the request's name, or its method and the path of its URL, in which nothing is secret.
func (r Request) endpoint() string {
	if r.Name != "" {
		return r.Name
	}
	path, _, _ := strings.Cut(r.URL, "?")
	path, _, _ = strings.Cut(path, "#")
	if _, rest, ok := strings.Cut(path, "://"); ok {
		path = rest
	}
	if _, rest, ok := strings.Cut(path, "/"); ok {
		return r.verb() + " /" + rest
	}
	return r.verb() + " /"
}

// End books the end of a request of this kind.
func (e *Endpoint) End(o Outcome) {
	e.Due++
	*e.Of(o)++
}

// mergeEndpoints pools endpoints by name.
func mergeEndpoints(out *Measurement, shares []Endpoint) {
	for _, e := range shares {
		i := slices.IndexFunc(out.Endpoints, func(o Endpoint) bool { return o.Name == e.Name })
		if i < 0 {
			i = len(out.Endpoints)
			out.Endpoints = append(out.Endpoints, Endpoint{Name: e.Name})
		}
		o := &out.Endpoints[i]
		o.Counts.Add(e.Counts)
		o.Response.Add(e.Response)
		o.Service.Add(e.Service)
	}
	slices.SortFunc(out.Endpoints, func(a, b Endpoint) int { return cmp.Compare(a.Name, b.Name) })
}

// check reports an endpoint whose sums do not hold.
func (e Endpoint) check() error {
	if err := e.Check(); err != nil {
		return fmt.Errorf("endpoint %s: %w", e.Name, err)
	}
	if n := e.Response.N(); n != e.OK+e.Timeout {
		return fmt.Errorf("endpoint %s: %d response times for %d ok and %d timeouts", e.Name, n, e.OK, e.Timeout)
	}
	return nil
}
