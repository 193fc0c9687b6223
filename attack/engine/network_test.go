package engine

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/plimsoll-load/plimsoll/attack"
)

// server is a real one, on loopback, that counts its connections and requests.
type server struct {
	*httptest.Server
	conns, requests atomic.Int64
	mu              sync.Mutex
	last            *http.Request
}

func serve(t testing.TB, h http.HandlerFunc, change ...func(*httptest.Server)) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		s.mu.Lock()
		s.last = r
		s.mu.Unlock()
		h(w, r)
	}))
	s.Config.ErrorLog = nil
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.conns.Add(1)
		}
	}
	tlsToo := false
	for _, c := range change {
		c(s.Server)
		tlsToo = tlsToo || s.TLS != nil
	}
	if tlsToo {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s
}

func hello(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }

func withTLS(s *httptest.Server) { s.TLS = &tls.Config{} }

func (s *server) request() *http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// trust is a client's TLS configuration that believes the server.
func (s *server) trust() *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return &tls.Config{RootCAs: roots}
}

// once sends n requests one after the other.
func once(t testing.TB, e *Engine, n int) attack.Measurement {
	t.Helper()
	return run(t, e, attack.Trial{LogMax: 100, Serial: &attack.Serial{Max: n}}, nil)
}

// answered checks that all that was sent is ok. A machine that stood still may have kept the generator from sending some.
func answered(t *testing.T, m attack.Measurement) {
	t.Helper()
	if all := m.All(); all.OK == 0 || all.OK+all.Unsent != all.Due {
		t.Errorf("%+v, errors %v; want all that were sent to be ok", all.Counts, all.Errors)
	}
}

func TestNothingOfVegetaGoesOverTheWire(t *testing.T) {
	overBoth(t, func(t *testing.T) {
		s := serve(t, hello)
		e := open(t, Options{Target: attack.Target{Requests: []attack.Request{{Method: "POST", URL: s.URL + "/a?b=c",
			Header: map[string][]string{"x-lower": {"1"}, "Host": {"other.example"}, "Accept": {"*/*"}}, Body: []byte("data")}}}})
		m := run(t, e, steady(100, 200*time.Millisecond), nil)
		answered(t, m)
		got := s.request()
		want := http.Header{"X-Lower": {"1"}, "Accept": {"*/*"}, "User-Agent": {"plimsoll"}, "Content-Length": {"4"}}
		if diff := cmp.Diff(want, got.Header); diff != "" {
			t.Errorf("headers on the wire (-want +got):\n%s", diff)
		}
		if got.Host != "other.example" || got.Method != "POST" || got.URL.String() != "/a?b=c" {
			t.Errorf("%s %s of %s, want POST /a?b=c of other.example", got.Method, got.URL, got.Host)
		}
	})
}

func TestBodiesAreSentEachTimeAnew(t *testing.T) {
	overBoth(t, func(t *testing.T) {
		var wrong atomic.Int64
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if b, _ := io.ReadAll(r.Body); string(b) != "data" {
				wrong.Add(1)
			}
		})
		e := open(t, Options{Target: attack.Target{Requests: []attack.Request{{Method: "PUT", URL: s.URL, Body: []byte("data")}}}})
		answered(t, run(t, e, steady(200, 200*time.Millisecond), nil))
		if wrong.Load() != 0 {
			t.Errorf("%d of 40 came with another body", wrong.Load())
		}
	})
}

func TestUserAndPasswordOfAURLLogIn(t *testing.T) {
	overBoth(t, func(t *testing.T) {
		s := serve(t, hello)
		e := open(t, Options{Target: to(strings.Replace(s.URL, "://", "://ann:s%40fe@", 1))})
		once(t, e, 1)
		if user, password, ok := s.request().BasicAuth(); !ok || user != "ann" || password != "s@fe" {
			t.Errorf("basic auth %q %q %v, want ann and s@fe", user, password, ok)
		}
	})
}

func TestConnectionsAreKeptFromTrialToTrialUnlessFresh(t *testing.T) {
	overBoth(t, func(t *testing.T) {
		s := serve(t, hello)
		e := open(t, Options{Target: to(s.URL)})
		once(t, e, 5)
		once(t, e, 5)
		if n := s.conns.Load(); n != 1 {
			t.Errorf("%d connections for two serial trials, want 1", n)
		}
		m := run(t, e, attack.Trial{Serial: &attack.Serial{Max: 4, Fresh: true}}, nil)
		if n := s.conns.Load(); n != 5 || m.All().OK != 4 {
			t.Errorf("%d connections after 4 fresh requests more, %d ok; want 5 and 4", n, m.All().OK)
		}
	})
}

func TestAConnectionForEachRequestWhenTheyAreNotKept(t *testing.T) {
	overBoth(t, func(t *testing.T) {
		s := serve(t, hello)
		m := once(t, open(t, Options{Target: to(s.URL), NoKeepAlive: true}), 4)
		if n := s.conns.Load(); n != 4 || m.All().OK != 4 {
			t.Errorf("%d connections for 4 requests", n)
		}
	})
}

func TestConnectionsAreOpenedBeforehandWithoutARequest(t *testing.T) {
	overBoth(t, func(t *testing.T) {
		for name, change := range map[string][]func(*httptest.Server){"http": nil, "https": {withTLS}} {
			var here atomic.Int64
			all := make(chan struct{}) // 20 are here, so none can have had another's connection
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if n := here.Add(1); n == 20 {
					close(all)
				}
				select {
				case <-all:
				case <-time.After(5 * time.Second):
				}
			}, change...)
			o := Options{Target: to(s.URL)}
			if change != nil {
				o.TLS = s.trust()
			}
			e := open(t, o)
			run(t, e, attack.Trial{Warm: 20, Actors: []attack.Actor{{Schedule: attack.Schedule{Segments: []attack.Segment{{Len: 10 * time.Millisecond}}}}}}, nil)
			if s.requests.Load() != 0 || s.conns.Load() != 20 {
				t.Errorf("%s: %d requests and %d connections before a trial that owes nothing, want 0 and 20", name, s.requests.Load(), s.conns.Load())
			}
			burst := attack.Trial{Warm: 20, Actors: []attack.Actor{{Schedule: attack.Schedule{Segments: []attack.Segment{{Len: 100 * time.Millisecond, Burst: 20}}}}}}
			m := run(t, e, burst, nil)
			if m.All().OK != 20 || s.conns.Load() != 40 {
				t.Errorf("%s: %+v over %d connections, want a burst of 20 over 20 new ones", name, m.All().Counts, s.conns.Load()-20)
			}
			run(t, e, burst, nil)
			if s.conns.Load() != 40 {
				t.Errorf("%s: %d connections after the same burst again, want those that were open to be used", name, s.conns.Load())
			}
		}
	})
}

func TestConnectionsAreOpenedForTheBeginningAndLaterBursts(t *testing.T) {
	at := func(lens ...time.Duration) attack.Actor {
		var a attack.Actor
		for _, long := range lens {
			a.Schedule.Segments = append(a.Schedule.Segments, attack.Segment{Len: long, Burst: 1})
		}
		return a
	}
	for name, row := range map[string]struct {
		actors []attack.Actor
		want   []time.Duration
	}{
		"without a burst there is the beginning":     {steady(100, 9*time.Second).Actors, []time.Duration{0}},
		"a burst at the beginning is no other":       {[]attack.Actor{at(time.Second)}, []time.Duration{0}},
		"a burst after the grace has its own":        {[]attack.Actor{at(time.Second, time.Second)}, []time.Duration{0, time.Second}},
		"bursts within the grace of one are with it": {[]attack.Actor{at(500*ms, 100*ms, 200*ms, time.Second)}, []time.Duration{0, 600 * ms}},
		"bursts of all actors are one row":           {[]attack.Actor{at(3*time.Second, ms), at(2*time.Second, ms)}, []time.Duration{0, 2 * time.Second, 3 * time.Second}},
	} {
		if got := warmings(attack.Trial{Actors: row.actors}); !slices.Equal(got, row.want) {
			t.Errorf("%s: warmings = %v, want %v", name, got, row.want)
		}
	}
}

// A server that closes connections which bring no request: those opened before the trial are all gone when the burst comes.
func TestConnectionsThatWaitedTooLongAreNotHandedOut(t *testing.T) {
	overBoth(t, func(t *testing.T) {
		const warm = 20
		var mu sync.Mutex
		silent := map[net.Conn]bool{} // of the first that came, those that have brought no request
		came, used := 0, int64(0)
		s := serve(t, hello, func(s *httptest.Server) {
			count := s.Config.ConnState
			s.Config.ConnState = func(c net.Conn, state http.ConnState) {
				count(c, state)
				mu.Lock()
				defer mu.Unlock()
				if state == http.StateNew {
					came++
				}
				if silent[c] && state == http.StateActive {
					used++
				}
				if delete(silent, c); state == http.StateNew && came <= warm {
					silent[c] = true
				}
			}
		})
		trial := steady(100, 1500*time.Millisecond)
		trial.Warm = warm
		trial.Actors[0].Schedule.Segments = append(trial.Actors[0].Schedule.Segments, attack.Segment{Len: 100 * time.Millisecond, Burst: 12})
		kill := time.AfterFunc(warmGrace+400*time.Millisecond, func() {
			mu.Lock()
			defer mu.Unlock()
			for c := range silent {
				c.Close()
			}
		})
		defer kill.Stop()
		m := run(t, open(t, Options{Target: to(s.URL)}), trial, nil)
		answered(t, m)
		mu.Lock()
		defer mu.Unlock()
		if n := s.conns.Load(); used == warm || n < 2*warm-used {
			t.Errorf("%d connections, want all of the first %d but the %d that were used to be opened again for the burst, though it needs but 12", n, warm, used)
		}
		if c := named(m.Checks, "dials"); c.Outcome != attack.Healthy {
			t.Errorf("%+v, want the closing of what nobody asked for to be no sin", c)
		}
	})
}

func TestHTTP2CarriesAllOverOneConnection(t *testing.T) {
	s := serve(t, hello, withTLS, func(s *httptest.Server) { s.EnableHTTP2 = true })
	for _, offered := range []bool{true, false} {
		e := open(t, Options{Target: to(s.URL), TLS: s.trust(), HTTP2: offered})
		trial := steady(100, 300*time.Millisecond)
		trial.Warm = 10
		answered(t, run(t, e, trial, nil))
		if got := s.request().ProtoMajor == 2; got != offered {
			t.Errorf("HTTP/2 offered %v: requests over %s", offered, s.request().Proto)
		}
		if n := s.conns.Swap(0); offered && n != 1 {
			t.Errorf("HTTP/2: %d connections, want 1", n)
		}
	}
}

func TestClientCertificates(t *testing.T) {
	overBoth(t, func(t *testing.T) {
		s := serve(t, hello, func(s *httptest.Server) { s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert} })
		with := s.trust()
		with.Certificates = []tls.Certificate{s.TLS.Certificates[0]}
		if m := once(t, open(t, Options{Target: to(s.URL), TLS: with}), 1); m.All().OK != 1 {
			t.Errorf("with a certificate: %+v, want ok", m.All())
		}
		if m := once(t, open(t, Options{Target: to(s.URL), TLS: s.trust()}), 1); m.All().Errors["tls"] != 1 {
			t.Errorf("without: errors %v, want one of class tls", m.All().Errors)
		}
	})
}

func TestAnUnknownCertificateIsOfClassTLSUnlessVerificationIsOff(t *testing.T) {
	overBoth(t, func(t *testing.T) {
		s := serve(t, hello, withTLS)
		if m := once(t, open(t, Options{Target: to(s.URL)}), 1); m.All().Errors["tls"] != 1 {
			t.Errorf("errors %v, want one of class tls", m.All().Errors)
		}
		if m := once(t, open(t, Options{Target: to(s.URL), TLS: &tls.Config{InsecureSkipVerify: true}}), 1); m.All().OK != 1 {
			t.Errorf("insecure: %+v, want ok", m.All())
		}
	})
}

// Who reads that a handshake failed wants to know of what, and no secret told.
func TestAFaultBeforeTheFirstAnswerIsToldInWords(t *testing.T) {
	overBoth(t, func(t *testing.T) {
		plain := func(*httptest.Server) {}
		mutual := func(most uint16) func(*httptest.Server) {
			return func(s *httptest.Server) {
				s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MaxVersion: most}
			}
		}
		trusting := func(change func(*tls.Config)) func(*server, *Options) {
			return func(s *server, o *Options) { o.TLS = s.trust(); change(o.TLS) }
		}
		for name, row := range map[string]struct {
			server func(*httptest.Server)
			change func(*server, *Options)
			want   string
		}{
			"an unknown authority": {withTLS, func(*server, *Options) {}, "tls: the certificate is of an unknown authority: "},
			"an expired certificate": {withTLS, trusting(func(c *tls.Config) { c.Time = func() time.Time { return time.Date(2222, 1, 1, 0, 0, 0, 0, time.UTC) } }),
				"tls: the certificate is expired or not valid yet: "},
			"another host's certificate":         {withTLS, trusting(func(c *tls.Config) { c.ServerName = "other.invalid" }), "tls: the certificate is for another host: "},
			"a client certificate wanted":        {mutual(tls.VersionTLS13), trusting(func(*tls.Config) {}), "tls: a client certificate is wanted: "},
			"a client certificate wanted in 1.2": {mutual(tls.VersionTLS12), trusting(func(*tls.Config) {}), "tls: a client certificate is wanted, or the two ends have no version or cipher in common: "},
			"no TLS": {plain, func(_ *server, o *Options) {
				o.Target = to(strings.Replace(o.Target.Requests[0].URL, "http:", "https:", 1))
			}, "tls: no TLS is spoken there: "},
			"a missing unix socket": {plain, func(_ *server, o *Options) { o.UnixSocket = filepath.Join(t.TempDir(), "none") }, "unix socket: "},
		} {
			s := serve(t, hello, row.server, func(s *httptest.Server) { s.Config.ErrorLog = log.New(io.Discard, "", 0) })
			for _, redirects := range []int{0, 1} { // with and without a client that wraps errors
				o := Options{Target: to(s.URL + "/?key=secret"), FollowRedirects: redirects}
				row.change(s, &o)
				m := once(t, open(t, o), 1)
				if len(m.Notes) != 1 || m.Notes[0].Code != "error" || !strings.HasPrefix(m.Notes[0].Text, row.want) || strings.Contains(m.Notes[0].Text, "secret") {
					t.Errorf("%s, %d redirects followed: notes %+v, want one that begins with %q and has no query", name, redirects, m.Notes, row.want)
				}
			}
		}
	})
}

func TestRedirectsAreTheAnswerUnlessFollowed(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/end" {
			http.Redirect(w, r, map[string]string{"/": "/one", "/one": "/end"}[r.URL.Path], http.StatusFound)
		}
	})
	for follow, want := range map[int]string{0: "302", 1: "too many redirects", 2: "200"} {
		got := once(t, open(t, Options{Target: to(s.URL + "/"), FollowRedirects: follow}), 1).Log[0]
		if text := fmt.Sprint(got.Status); text != want && got.Error != want {
			t.Errorf("%d redirects followed: status %d, error %q; want %s", follow, got.Status, got.Error, want)
		}
	}
}

func TestConnectToAndUnixSockets(t *testing.T) {
	overBoth(t, func(t *testing.T) {
		s := serve(t, hello)
		address := strings.TrimPrefix(s.URL, "http://")
		e := open(t, Options{Target: to("http://service.invalid/"), ConnectTo: map[string]string{"service.invalid:80": address}})
		if m := once(t, e, 1); m.All().OK != 1 || s.request().Host != "service.invalid" {
			t.Errorf("connect-to: %+v, host %q", m.All(), s.request().Host)
		}

		path := filepath.Join(t.TempDir(), "s")
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Skip("no unix sockets: ", err)
		}
		u := serve(t, hello, func(s *httptest.Server) { s.Listener.Close(); s.Listener = l })
		if m := once(t, open(t, Options{Target: to("http://service.invalid/x"), UnixSocket: path}), 1); m.All().OK != 1 || u.request().URL.Path != "/x" {
			t.Errorf("unix socket: %+v", m.All())
		}
	})
}

func TestAProxyIsUsedOnlyWhenAsked(t *testing.T) {
	s := serve(t, hello)
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	if m := once(t, open(t, Options{Target: to("http://" + strings.TrimPrefix(s.URL, "http://"))}), 1); m.All().OK != 1 {
		t.Errorf("with a proxy in the environment: %+v, want it ignored", m.All())
	}
	e := open(t, Options{Target: to("http://127.0.0.1:9/far"), Proxy: mustURL(s.URL)})
	if m := once(t, e, 1); m.All().OK != 1 || s.request().RequestURI != "http://127.0.0.1:9/far" {
		t.Errorf("with a proxy asked for: %+v, request %q", m.All(), s.request().RequestURI)
	}
}

// The address that is judged is the one that will be dialed, however it came about; and its refusal ends the run.
func TestAddressesAreJudgedAtEveryDial(t *testing.T) {
	overBoth(t, func(t *testing.T) {
		s := serve(t, hello)
		there := strings.TrimPrefix(s.URL, "http://")
		from := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "http://[::1]:9/", http.StatusFound) })
		denied := errors.New("not yours: give --authorized")
		deny := func(bad string) func(netip.Addr) error {
			return func(a netip.Addr) error {
				if a == netip.MustParseAddr(bad) {
					return denied
				}
				return nil
			}
		}
		for name, o := range map[string]Options{
			"the target's":           {Target: to(s.URL), Authorize: deny("127.0.0.1")},
			"a name's":               {Target: to("http://localhost:" + there[strings.LastIndex(there, ":")+1:]), Authorize: func(netip.Addr) error { return denied }},
			"connect-to's":           {Target: to("http://x.invalid/"), ConnectTo: map[string]string{"x.invalid:80": there}, Authorize: deny("127.0.0.1")},
			"a redirect's":           {Target: to(from.URL), FollowRedirects: 3, Authorize: deny("::1")},
			"a proxy's":              {Target: to("http://127.0.0.2/"), Proxy: mustURL(s.URL), Authorize: deny("127.0.0.1")},
			"that behind a proxy":    {Target: to("http://127.0.0.2/"), Proxy: mustURL(s.URL), Authorize: deny("127.0.0.2")},
			"a host nobody can tell": {Target: to("http://x.invalid/"), Proxy: mustURL(s.URL), Authorize: func(a netip.Addr) error { return nil }},
		} {
			e := open(t, o)
			before := s.requests.Load()
			for kind, trial := range map[string]attack.Trial{
				"serial": {Serial: &attack.Serial{Max: 3}}, "actors": steady(100, 5*time.Second),
				"warm": {Warm: 3, Actors: steady(100, 5*time.Second).Actors}} {
				began := time.Now()
				_, err := e.Run(t.Context(), trial, nil)
				if err == nil || !errors.Is(err, denied) && !strings.Contains(err.Error(), "cannot tell whose") {
					t.Errorf("%s address refused, %s: Run = %v, want the refusal", name, kind, err)
				}
				if time.Since(began) > 3*time.Second {
					t.Errorf("%s address refused, %s: the run went on for %v", name, kind, time.Since(began))
				}
			}
			if s.requests.Load() != before {
				t.Errorf("%s address refused: requests were sent all the same", name)
			}
		}
		if m := once(t, open(t, Options{Target: to(s.URL), Authorize: deny("::1")}), 1); m.All().OK != 1 {
			t.Errorf("an address that is allowed: %+v", m.All())
		}
	})
}

// rough accepts connections and does something rude with them.
func rough(t *testing.T, do func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var busy sync.WaitGroup
	busy.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			busy.Go(func() { do(c); c.Close() })
		}
	})
	t.Cleanup(func() { l.Close(); busy.Wait() })
	return "http://" + l.Addr().String()
}

func readHead(c net.Conn) { http.ReadRequest(bufio.NewReader(c)) }

func TestWhatTargetsDoWrongHasItsClass(t *testing.T) {
	overBoth(t, func(t *testing.T) {
		gone := rough(t, func(net.Conn) {})
		free, _ := net.Listen("tcp", "127.0.0.1:0")
		closed := "http://" + free.Addr().String()
		free.Close()
		for want, url := range map[string]string{
			"connection refused": closed,
			"eof":                rough(t, func(c net.Conn) { readHead(c) }),
			"connection reset":   rough(t, func(c net.Conn) { readHead(c); c.(*net.TCPConn).SetLinger(0) }),
			"malformed answer":   rough(t, func(c net.Conn) { readHead(c); io.WriteString(c, "SSH-2.0-x\r\n\r\n") }),
			"timeout":            rough(t, func(c net.Conn) { io.Copy(io.Discard, c) }),
			"dial timeout":       strings.Replace(rough(t, func(c net.Conn) { io.Copy(io.Discard, c) }), "http:", "https:", 1),
			"tls":                strings.Replace(gone, "http:", "https:", 1),
			"dns":                "http://no.such.host.invalid/",
		} {
			patience := 300 * time.Millisecond
			if want == "dial timeout" { // a tenth of it is what tells a dial's from an answer's: more than a busy machine pauses
				patience = 3 * time.Second
			}
			m := once(t, open(t, Options{Target: to(url + "?key=secret"), Timeout: patience, FollowRedirects: 1}), 1)
			got := m.All()
			if got.Errors[want] != 1 {
				t.Errorf("errors %v, want one of class %q", got.Errors, want)
			}
			if timeout := strings.HasSuffix(want, "timeout"); timeout != (got.Timeout == 1) || timeout && got.Response.Quantile(1) < patience-patience/100 {
				t.Errorf("%s: %+v with response %v, want the bin of timeouts for timeouts alone, of at least the timeout", want, got.Counts, got.Response.Quantile(1))
			}
			if len(m.Notes) != 1 || !strings.HasPrefix(m.Notes[0].Text, want+": ") || strings.Contains(m.Notes[0].Text, "secret") {
				t.Errorf("%s: notes %+v, want the error in words, without the query", want, m.Notes)
			}
			if why, _ := m.Void(); why != "" {
				t.Errorf("%s: void for %s, want the target's fault to void nothing", want, why)
			}
		}
	})
}

func TestABodyIsReadToItsEndAndNoFurtherThanItsBound(t *testing.T) {
	overBoth(t, func(t *testing.T) {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Write(bytes.Repeat([]byte("x"), 100_000)) })
		for most, want := range map[int64]int64{100_000: 1, 99_999: 0} {
			all := once(t, open(t, Options{Target: to(s.URL), MaxBody: most}), 1).All()
			if all.OK != want || all.Errors["body too large"] != 1-want {
				t.Errorf("a body of 100,000 bytes with at most %d read: %+v, errors %v", most, all.Counts, all.Errors)
			}
		}
	})
}

func TestTheLogTellsTheSizeOfABodyAndWhoHangsUp(t *testing.T) {
	overBoth(t, func(t *testing.T) {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Has("last") {
				w.Header().Set("Connection", "close")
			}
			w.WriteHeader(429)
			w.Write(bytes.Repeat([]byte("x"), 30_000))
		})
		for query, closed := range map[string]bool{"": false, "?last": true} {
			trial := attack.Trial{N: 1, LogMax: 1, Serial: &attack.Serial{Max: 1}}
			log := run(t, open(t, Options{Target: to(s.URL + query)}), trial, nil).Log
			if len(log) != 1 || log[0].Bytes != 30_000 || log[0].Closed != closed {
				t.Errorf("GET %q: logged %+v, want 30000 bytes and closed %v", query, log, closed)
			}
		}
	})
}

func TestABodyCutShortIsNoAnswer(t *testing.T) {
	overBoth(t, func(t *testing.T) {
		url := rough(t, func(c net.Conn) { readHead(c); io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf") })
		if all := once(t, open(t, Options{Target: to(url)}), 1).All(); all.Failed != 1 || all.Errors["eof"] != 1 || all.Statuses[200] != 0 {
			t.Errorf("%+v, errors %v; want it failed as eof", all.Counts, all.Errors)
		}
	})
}

// A target that ends its connections makes us open new ones: its doing, no sign of a sick generator.
func TestDialsThatTheTargetForcedAreExcused(t *testing.T) {
	overBoth(t, func(t *testing.T) {
		for name, h := range map[string]http.HandlerFunc{
			"by saying so": func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Connection", "close"); hello(w, r) },
			"by doing so": func(w http.ResponseWriter, r *http.Request) {
				c, _, _ := w.(http.Hijacker).Hijack()
				io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				c.Close()
			},
		} {
			s := serve(t, h)
			m := run(t, open(t, Options{Target: to(s.URL)}), steady(500, 400*time.Millisecond), nil)
			if c := named(m.Checks, "dials"); c.Outcome != attack.Healthy || s.conns.Load() < 100 {
				t.Errorf("a target that ends connections %s: %+v over %d connections, want it excused", name, c, s.conns.Load())
			}
		}
	})
}

// The planted fault: connections thrown away by ourselves.
func TestDialsThatTheGeneratorMadeItselfAreVoid(t *testing.T) {
	overBoth(t, func(t *testing.T) {
		s := serve(t, hello)
		e := open(t, Options{Target: to(s.URL)})
		e.net.transport.MaxIdleConnsPerHost = -1
		if e.fast != nil {
			e.fast.lanes.kept = 0
		}
		m := run(t, e, steady(500, 400*time.Millisecond), nil)
		if c := named(m.Checks, "dials"); c.Outcome != attack.Void {
			t.Errorf("%+v over %d connections, want void", c, s.conns.Load())
		}
	})
}

// A target that stalls, over real sockets: only what no noise of the machine can change.
func TestAStallOverRealSocketsShowsInResponseTimes(t *testing.T) {
	overBoth(t, func(t *testing.T) {
		var began atomic.Int64
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			began.CompareAndSwap(0, time.Now().UnixNano())
			if at := time.Since(time.Unix(0, began.Load())); at > 300*time.Millisecond && at < 900*time.Millisecond {
				time.Sleep(900*time.Millisecond - at)
			}
		})
		trial := steady(200, 1500*time.Millisecond)
		trial.Flight = 4
		all := run(t, open(t, Options{Target: to(s.URL)}), trial, nil).All()
		if r, v := all.Response.Quantile(.75), all.Service.Quantile(.75); r < 100*time.Millisecond || v > r/2 {
			t.Errorf("response p75 %v, service p75 %v; want the stall of 600ms in the first and hidden in the second", r, v)
		}
	})
}

// The next arrival is a quarter of an hour away, and the wait for it is the kernel's.
func TestAnInterruptCutsAWaitShort(t *testing.T) {
	s := serve(t, hello)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	m, err := open(t, Options{Target: to(s.URL)}).Run(ctx, steady(0.001, 30*time.Minute), nil)
	if took := time.Since(began); err != nil || m.Aborted == nil || took > 30*time.Second {
		t.Errorf("a trial that was interrupted after 50ms: aborted %+v, %v, after %v", m.Aborted, err, took)
	}
}
