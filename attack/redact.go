package attack

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"sort"
	"strings"
)

// hidden stands where a secret stood.
const hidden = "•••"

// open are the headers whose values say nothing about who asks.
var open = []string{"content-type", "user-agent", "host"}

// RedactHeader is the value of a header as outputs may show it: dots, except for Accept*, Content-Type, User-Agent and Host.
func RedactHeader(name, value string) string {
	name = strings.ToLower(name)
	if strings.HasPrefix(name, "accept") || slices.Contains(open, name) || value == "" {
		return value
	}
	return hidden
}

// RedactURL is a URL as outputs may show it: user and password, the values of its query and its fragment are dots. It
// works on the text alone, so that a template, or a URL that cannot be read, gives nothing away either.
func RedactURL(text string) string {
	text, fragment, hasFragment := strings.Cut(text, "#")
	text, query, hasQuery := strings.Cut(text, "?")
	out := redactUser(text)
	if hasQuery {
		out += "?" + redactQuery(query)
	}
	if hasFragment && fragment != "" {
		out += "#" + hidden
	}
	return out
}

func redactUser(text string) string {
	scheme, rest, has := strings.Cut(text, "://")
	if !has {
		scheme, rest = "", text
	} else {
		scheme += "://"
	}
	end := strings.IndexByte(rest, '/')
	if end < 0 {
		end = len(rest)
	}
	if at := strings.LastIndexByte(rest[:end], '@'); at >= 0 {
		return scheme + hidden + rest[at:]
	}
	return text
}

func redactQuery(query string) string {
	parts := strings.Split(query, "&")
	for i, p := range parts {
		switch name, _, has := strings.Cut(p, "="); {
		case has:
			parts[i] = name + "=" + hidden
		case p != "":
			parts[i] = hidden // a bare word may be the token itself
		}
	}
	return strings.Join(parts, "&")
}

// Redacted is the target as outputs may show it, the journal included: no header value that could name anyone, no query
// value, no body.
func (t Target) Redacted() Target {
	out := Target{Requests: slices.Clone(t.Requests)}
	for i := range out.Requests {
		r := &out.Requests[i]
		r.URL = RedactURL(r.URL)
		if len(r.Body) > 0 {
			r.Body = []byte(hidden)
		}
		header := make(map[string][]string, len(r.Header))
		for name, values := range r.Header {
			for _, v := range values {
				header[name] = append(header[name], RedactHeader(name, v))
			}
		}
		if r.Header != nil {
			r.Header = header
		}
	}
	return out
}

// Fingerprint is the HMAC-SHA256, in hex, of all that the target sends, secrets included, under a key. It tells whether a
// resumed run is given the same target, and gives nothing away to who does not hold the key.
func (t Target) Fingerprint(key []byte) string {
	mac := hmac.New(sha256.New, key)
	for _, r := range t.Requests {
		fmt.Fprintf(mac, "%q %g %s\n", r.Name, r.weight(), r.print())
	}
	return hex.EncodeToString(mac.Sum(nil))
}

// print is a text that two requests share exactly when they send the same.
func (r Request) print() string {
	names := make([]string, 0, len(r.Header))
	for name := range r.Header {
		names = append(names, name)
	}
	sort.Strings(names)
	var b strings.Builder
	fmt.Fprintf(&b, "%q %q %q", r.verb(), r.URL, r.Body)
	for _, name := range names {
		fmt.Fprintf(&b, " %q:%q", name, r.Header[name])
	}
	return b.String()
}
