package engine

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// seen is what arrived, by the query's parameter who.
type seen struct {
	mu    sync.Mutex
	lines map[string]string
	conns map[string]map[string]bool
}

func (s *seen) serve(_ http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	who := r.URL.Query().Get("who")
	s.lines[who] = r.Method + " " + r.URL.EscapedPath() + " " + r.Header.Get("X-Forwarded-For") + " " + r.Header.Get("X-Api-Key")
	if s.conns[who] == nil {
		s.conns[who] = map[string]bool{}
	}
	s.conns[who][r.RemoteAddr] = true
}

func TestEachActorAsksInItsOwnWay(t *testing.T) {
	overBoth(t, func(t *testing.T) {
		got := seen{lines: map[string]string{}, conns: map[string]map[string]bool{}}
		s := serve(t, got.serve)
		e := open(t, Options{Target: attack.Target{Requests: []attack.Request{{Method: "POST", URL: s.URL + "/Api", Body: []byte("x"),
			Header: map[string][]string{"x-api-key": {"mine"}}}}}})
		actor := func(twist attack.Twist, who attack.Identity) attack.Actor {
			return attack.Actor{Name: "a", Identity: who, Twist: twist, Schedule: attack.Schedule{Segments: []attack.Segment{{From: 50, To: 50, Len: 200 * time.Millisecond}}}}
		}
		as := func(name string) attack.Secret { return attack.Secret("who=" + name) }
		m := run(t, e, attack.Trial{Actors: []attack.Actor{
			actor(attack.Twist{Query: as("plain")}, attack.Identity{}),
			actor(attack.Twist{Query: as("head"), Method: "HEAD"}, attack.Identity{Header: "X-Api-Key", Value: "other"}),
			actor(attack.Twist{Query: as("path"), Case: true, Prefix: "/"}, attack.Identity{Header: "X-API-Key"}),
			actor(attack.Twist{Query: as("fresh"), Fresh: true, Header: map[string]attack.Secret{"X-Forwarded-For": "10.1.2.3"}}, attack.Identity{}),
		}}, nil)
		answered(t, m)
		for who, want := range map[string]string{"plain": "POST /Api  mine", "head": "HEAD /Api  other", "path": "POST //aPI  ", "fresh": "POST /Api 10.1.2.3 mine"} {
			if got.lines[who] != want {
				t.Errorf("%s arrived as %q, want %q", who, got.lines[who], want)
			}
		}
		sent := m.Of(3)
		if n := int64(len(got.conns["fresh"])); n != sent.OK || n < 2 {
			t.Errorf("%d requests over %d connections, want one each", sent.OK, n)
		}
		if why, _ := m.Void(); why != "" {
			t.Errorf("void: %s; connections that are asked for are no fault", why)
		}
	})
}

// An actor speaks HTTP/2 beside others that do not, in cleartext and over TLS. What does not speak it serves none of it, and
// costs the others nothing.
func TestAnActorSpeaksHTTP2BesideTheOthers(t *testing.T) {
	overBoth(t, func(t *testing.T) {
		for _, c := range []struct {
			says        string
			secure, two bool
		}{{"cleartext, both", false, true}, {"cleartext, HTTP/1.1 alone", false, false}, {"TLS, both", true, true}, {"TLS, HTTP/1.1 alone", true, false}} {
			t.Run(c.says, func(t *testing.T) {
				var protos [3]atomic.Int64
				s := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					if r.Method != "PRI" { // what HTTP/1.1 takes HTTP/2's preface for
						protos[r.ProtoMajor].Add(1)
					}
				}))
				s.Config.ErrorLog = log.New(io.Discard, "", 0)
				s.Config.Protocols = new(http.Protocols)
				s.Config.Protocols.SetHTTP1(true)
				s.Config.Protocols.SetHTTP2(c.two && c.secure)
				s.Config.Protocols.SetUnencryptedHTTP2(c.two && !c.secure)
				s.EnableHTTP2 = c.two
				o := Options{}
				if c.secure {
					s.StartTLS()
					o.TLS = s.Client().Transport.(*http.Transport).TLSClientConfig
				} else {
					s.Start()
				}
				t.Cleanup(s.Close)
				o.Target = to(s.URL + "/")
				trial := steady(50, 200*time.Millisecond)
				two := trial.Actors[0]
				two.Twist.HTTP2 = true
				trial.Actors = append(trial.Actors, two)
				m := run(t, open(t, o), trial, nil)
				if one := m.Of(0); one.OK != one.Due || protos[1].Load() < one.OK {
					t.Errorf("over HTTP/1.1: %d of %d served, %d arrived", one.OK, one.Due, protos[1].Load())
				}
				want := int64(0)
				if c.two {
					want = m.Of(1).Due
				}
				if got := m.Of(1).OK; got != want || protos[2].Load() != want {
					t.Errorf("over HTTP/2: %d served and %d arrived, want %d: errors %v", got, protos[2].Load(), want, m.Of(1).Errors)
				}
				if why, _ := m.Void(); why != "" {
					t.Errorf("void: %s", why)
				}
			})
		}
	})
}

func TestASerialOrderGoesToTheInstanceItNames(t *testing.T) {
	overBoth(t, func(t *testing.T) {
		var host string
		one, other := serve(t, hello), serve(t, func(_ http.ResponseWriter, r *http.Request) { host = r.Host })
		e := open(t, Options{Target: to(one.URL + "/x")})
		m := run(t, e, attack.Trial{Serial: &attack.Serial{Max: 1, Twist: attack.Twist{Base: other.URL}}}, nil)
		answered(t, m)
		if want := one.Listener.Addr().String(); host != want {
			t.Errorf("the instance was asked for host %q, want the target's %q", host, want)
		}
	})
}
