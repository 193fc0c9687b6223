package attack

import (
	"testing"
	"time"
)

func TestEndpointsAreKindsOfRequests(t *testing.T) {
	target := Target{Requests: []Request{
		{URL: "http://user:word@host/a?key=secret"}, {Method: "POST", URL: "http://host/a"}, {URL: "http://host/a?key=other#x"},
		{URL: "http://host"}, {Name: "search", URL: "http://host/find/{{.Seq}}"},
	}}
	var names []string
	for _, e := range target.Endpoints() {
		names = append(names, e.Name)
	}
	want := []string{"GET /a", "POST /a", "GET /", "search"}
	if len(names) != len(want) {
		t.Fatalf("endpoints %q, want %q", names, want)
	}
	for i := range want {
		if names[i] != want[i] {
			t.Errorf("endpoint %d is %q, want %q", i, names[i], want[i])
		}
	}
	draw, err := target.Compile(1, nil)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for seq := range int64(200) {
		r, _, err := draw(seq)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.endpoint(); r.Endpoint != 3 && got != want[r.Endpoint] {
			t.Fatalf("arrival %d is of endpoint %d, %s, drawn was %s", seq, r.Endpoint, want[r.Endpoint], got)
		}
		seen[r.Endpoint] = true
	}
	if len(seen) != len(want) {
		t.Errorf("drew endpoints %v, want all of %q", seen, want)
	}
}

func TestATargetOfOneKindKeepsNoneApart(t *testing.T) {
	same := Target{Requests: []Request{{URL: "http://host/a?x=1"}, {URL: "http://host/a?x=2"}}}
	var data Target
	for i := range EndpointsMax + 1 {
		data.Requests = append(data.Requests, Request{Name: string(rune('a' + i)), URL: "http://host/"})
	}
	for _, target := range []Target{same, data} {
		if e := target.Endpoints(); e != nil {
			t.Errorf("%d requests have endpoints %+v, want none kept apart", len(target.Requests), e)
		}
	}
}

func TestEndpointsMergeByNameAndSumUp(t *testing.T) {
	made := func(name string, ok, failed int64) Endpoint {
		e := Endpoint{Name: name}
		for range ok {
			e.End(OK)
			e.Response.Record(time.Millisecond)
		}
		for range failed {
			e.End(Failed)
		}
		return e
	}
	m := Merge(Measurement{Endpoints: []Endpoint{made("b", 2, 1), made("a", 1, 0)}}, Measurement{Endpoints: []Endpoint{made("a", 3, 2)}})
	if err := m.Check(); err != nil {
		t.Error(err)
	}
	if len(m.Endpoints) != 2 || m.Endpoints[0].Name != "a" || m.Endpoints[0].OK != 4 || m.Endpoints[0].Failed != 2 || m.Endpoints[1].Due != 3 {
		t.Errorf("merged into %+v", m.Endpoints)
	}
	m.Endpoints[1].OK++
	if m.Check() == nil {
		t.Error("an endpoint whose bins do not sum up passes")
	}
	silent := made("c", 1, 0)
	silent.Response = Histogram{}
	if (Measurement{Endpoints: []Endpoint{silent}}).Check() == nil {
		t.Error("an ok without a response time passes")
	}
}
