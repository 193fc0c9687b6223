package main

import (
	"errors"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/plimsoll-load/plimsoll/attack"
)

// Flags are bound to a Spec, so that a spec file, the environment and flags end in the same place. Each function binds
// the flags of one part.

func (a *app) outputFlags(fs *pflag.FlagSet) {
	fs.StringVar(&a.spec.Out, "out", a.spec.Out, "folder for the run's files (default plimsoll-runs/<time>-<name>)")
	fs.StringVar(&a.spec.Name, "name", a.spec.Name, "what the report calls the target (default its host)")
	fs.Uint64Var(&a.spec.Seed, "seed", a.spec.Seed, "seed of arrivals and choices; 0 draws one, which is printed")
	fs.Var(&a.commit, "commit", "`SHA` of what is measured, for the record (default $GITHUB_SHA, $CI_COMMIT_SHA or $GIT_COMMIT)")
	fs.BoolVar(&a.json, "json", a.json, "print the result as JSON")
	fs.StringVar(&a.live, "live", a.live, "show the run as a page at this `address` while it lasts: :0 takes a free port of this machine; whoever can open it can end the run")
	fs.StringVar(&a.metrics, "metrics", a.metrics, "serve a Prometheus at /metrics of this `address` while the run lasts: plimsoll_requests_total by outcome, "+
		"plimsoll_response_seconds, plimsoll_capacity_requests_per_second and others, each with its help; :0 takes a free port of this machine")
	fs.BoolVar(&a.quiet, "quiet", a.quiet, "no progress on standard error")
}

func (a *app) baselineFlag(fs *pflag.FlagSet) {
	fs.StringVar(&a.baseline, "save-baseline", a.baseline, "keep the result in this `file`, for plimsoll gate")
}

func targetFlags(fs *pflag.FlagSet, t *TargetSpec) {
	fs.StringArrayVarP((*[]string)(&t.Headers), "header", "H", t.Headers, "header line `'Name: value'`, repeatable")
	fs.StringVarP(&t.Method, "method", "X", t.Method, "request method (default GET, POST with --data)")
	fs.StringVarP(&t.Body, "data", "d", t.Body, "request body; @file reads it from a file, @- from standard input")
	fs.StringVarP(&t.User, "user", "u", t.User, "basic authentication, `name:password`")
	fs.StringVar(&t.File, "targets", t.File, "requests from a `file` in vegeta's http or json format; - is standard input")
	fs.StringVar(&t.CSV, "csv", t.CSV, "`file` whose columns fill {{csv.column}} in URL, headers and body")
	fs.DurationVarP(&t.Timeout, "timeout", "t", t.Timeout, "longest wait for one answer")
	fs.IntVar(&t.Connections, "connections", t.Connections, "most connections open at once (default no bound)")
	fs.BoolVar(&t.HTTP2, "http2", t.HTTP2, "speak HTTP/2")
	fs.StringVar(&t.Transport, "transport", t.Transport, "what carries the requests: fast (HTTP/1.1, little CPU) or std (net/http); chosen by what they need")
	fs.BoolVarP(&t.Insecure, "insecure", "k", t.Insecure, "accept any server certificate")
	fs.StringVar(&t.Cert, "cert", t.Cert, "client certificate, PEM `file`")
	fs.StringVar(&t.Key, "key", t.Key, "key of --cert, PEM `file`")
	fs.StringVar(&t.CACert, "cacert", t.CACert, "certificates to trust instead of the system's, PEM `file`")
	fs.StringArrayVar(&t.ConnectTo, "connect-to", t.ConnectTo, "connect to another place: `host:port:to-host:to-port`, repeatable")
	fs.StringVar(&t.UnixSocket, "unix-socket", t.UnixSocket, "connect to this socket instead of the URL's host")
	fs.StringVar(&t.Proxy, "proxy", t.Proxy, "proxy `URL`; the environment's proxies are never used")
	fs.IntVar(&t.Redirects, "redirects", t.Redirects, "redirects to follow (default none: a redirect is an answer)")
	fs.IntSliceVar(&t.ExpectStatus, "expect-status", t.ExpectStatus, "statuses that are ok beside 2xx and 3xx")
	fs.IntSliceVar(&t.ThrottledStatus, "throttled-status", t.ThrottledStatus, "statuses that mean throttled, instead of 429")
	fs.BoolVar(&t.Authorized, "authorized", t.Authorized, "the owner of a target beyond this machine and its private networks agreed to this load")
}

func (a *app) goalFlags(fs *pflag.FlagSet) {
	fs.StringArrayVar(&a.spec.Goals, "goal", a.spec.Goals, "promise to keep: `'p99<250ms'` or 'failed<1%', repeatable")
}

func (a *app) findFlags(fs *pflag.FlagSet) {
	f := &a.spec.Find
	fs.DurationVar(&f.Budget, "budget", f.Budget, "time for the search")
	fs.VarPF(&profile{to: &f.Profile, name: "quick"}, "quick", "", "shorter trials, wider intervals").NoOptDefVal = "true"
	fs.VarPF(&profile{to: &f.Profile, name: "thorough"}, "thorough", "", "longer trials, narrower intervals").NoOptDefVal = "true"
	fs.Var(&f.MaxRate, "max-rate", "highest rate ever sent")
	fs.Var((*process)(&f.Arrivals), "arrivals", "how arrivals are spread: even, poisson or burst")
	fs.BoolVar(&f.Gentle, "gentle", f.Gentle, "climb in smaller steps")
	fs.Float64Var(&f.MaxOverload, "max-overload-seconds", f.MaxOverload, "stop after so many seconds of overload (exit 5)")
	fs.StringVar(&f.MaxFailed, "max-failed", f.MaxFailed, "stop when more than this share of all requests failed (exit 5)")
	fs.IntVar(&f.MaxInFlight, "max-inflight", f.MaxInFlight, "most requests in flight")
	fs.StringVar(&f.Health, "health", f.Health, "`URL` that must keep answering 2xx; three misses in a row stop the run (exit 5)")
}

func (a *app) adviseFlags(fs *pflag.FlagSet) {
	fs.StringVar(&a.spec.Limits.Margin, "margin", a.spec.Limits.Margin, "part of the capacity to keep back (default 20%, more where the target collapses or drifts)")
	fs.StringArrayVar(&a.spec.Limits.Tiers, "tier", a.spec.Limits.Tiers, "consumer tier, `name=share[,quota/period]`: gold=50%,1M/day; repeatable")
}

func (a *app) verifyFlags(fs *pflag.FlagSet) {
	v := &a.spec.Verify
	fs.StringVar(&v.Limit, "limit", v.Limit, "the rate the throttle is set to: 2000/s, 100/2s")
	fs.Var((*burst)(&v.Burst), "burst", "most requests admitted at once from rest (nginx burst=b means b+1)")
	fs.StringVar(&v.Limits, "limits", v.Limits, "take rate and burst from a limits.json `file`, or the folder of a run")
	fs.StringVar(&v.Profile, "profile", v.Profile, "tolerance: strict, window or best-effort (API Gateway)")
	fs.StringSliceVar(&v.Only, "only", v.Only, "only these scenarios or checks (names or V-ids)")
	fs.StringSliceVar(&v.Skip, "skip", v.Skip, "all but these scenarios or checks")
	fs.StringSliceVar(&v.Expect, "expect", v.Expect, "declared departures: no-retry-after, open-keys, status=503, ban=2s")
	fs.BoolVar(&v.Brief, "brief", v.Brief, "shorter storms, and only those that every throttle should bear")
	fs.StringVar(&v.Scenarios, "scenarios", v.Scenarios, "scenarios of your own, a YAML `file` (plimsoll schema scenarios shows one)")
	fs.StringVar(&v.Algorithm, "algorithm", v.Algorithm, "how the throttle counts: token-bucket, fixed-window, sliding-window, leaky-queue, or concurrency, of which --limit is how many may be in flight (default token-bucket; with a window: sliding-window)")
	fs.DurationVar(&v.Window, "window", v.Window, "length of its window, where it counts in one")
	fs.StringVar(&v.KeyHeader, "key-header", v.KeyHeader, "header that tells consumers apart; `'Authorization: Bearer '` names what stands before the key (default X-Api-Key with keys)")
	fs.StringVar(&v.KeyQuery, "key-query", v.KeyQuery, "query parameter that tells consumers apart")
	fs.StringVar(&v.Keys, "keys", v.Keys, "consumers that the throttle knows: YAML or CSV `file` of name, secret, tier, exempt; ${ENV} is expanded")
	fs.StringVar(&v.Stage, "stage", v.Stage, "limit of all consumers together, `rate,burst`: 1000/s,2000")
	fs.StringSliceVar(&v.Instances, "instance", v.Instances, "`URL` of an instance that shares the limit with others, repeatable")
	fs.StringVar(&v.Bypass, "bypass", v.Bypass, "other ways of asking to try while the limit is used up: safe, unsafe (POST, PUT too) or off")
	fs.StringVar(&v.Key, "identity", v.Key, "value of --key-header to send")
}

// profile is a boolean flag that chooses one of several words.
type profile struct {
	to   *string
	name string
	on   bool
}

func (p *profile) String() string { return strconv.FormatBool(p.on) }
func (p *profile) Type() string   { return "bool" }
func (p *profile) Set(v string) error {
	on, err := strconv.ParseBool(v)
	if err != nil {
		return errors.New("want true or false")
	}
	if p.on = on; on {
		*p.to = p.name
	}
	return nil
}

// burst is a flag that, where it is given, admits somebody: what admits nobody is no limit but a wall.
type burst int

func (b *burst) String() string { return strconv.Itoa(int(*b)) }
func (b *burst) Type() string   { return "int" }
func (b *burst) Set(v string) error {
	n, err := strconv.Atoi(v)
	switch {
	case err != nil:
		return errors.New("want a whole number")
	case n < 1:
		return errors.New("want at least 1, the most requests admitted at once from rest (nginx burst=99 means --burst 100)")
	}
	*b = burst(n)
	return nil
}

// process is an arrival process as a flag.
type process attack.Process

func (p *process) String() string { return string(*p) }
func (p *process) Type() string   { return "process" }
func (p *process) Set(v string) error {
	*p = process(strings.ToLower(v))
	return attack.Process(*p).Validate()
}
