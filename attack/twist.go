package attack

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode"
)

// Twist is how requests depart from the target's: the same thing asked for in another way, by which a careless limiter may
// be passed. The zero value changes nothing.
type Twist struct {
	Method string            `json:"method,omitempty"` // instead of the target's
	Base   string            `json:"base,omitempty"`   // scheme and host to send to instead: one instance of several; Host stays the target's
	Prefix string            `json:"prefix,omitempty"` // before the path: "/" makes //path
	Suffix string            `json:"suffix,omitempty"` // behind the path
	Case   bool              `json:"case,omitempty"`   // the letters of the path in the other case
	Query  Secret            `json:"query,omitempty"`  // behind the query, as name=value
	Header map[string]Secret `json:"header,omitempty"` // in place of the target's of the same names
	Fresh  bool              `json:"fresh,omitempty"`  // a new connection for each request
	HTTP2  bool              `json:"http2,omitempty"`  // over HTTP/2, whatever the other actors speak; in cleartext with prior knowledge
}

// Validate reports the first part of a twist that no request could carry.
func (t Twist) Validate() error {
	if strings.ContainsFunc(t.Method, notToken) {
		return fmt.Errorf("twist of method %q, want letters (GET, POST …)", t.Method)
	}
	if t.Base != "" {
		if err := CheckURL(t.Base); err != nil {
			return fmt.Errorf("twist: %w", err)
		}
	}
	if strings.ContainsFunc(t.Prefix+t.Suffix+t.Query.Reveal(), func(r rune) bool { return r <= ' ' || r == '#' || r >= 0x7f }) {
		return fmt.Errorf("twist of path %q … %q, want no blanks and no #", t.Prefix, t.Suffix)
	}
	for _, name := range slices.Sorted(maps.Keys(t.Header)) {
		if name == "" || strings.EqualFold(name, "Host") || strings.ContainsFunc(name, notToken) || strings.ContainsAny(t.Header[name].Reveal(), "\r\n\x00") {
			return fmt.Errorf("twist of header %q, want a header name other than Host, and a value without line breaks", name)
		}
	}
	return nil
}

// Apply gives a request's parts as the twist has them. It changes h and u in place; paths keep their escapes.
func (t Twist) Apply(method string, u *url.URL, h map[string][]string) string {
	if t.Base != "" {
		if base, err := url.Parse(t.Base); err == nil {
			u.Scheme, u.Host = base.Scheme, base.Host
		}
	}
	if t.Prefix != "" || t.Suffix != "" || t.Case {
		t.bend(u)
	}
	if t.Query != "" {
		u.RawQuery = strings.TrimPrefix(u.RawQuery+"&"+t.Query.Reveal(), "&")
	}
	for name, value := range t.Header {
		for given := range h {
			if strings.EqualFold(given, name) {
				delete(h, given)
			}
		}
		h[name] = []string{value.Reveal()}
	}
	if t.Method != "" {
		return t.Method
	}
	return method
}

// bend writes the path anew, escapes and all.
func (t Twist) bend(u *url.URL) {
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	if t.Case {
		path = swapCase(path)
	}
	path = t.Prefix + path + t.Suffix
	if plain, err := url.PathUnescape(path); err == nil {
		u.Path, u.RawPath = plain, path
	}
}

// swapCase is a path with its letters in the other case; those of escapes stay.
func swapCase(path string) string {
	var b strings.Builder
	skip := 0
	for _, r := range path {
		switch {
		case skip > 0:
			skip--
		case r == '%':
			skip = 2
		case unicode.IsUpper(r):
			r = unicode.ToLower(r)
		default:
			r = unicode.ToUpper(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}
