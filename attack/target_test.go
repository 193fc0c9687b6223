package attack

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func get(url string) Request { return Request{URL: url} }

func targetOf(rs ...Request) Target { return Target{Requests: rs} }

func TestTargetIsRefusedWhen(t *testing.T) {
	for name, row := range map[string]struct {
		target Target
		rows   Rows
		want   string
	}{
		"it has no requests":                   {targetOf(), nil, "target has no requests"},
		"a URL has no scheme":                  {targetOf(get("host/path")), nil, "begins with http:// or https://"},
		"a URL is of another scheme":           {targetOf(get("ftp://host/")), nil, "begins with http://"},
		"a port is none":                       {targetOf(get("http://host:65536/")), nil, "port 65536, want 1 to 65535"},
		"a URL has no host":                    {targetOf(get("http:///path")), nil, "names no host"},
		"a URL cannot be read":                 {targetOf(get("http://h/%zz")), nil, "cannot be read"},
		"a weight is below 0":                  {targetOf(Request{URL: "http://h", Weight: -1}), nil, "weight -1"},
		"a weight is no number":                {targetOf(Request{URL: "http://h", Weight: math.NaN()}), nil, "weight NaN"},
		"a method has a blank":                 {targetOf(Request{URL: "http://h", Method: "GE T"}), nil, `method "GE T"`},
		"a header name has a colon":            {targetOf(Request{URL: "http://h", Header: map[string][]string{"a:b": {"c"}}}), nil, "no header name"},
		"a header value breaks the line":       {targetOf(Request{URL: "http://h", Header: map[string][]string{"a": {"b\r\nc: d"}}}), nil, "line break"},
		"a template does not parse":            {targetOf(get("http://h/{{.Seq")), nil, "template in the URL"},
		"a template names no known field":      {targetOf(get("http://h/{{.Nope}}")), nil, "template in the URL"},
		"a column is asked for without a CSV":  {targetOf(get("http://h/{{csv.id}}")), nil, "there is no CSV"},
		"a column is not in the CSV":           {targetOf(get("http://h/{{csv.nope}}")), Rows{{"id": "1", "name": "x"}}, "the CSV's columns are id, name"},
		"a row of the CSV makes a bad URL":     {targetOf(get("{{csv.u}}")), Rows{{"u": "http://h/"}, {"u": "nonsense"}}, "filled in for arrival 1"},
		"a body's template does not run":       {targetOf(Request{URL: "http://h", Body: []byte("{{csv.x}}")}), Rows{{"y": ""}}, "template in the body"},
		"a header's template does not run":     {targetOf(Request{URL: "http://h", Header: map[string][]string{"A": {"{{csv.x}}"}}}), Rows{{"y": ""}}, "template in the header A"},
		"the second of two requests is at bad": {targetOf(get("http://h"), get("h")), nil, "request 2 of the target"},
	} {
		_, err := row.target.Compile(1, row.rows)
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("a target is refused when %s: Compile = %v, want an error with %q", name, err, row.want)
		}
	}
}

func TestErrorsAboutATargetKeepItsSecrets(t *testing.T) {
	_, err := targetOf(get("ftp://user:hunter2@host/?key=hunter2")).Compile(1, nil)
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("Compile = %v, want an error that does not show the password", err)
	}
}

func draw(t *testing.T, target Target, seed uint64, rows Rows, seq int64) *Request {
	t.Helper()
	d, err := target.Compile(seed, rows)
	if err != nil {
		t.Fatalf("Compile: %v", err)
	}
	r, _, err := d(seq)
	if err != nil {
		t.Fatalf("draw %d: %v", seq, err)
	}
	return r
}

func TestTemplatesAreFilledInByArrival(t *testing.T) {
	target := targetOf(Request{
		Method: "POST",
		URL:    "http://h/{{.Seq}}?u={{ csv.user }}",
		Header: map[string][]string{"X-Id": {"{{.Seq}}", "plain"}, "Accept": {"*/*"}},
		Body:   []byte(`{"user":"{{csv.user}}","text":"csv.user","even":{{if csv.user}}{{.Seq}}{{end}}}`),
	})
	rows := Rows{{"user": "ann"}, {"user": "bob"}}
	want := &Request{
		Method: "POST",
		URL:    "http://h/3?u=bob",
		Header: map[string][]string{"X-Id": {"3", "plain"}, "Accept": {"*/*"}},
		Body:   []byte(`{"user":"bob","text":"csv.user","even":3}`),
	}
	if diff := cmp.Diff(want, draw(t, target, 1, rows, 3)); diff != "" {
		t.Errorf("arrival 3 with two rows (-want +got):\n%s", diff)
	}
}

func TestRandIsTheSameForTheSameSeedAndArrival(t *testing.T) {
	target := targetOf(get("http://h/{{.Rand}}"))
	one := draw(t, target, 7, nil, 5).URL
	if again := draw(t, target, 7, nil, 5).URL; again != one {
		t.Errorf("seed 7, arrival 5: %s and then %s", one, again)
	}
	if other := draw(t, target, 7, nil, 6).URL; other == one {
		t.Errorf("arrivals 5 and 6 both drew %s", one)
	}
	if other := draw(t, target, 8, nil, 5).URL; other == one {
		t.Errorf("seeds 7 and 8 both drew %s", one)
	}
}

func TestRequestsWithoutTemplatesAreSharedAndMarkedSo(t *testing.T) {
	d, err := targetOf(get("http://h/")).Compile(1, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, fixedA, _ := d(1)
	b, fixedB, _ := d(2)
	if a != b || !fixedA || !fixedB {
		t.Errorf("two draws of a fixed request: %p fixed %v, %p fixed %v; want the same", a, fixedA, b, fixedB)
	}
	if n := testing.AllocsPerRun(100, func() { d(3) }); n != 0 {
		t.Errorf("a draw of a fixed request allocates %v times, want never", n)
	}
}

// Each request's share of many draws is its share of the weights, whatever the seed: within five standard deviations.
func TestWeightsAreKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SliceOfN(rapid.Float64Range(0.01, 10), 1, 5).Draw(t, "weights")
		target, total := Target{}, 0.0
		for _, w := range weights {
			target.Requests = append(target.Requests, Request{URL: "http://h/", Weight: w})
			total += w
		}
		d, err := target.Compile(rapid.Uint64().Draw(t, "seed"), nil)
		if err != nil {
			t.Fatal(err)
		}
		const n = 4000
		seen := map[*Request]int{}
		order := []*Request{}
		for seq := range int64(n) {
			r, _, _ := d(seq)
			if seen[r] == 0 {
				order = append(order, r)
			}
			seen[r]++
		}
		for _, r := range order {
			p := r.Weight / total
			if got, sd := float64(seen[r]), math.Sqrt(n*p*(1-p)); math.Abs(got-n*p) > 5*sd+1 {
				t.Fatalf("weight %v of %v: %v of %d draws, want %.0f ± %.0f", r.Weight, total, got, n, n*p, 5*sd)
			}
		}
	})
}

func TestSame(t *testing.T) {
	for name, row := range map[string]struct {
		target Target
		want   bool
	}{
		"one URL is the same every time":          {targetOf(get("http://h/")), true},
		"the same URL twice is the same":          {targetOf(get("http://h/"), Request{URL: "http://h/", Method: "GET", Name: "b"}), true},
		"two URLs are not the same":               {targetOf(get("http://h/"), get("http://h/b")), false},
		"a template in the URL makes them differ": {targetOf(get("http://h/{{.Seq}}")), false},
		"a template in a header does too":         {targetOf(Request{URL: "http://h/", Header: map[string][]string{"A": {"{{.Rand}}"}}}), false},
		"other headers are not the same":          {targetOf(get("http://h/"), Request{URL: "http://h/", Header: map[string][]string{"A": {"b"}}}), false},
		"other bodies are not the same":           {targetOf(Request{URL: "http://h/", Body: []byte("a")}, Request{URL: "http://h/", Body: []byte("b")}), false},
	} {
		if got := row.target.Same(); got != row.want {
			t.Errorf("%s: Same() = %v", name, got)
		}
	}
}

func TestUnsafeListsMethodsThatChangeSomething(t *testing.T) {
	target := targetOf(get("http://h/"), Request{Method: "PUT", URL: "http://h/"}, Request{Method: "delete", URL: "http://h/"},
		Request{Method: "HEAD", URL: "http://h/"}, Request{Method: "PUT", URL: "http://h/2"})
	if diff := cmp.Diff([]string{"DELETE", "PUT"}, target.Unsafe()); diff != "" {
		t.Errorf("Unsafe() (-want +got):\n%s", diff)
	}
}

func TestRedactURL(t *testing.T) {
	for in, want := range map[string]string{
		"http://h/path":                     "http://h/path",
		"http://user:pw@h:8080/path?a=1&b=": "http://•••@h:8080/path?a=•••&b=•••",
		"https://tok@en@h/":                 "https://•••@h/",
		"http://h/?bare&x=y=z":              "http://h/?•••&x=•••",
		"http://h/{{.Seq}}?k={{csv.key}}":   "http://h/{{.Seq}}?k=•••",
		"http://h/p#frag":                   "http://h/p#•••",
		"http://h?k=a@b":                    "http://h?k=•••",
		"user:pw@h/path":                    "•••@h/path",
		"http://h/%zz?secret=1":             "http://h/%zz?secret=•••",
		"http://h/mail@home":                "http://h/mail@home",
	} {
		if got := RedactURL(in); got != want {
			t.Errorf("RedactURL(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestRedactHeader(t *testing.T) {
	for name, shown := range map[string]bool{
		"Accept": true, "accept-language": true, "Content-Type": true, "User-Agent": true, "host": true,
		"Authorization": false, "Cookie": false, "X-Api-Key": false, "Referer": false, "X-Accept": false,
	} {
		if got := RedactHeader(name, "value") == "value"; got != shown {
			t.Errorf("RedactHeader(%q, value) shows it: %v, want %v", name, got, shown)
		}
	}
}

// No secret placed anywhere that a request may hold one is in what outputs show, and the target itself is left as it was.
func TestRedactedTargetsGiveNothingAway(t *testing.T) {
	const secret = "hunter2"
	target := targetOf(Request{Name: "login", Method: "POST", URL: "http://u:" + secret + "@h/?k=" + secret,
		Header: map[string][]string{"Authorization": {secret}, "cookie": {secret}, "Accept": {"text/html"}}, Body: []byte(secret)})
	before := target.print()
	got := target.Redacted()
	if strings.Contains(got.print(), secret) {
		t.Errorf("Redacted() = %s, which shows the secret", got.print())
	}
	if got.Requests[0].Name != "login" || got.Requests[0].Header["Accept"][0] != "text/html" {
		t.Errorf("Redacted() = %+v, want what is no secret kept", got.Requests[0])
	}
	if target.print() != before {
		t.Error("Redacted changed the target itself")
	}
}

func (t Target) print() string { return t.Requests[0].print() }

func TestFingerprintTellsTargetsAndKeysApart(t *testing.T) {
	a := targetOf(Request{URL: "http://h/?k=1", Header: map[string][]string{"A": {"1"}, "B": {"2"}}})
	b := targetOf(Request{URL: "http://h/?k=1", Header: map[string][]string{"A": {"1"}, "B": {"3"}}})
	key := []byte("key")
	if again := targetOf(a.Requests...); a.Fingerprint(key) != again.Fingerprint(key) {
		t.Error("a target has two fingerprints")
	}
	if a.Fingerprint(key) == b.Fingerprint(key) {
		t.Error("targets with different secrets share a fingerprint")
	}
	if a.Fingerprint(key) == a.Fingerprint([]byte("other")) {
		t.Error("a fingerprint does not depend on the key")
	}
}

func noBody(string) ([]byte, error) { return nil, errors.New("no such file") }

func TestParseTargetReadsVegetasFormats(t *testing.T) {
	body := func(path string) ([]byte, error) { return []byte("content of " + path), nil }
	for name, row := range map[string]struct {
		file string
		want []Request
	}{
		"http, with headers, bodies and comments": {
			"# first\nGET http://h/a\nX-A: 1\nX-A: 2\nx-case: kept: so\n\nPOST http://h/b\n# inside\nContent-Type: text/plain\n@/path/body\n",
			[]Request{
				{Method: "GET", URL: "http://h/a", Header: map[string][]string{"X-A": {"1", "2"}, "x-case": {"kept: so"}}},
				{Method: "POST", URL: "http://h/b", Header: map[string][]string{"Content-Type": {"text/plain"}}, Body: []byte("content of /path/body")},
			}},
		"http, one method after the other": {
			"GET http://h/a\r\nHEAD http://h/b\r\n", []Request{{Method: "GET", URL: "http://h/a"}, {Method: "HEAD", URL: "http://h/b"}}},
		"http, with a blank in a template": {
			"GET http://h/{{ .Seq }}\n", []Request{{Method: "GET", URL: "http://h/{{ .Seq }}"}}},
		"json lines": {
			"\n" + `{"method":"POST","url":"http://h/a","header":{"A":["1"]},"body":"Rk9P"}` + "\n\n" + `{"method":"GET","url":"http://h/b","weight":3,"name":"b"}`,
			[]Request{
				{Method: "POST", URL: "http://h/a", Header: map[string][]string{"A": {"1"}}, Body: []byte("FOO")},
				{Method: "GET", URL: "http://h/b", Weight: 3, Name: "b"},
			}},
	} {
		got, err := ParseTarget(strings.NewReader(row.file), body)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(row.want, got.Requests); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestParseTargetNamesTheLineOf(t *testing.T) {
	for name, row := range map[string]struct{ file, want string }{
		"an empty file":             {"", "target file is empty"},
		"a file of comments":        {"# nothing\n\n", "target file is empty"},
		"a line without a method":   {"http://h/\n", "line 1: want METHOD URL"},
		"a method without a URL":    {"GET \n", "line 1: want METHOD URL"},
		"a bad URL":                 {"GET http://h/a\n\nGET nonsense\n", "line 3: URL"},
		"a header without a colon":  {"GET http://h/a\nnonsense\n", "line 2: want a header"},
		"a header without a value":  {"GET http://h/a\nName:\n", "line 2: want a header"},
		"a header with a bad name":  {"GET http://h/a\nBad Name: x\n", "line 2: header"},
		"a body that is not there":  {"POST http://h/a\n@gone\n", "line 2: body of the request: no such file"},
		"a line after a body":       {"POST http://h/a\nA: b\n\nC: d\n", "line 4: want METHOD URL"},
		"json that does not parse":  {`{"method":"GET"` + "\n", "line 1: want one JSON object"},
		"json without a method":     {`{"url":"http://h"}`, "line 1: method is missing"},
		"json without a URL":        {`{"method":"GET"}`, "line 1: url is missing"},
		"json with an unknown key":  {`{"method":"GET","url":"http://h","urll":"x"}`, "urll"},
		"json with two in one line": {`{"method":"GET","url":"http://h"} {}`, "more than one JSON object"},
		"json after a blank line":   {`{"method":"GET","url":"http://h"}` + "\nGET http://h/\n", "line 2: want one JSON object"},
	} {
		_, err := ParseTarget(strings.NewReader(row.file), noBody)
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: ParseTarget = %v, want an error with %q", name, err, row.want)
		}
	}
}

// What a target file holds is never a reason to panic, and what it yields can always be validated.
func FuzzParseTarget(f *testing.F) {
	f.Add("GET http://h/\nA: b\n@x\n")
	f.Add(`{"method":"GET","url":"http://h"}`)
	f.Fuzz(func(t *testing.T, file string) {
		target, err := ParseTarget(strings.NewReader(file), noBody)
		if err != nil {
			return
		}
		if err := target.Validate(); err != nil {
			t.Errorf("ParseTarget(%q) gave a target that is not valid: %v", file, err)
		}
	})
}
