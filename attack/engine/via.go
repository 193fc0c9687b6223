package engine

import (
	"fmt"
	"net/http"
	"strings"
)

// Via is what carries the requests.
type Via string

const (
	Auto Via = ""     // fast where it can do what the requests need, else std
	Fast Via = "fast" // HTTP/1.1, written here: about a quarter of the CPU of net/http
	Std  Via = "std"  // net/http: HTTP/2, proxies, redirects
)

// maxWire bounds the body of a request that is written in one go before its answer is read. A target that answers before it
// has read the body would be waited for in vain, were the body larger than what sockets hold.
const maxWire = 64 << 10

// needsStd is what only net/http can do of what the options ask for; "" when there is nothing.
func (o Options) needsStd() string {
	switch {
	case o.Transport != nil:
		return "a transport is given"
	case o.HTTP2:
		return "HTTP/2 is asked for"
	case o.Proxy != nil:
		return "a proxy is asked for"
	case o.FollowRedirects > 0:
		return "redirects are to be followed"
	}
	for _, r := range o.Target.Requests {
		if len(r.Body) > maxWire {
			return fmt.Sprintf("a request's body is larger than %d KiB", maxWire>>10)
		}
		if strings.EqualFold(r.Method, http.MethodConnect) {
			return "the method is CONNECT"
		}
	}
	return ""
}

func (v Via) validate(o Options) error {
	switch v {
	case Auto, Std:
		return nil
	case Fast:
		if why := o.needsStd(); why != "" {
			return fmt.Errorf("transport fast cannot do what is asked for: %s; leave the choice to plimsoll, or take transport std", why)
		}
		return nil
	}
	return fmt.Errorf("transport %q, want fast or std, or none to have it chosen", string(v))
}

// via is what carries the requests, and whether that is fast.
func (o Options) via() (text string, fast bool) {
	switch why := o.needsStd(); {
	case o.Via == Std:
		return "std: asked for", false
	case why != "":
		return "std: " + why, false
	}
	return "fast (HTTP/1.1)", true
}

// Via says what carries the requests and, where it is not the fast transport, why.
func (e *Engine) Via() string {
	text, _ := e.opt.via()
	return text
}
