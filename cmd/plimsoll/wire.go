package main

import (
	"context"
	"crypto/pbkdf2"
	crand "crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync/atomic"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/engine"
	"github.com/plimsoll-load/plimsoll/report/journal"
)

// wire is a target and the engine that sends to it.
type wire struct {
	app     *app
	target  attack.Target
	engine  *engine.Engine
	who     attack.Identity              // who the preflight is sent as: a throttle may turn others away
	first   attack.Measurement           // what the preflight saw
	eyes    *eyes                        // what looks beside a throttle that is verified
	refused atomic.Pointer[unauthorized] // the address that may not be loaded unasked
	address atomic.Pointer[netip.Addr]   // the last one that was connected to
}

// wire makes the engine that the spec asks for. It opens nothing on the network.
func (a *app) wire() (*wire, error) {
	target, rows, err := a.target()
	if err != nil {
		return nil, err
	}
	w := &wire{app: a, target: target}
	o, err := a.spec.Target.options()
	if err != nil {
		return nil, err
	}
	o.Target, o.CSV, o.Seed, o.Authorize, o.Lean = target, rows, a.seed(), w.authorize, true
	if w.engine, err = engine.New(o); err != nil {
		return nil, misuse("%w", err)
	}
	return w, nil
}

func (w *wire) close() {
	w.eyes.close()
	_ = w.engine.Close()
}

func (w *wire) authorize(addr netip.Addr) error {
	w.address.Store(&addr)
	if w.app.spec.Target.Authorized {
		return nil
	}
	err := private(addr)
	var u *unauthorized
	if errors.As(err, &u) {
		w.refused.Store(u)
	}
	return err
}

// askOwner is the way out of a refused address.
func askOwner(err error) error {
	return misuseHint("a load test of someone else's service is an attack: give --authorized if its owner agreed", "%w", err)
}

// shown is the target as outputs may show it.
func (w *wire) shown() string {
	first := attack.RedactURL(w.target.Requests[0].URL)
	if n := len(w.target.Requests) - 1; n > 0 {
		return fmt.Sprintf("%s and %d more", first, n)
	}
	return first
}

// title is what a report calls a target that has no name: its host.
func (w *wire) title() string {
	if u, err := url.Parse(w.target.Requests[0].URL); err == nil && u.Host != "" {
		return u.Host
	}
	return "target"
}

// warn says what an experienced user would want to know before any load is sent.
func (w *wire) warn() (notes []attack.Note) {
	if methods := w.target.Unsafe(); len(methods) > 0 {
		notes = append(notes, attack.Note{Code: "unsafe-method", Text: "this sends " + strings.Join(methods, ", ") + " requests under load: whatever they change, they change many times"})
	}
	if w.target.Same() {
		notes = append(notes, attack.Note{Code: "same-request", Text: "all requests are the same: if something caches the answer, this measures the cache ({{.Seq}} or --csv varies them)"})
	}
	return notes
}

// beginOn begins a run on this target and says what there is to know about it.
func (a *app) beginOn(command string, w *wire, more func(*journal.Run)) (*session, error) {
	var err error
	if a.spec.Target.Asked, err = w.mark(); err != nil {
		return nil, err
	}
	run, err := a.describe(command, w.title(), w.shown())
	if err != nil {
		return nil, err
	}
	run.Environment = environment(w, "")
	if run.Fingerprint, err = w.fingerprint(); err != nil {
		return nil, err
	}
	run.Environment["transport"] = w.engine.Via()
	more(&run)
	s, err := a.begin(run)
	if err != nil {
		return nil, err
	}
	for _, n := range w.warn() {
		if err := s.put(journal.Entry{Note: &n}); err != nil {
			return nil, s.abandon(err)
		}
	}
	return s, nil
}

// A fingerprint with a secret in it is slow to make, so that a weak password cannot be guessed from a report that was shared.
// Where nothing is hidden there is nothing to guess: the report itself tells the rest.
const (
	saltBytes        = 16
	stretchedBy      = 200_000 // rounds of PBKDF2; NIST SP 800-132 asks for as many as the user bears: about 0.1 s here
	unstretched      = 1
	fingerprintBytes = 32
)

// fingerprint tells whether a resumed run is given the same target, secrets and way included.
func (w *wire) fingerprint() (string, error) {
	salt := make([]byte, saltBytes)
	_, _ = crand.Read(salt) // never fails: crypto/rand crashes the program instead
	return w.stretch(salt)
}

func (w *wire) stretch(salt []byte) (string, error) {
	t := w.app.spec.Target
	way := fmt.Sprintf("%s %q %q %q %q", w.target.Fingerprint(nil), t.ConnectTo, t.UnixSocket, t.Proxy, t.CSV)
	rounds := stretchedBy
	if !w.hides() {
		rounds = unstretched
	}
	key, err := pbkdf2.Key(sha256.New, way, salt, rounds, fingerprintBytes)
	if err != nil {
		return "", fmt.Errorf("fingerprint of the target: %w", err)
	}
	return hex.EncodeToString(salt) + "-" + hex.EncodeToString(key), nil
}

// hides tells whether outputs keep anything of the target or the way to it back.
func (w *wire) hides() bool {
	proxy := w.app.spec.Target.Proxy
	return w.target.Redacted().Fingerprint(nil) != w.target.Fingerprint(nil) || attack.RedactURL(proxy) != proxy
}

// matches tells whether a fingerprint is that of this target.
func (w *wire) matches(fingerprint string) bool {
	text, _, _ := strings.Cut(fingerprint, "-")
	salt, err := hex.DecodeString(text)
	if err != nil || len(salt) != saltBytes {
		return false
	}
	again, err := w.stretch(salt)
	return err == nil && again == fingerprint
}

// preflight sends one request, so that a mistyped URL, a closed port or a refusal of credentials is told in one line
// before anything is written. A throttled answer passes where throttled is true.
func (w *wire) preflight(ctx context.Context, throttled bool) error {
	if err := w.app.checkHealth(ctx); err != nil {
		return err
	}
	if throttled { // a throttle is about to be verified, with all that looks beside it
		var err error
		if w.eyes, err = w.app.openEyes(ctx); err != nil {
			return err
		}
	}
	m, err := w.engine.Run(ctx, attack.Trial{N: 1, Phase: "preflight", Why: "does it answer", Serial: &attack.Serial{Max: 1, Identity: w.who}, LogMax: 1}, nil)
	if u := w.refused.Load(); u != nil {
		return askOwner(fmt.Errorf("%s: %w", w.shown(), u))
	}
	if err != nil {
		return err
	}
	if why, fix := m.Void(); why != "" {
		return unmeasured(fix, "%s", why)
	}
	w.first = m
	total := m.All()
	if ctx.Err() != nil || total.OK > 0 || throttled && total.Throttled > 0 {
		return nil
	}
	for class := range total.Errors {
		why := because(m, class)
		if strings.Contains(why, engine.PlainText) {
			return unmeasured("does it speak plain HTTP? then its URL begins with http://", "cannot reach %s: %s", w.shown(), why)
		}
		return unmeasured(reach[class], "cannot reach %s: %s", w.shown(), why)
	}
	for status := range total.Statuses {
		if total.Throttled > 0 {
			return unmeasured("let it rest, or measure past the limiter", "%s refuses the very first request with status %d: a limiter stands in the way", w.shown(), status)
		}
		return unmeasured(fmt.Sprintf("--expect-status %d allows it", status), "%s answers with status %d", w.shown(), status)
	}
	return unmeasured("", "%s gave no answer", w.shown())
}

// because is a class of error, with the error's own words where the class alone leads nowhere.
func because(m attack.Measurement, class string) string {
	for _, n := range m.Notes {
		if n.Code == "error" && reach[class] == "" || n.Code == "error" && class == "tls" {
			return n.Text
		}
	}
	return class
}

// reach is the way out for each class of error that a first request can meet.
var reach = map[string]string{
	"connection refused": "is the service running, and the port right?",
	"dns":                "is the host's name right?",
	"tls":                "--cacert FILE names who to trust, -k trusts anyone",
	"timeout":            "--timeout gives it longer",
	"dial timeout":       "is the address right, and reachable from here?",
}

// options are how the spec wants the target reached.
func (t TargetSpec) options() (o engine.Options, err error) {
	o = engine.Options{Rule: attack.Rule{OK: t.ExpectStatus, Throttled: t.ThrottledStatus}, Timeout: t.Timeout, HTTP2: t.HTTP2,
		UnixSocket: t.UnixSocket, FollowRedirects: t.Redirects, Connections: t.Connections, Via: engine.Via(t.Transport)}
	if t.Timeout <= 0 {
		return o, misuse("--timeout %v, want a time above 0", t.Timeout)
	}
	if o.TLS, err = t.tls(); err != nil {
		return o, err
	}
	if t.Proxy != "" {
		if o.Proxy, err = url.Parse(t.Proxy); err != nil || o.Proxy.Host == "" {
			return o, misuse("--proxy %q is no URL", attack.RedactURL(t.Proxy))
		}
		if port := o.Proxy.Port(); port != "" {
			if err := attack.CheckPort(port); err != nil {
				return o, misuse("--proxy %q: %w", attack.RedactURL(t.Proxy), err)
			}
		}
	}
	o.ConnectTo = map[string]string{}
	for _, text := range t.ConnectTo {
		from, to, err := splitConnectTo(text)
		if err != nil {
			return o, misuse("--connect-to: %w", err)
		}
		o.ConnectTo[from] = to
	}
	return o, nil
}

// splitConnectTo reads curl's host:port:to-host:to-port; hosts may be IPv6 addresses in brackets.
func splitConnectTo(text string) (from, to string, err error) {
	for i, r := range text {
		if r != ':' {
			continue
		}
		a, b := text[:i], text[i+1:]
		if _, p, err := net.SplitHostPort(a); err != nil || p == "" {
			continue
		}
		if _, p, err := net.SplitHostPort(b); err == nil && p != "" {
			if err := attack.CheckPort(p); err != nil {
				return "", "", fmt.Errorf("%q: %w", text, err)
			}
			return a, b, nil
		}
	}
	return "", "", fmt.Errorf("%q, want host:port:to-host:to-port", text)
}

func (t TargetSpec) tls() (*tls.Config, error) {
	if (t.Cert == "") != (t.Key == "") {
		return nil, misuse("--cert and --key go together")
	}
	c := &tls.Config{InsecureSkipVerify: t.Insecure} //nolint:gosec // -k asks for it
	if t.Cert != "" {
		pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, misuse("--cert: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	if t.CACert != "" {
		pem, err := os.ReadFile(t.CACert)
		if err != nil {
			return nil, misuse("--cacert: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, misuse("--cacert %s holds no PEM certificate", t.CACert)
		}
	}
	return c, nil
}
