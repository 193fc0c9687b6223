package main

import (
	"testing"

	"github.com/plimsoll-load/plimsoll/attack"
)

// A weak secret in a fingerprint must cost who guesses at it; a target that a report shows whole needs no such care.
func TestAFingerprintIsSlowToMakeExactlyWhereItHidesSomething(t *testing.T) {
	if testing.Short() {
		t.Skip("slow on purpose")
	}
	for name, row := range map[string]struct {
		request attack.Request
		proxy   string
		want    bool
	}{
		"a plain target":      {attack.Request{URL: "http://h/path"}, "", false},
		"open headers":        {attack.Request{URL: "http://h/", Header: map[string][]string{"Accept": {"text/html"}, "User-Agent": {"x"}}}, "http://p:1", false},
		"a key in a header":   {attack.Request{URL: "http://h/", Header: map[string][]string{"X-Api-Key": {"k"}}}, "", true},
		"a value of a query":  {attack.Request{URL: "http://h/?q=1"}, "", true},
		"a password":          {attack.Request{URL: "http://u:p@h/"}, "", true},
		"a body":              {attack.Request{Method: "POST", URL: "http://h/", Body: []byte("b")}, "", true},
		"a proxy's password":  {attack.Request{URL: "http://h/"}, "http://u:p@proxy:1", true},
		"a fragment of a URL": {attack.Request{URL: "http://h/#token"}, "", true},
	} {
		w := &wire{app: &app{spec: &Spec{}}, target: attack.Target{Requests: []attack.Request{row.request}}}
		w.app.spec.Target.Proxy = row.proxy
		if got := w.hides(); got != row.want {
			t.Errorf("%s: hides %v, want %v", name, got, row.want)
		}
		print, err := w.fingerprint()
		if err != nil || !w.matches(print) {
			t.Errorf("%s: %q, %v is not its own fingerprint", name, print, err)
		}
		w.app.spec.Target.UnixSocket = "/other"
		if w.matches(print) {
			t.Errorf("%s: another way has the same fingerprint", name)
		}
	}
}
