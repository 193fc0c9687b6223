package engine

import (
	"net/http"
	"strings"
	"testing"

	"github.com/plimsoll-load/plimsoll/attack"
)

func TestTheFastTransportIsTakenWhereItCanDoAllThatIsAskedFor(t *testing.T) {
	large := attack.Target{Requests: []attack.Request{{URL: "http://h/"}, {URL: "http://h/", Body: make([]byte, maxWire+1)}}}
	for name, row := range map[string]struct {
		o       Options
		want    string
		refused string // with Via: Fast
	}{
		"nothing special":  {Options{Target: to("http://h/")}, "fast (HTTP/1.1)", ""},
		"TLS":              {Options{Target: to("https://h/"), NoKeepAlive: true, Connections: 5, UnixSocket: "/s"}, "fast (HTTP/1.1)", ""},
		"std by name":      {Options{Target: to("http://h/"), Via: Std}, "std: asked for", ""},
		"HTTP/2":           {Options{Target: to("https://h/"), HTTP2: true}, "std: HTTP/2 is asked for", "HTTP/2"},
		"a proxy":          {Options{Target: to("http://h/"), Proxy: mustURL("http://p")}, "std: a proxy is asked for", "a proxy"},
		"redirects":        {Options{Target: to("http://h/"), FollowRedirects: 1}, "std: redirects are to be followed", "redirects"},
		"a large body":     {Options{Target: large}, "std: a request's body is larger than 64 KiB", "larger than 64 KiB"},
		"CONNECT":          {Options{Target: attack.Target{Requests: []attack.Request{{Method: "connect", URL: "http://h/"}}}}, "std: the method is CONNECT", "CONNECT"},
		"a test's network": {Options{Target: to("http://h/"), Transport: http.DefaultTransport}, "std: a transport is given", "a transport"},
	} {
		e := open(t, row.o)
		if got := e.Via(); got != row.want || (e.fast != nil) != strings.HasPrefix(got, "fast") {
			t.Errorf("%s: carried by %q, want %q", name, got, row.want)
		}
		if row.o.Via != "" {
			continue
		}
		row.o.Via = Fast
		if _, err := New(row.o); (err == nil) != (row.refused == "") || err != nil && !strings.Contains(err.Error(), row.refused) {
			t.Errorf("%s: New with fast by name = %v, want %q", name, err, row.refused)
		}
	}
	if _, err := New(Options{Target: to("http://h/"), Via: "slow"}); err == nil || !strings.Contains(err.Error(), `transport "slow"`) {
		t.Errorf("New with a transport that there is not = %v, want it named", err)
	}
}
