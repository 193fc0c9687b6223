package attack

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Request is a template of one request. Its URL, header values and body may hold {{.Seq}}, {{.Rand}} and {{csv.column}}.
type Request struct {
	Name   string              `json:"name,omitempty"`   // how reports call it
	Weight float64             `json:"weight,omitempty"` // share of the arrivals relative to the others; 0 means 1
	Method string              `json:"method"`           // empty means GET
	URL    string              `json:"url"`
	Header map[string][]string `json:"header,omitempty"` // names as they go on the wire; Host overrides the URL's
	Body   []byte              `json:"body,omitempty"`

	Endpoint int `json:"-"` // which of the target's Endpoints a drawn request belongs to
}

// Target is what a trial sends: one request, or several to choose from by weight.
type Target struct {
	Requests []Request `json:"requests"`
}

// MaxRequests bounds a target: more requests than this are data, and belong in a CSV.
const MaxRequests = 100_000

// Validate reports the first request that could not be sent. Templates are looked at by Compile.
func (t Target) Validate() error {
	switch n := len(t.Requests); {
	case n == 0:
		return errors.New("target has no requests: give a URL or a target file")
	case n > MaxRequests:
		return fmt.Errorf("target of %s, want at most %d; put what varies into a CSV", Plural(n, "request"), MaxRequests)
	}
	for i, r := range t.Requests {
		if err := r.validate(); err != nil {
			return fmt.Errorf("request %d of the target: %w", i+1, err)
		}
	}
	return nil
}

func (r Request) validate() error {
	if r.Weight < 0 || math.IsNaN(r.Weight) || math.IsInf(r.Weight, 0) {
		return fmt.Errorf("weight %v, want a number of at least 0", r.Weight)
	}
	if strings.ContainsFunc(r.Method, notToken) {
		return fmt.Errorf("method %q, want letters (GET, POST …)", r.Method)
	}
	for name, values := range r.Header {
		if name == "" || strings.ContainsFunc(name, notToken) {
			return fmt.Errorf("header %q is no header name", name)
		}
		if slices.ContainsFunc(values, func(v string) bool { return strings.ContainsAny(v, "\r\n\x00") }) {
			return fmt.Errorf("header %s: its value has a line break in it", name)
		}
	}
	if templated(r.URL) {
		return nil // its shape is known only once it is filled in
	}
	return CheckURL(r.URL)
}

// notToken tells characters that RFC 9110 §5.6.2 does not allow in methods and header names.
func notToken(c rune) bool {
	return c <= ' ' || c >= 0x7f || strings.ContainsRune("()<>@,;:\\\"/[]?={}", c)
}

// CheckURL says what keeps a text from being the URL of an HTTP service. Its errors show no secret.
func CheckURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return fmt.Errorf("URL %q cannot be read: %w", RedactURL(text), errors.Unwrap(err))
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("URL %q, want one that begins with http:// or https://", RedactURL(text))
	case u.Hostname() == "":
		return fmt.Errorf("URL %q names no host", RedactURL(text))
	case u.Port() != "" && CheckPort(u.Port()) != nil:
		return fmt.Errorf("URL %q: %w", RedactURL(text), CheckPort(u.Port()))
	}
	return nil
}

// CheckPort says what keeps a text from being a TCP port that something can be reached at.
func CheckPort(text string) error {
	if n, err := strconv.ParseUint(text, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("port %s, want 1 to 65535", text)
	}
	return nil
}

// verb is the request's method.
func (r Request) verb() string {
	if r.Method == "" {
		return "GET"
	}
	return r.Method
}

// weight is the request's share, relative to the others'.
func (r Request) weight() float64 {
	if r.Weight == 0 {
		return 1
	}
	return r.Weight
}

// Same tells when every arrival sends the very same request. A search over one URL that something caches measures the cache.
func (t Target) Same() bool {
	for _, r := range t.Requests {
		if r.templated() || r.print() != t.Requests[0].print() {
			return false
		}
	}
	return true
}

// Unsafe lists the methods of the target that change something where they arrive, each once, in order of the alphabet.
func (t Target) Unsafe() []string {
	var found []string
	for _, r := range t.Requests {
		m := strings.ToUpper(r.verb())
		if slices.Contains([]string{"POST", "PUT", "PATCH", "DELETE"}, m) && !slices.Contains(found, m) {
			found = append(found, m)
		}
	}
	slices.Sort(found)
	return found
}
