package lab

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// trait is one thing that a client can see of a throttle.
type trait string

const (
	seenBurst      trait = "admitted back to back from rest"
	seenRate       trait = "admitted in 9 s at six times the rate"
	seenRefill     trait = "admitted after 0.35 burst/rate of silence"
	seenStatus     trait = "statuses of refusals"
	seenRetryAfter trait = "retry-after of refusals"
	seenSufficient trait = "served after a refusal and 1 s of silence"
	seenReturn     trait = "served after 1 s of silence without a refusal"
	seenQuick      trait = "admitted after 35 ms of silence, burst 4"
	seenDelay      trait = "time a refusal takes"
	seenRemaining  trait = "remaining told on a refusal"
	seenBackend    trait = "refusals that reached the backend"
	seenLimit      trait = "limit told to the admitted and the refused"
	seenLeft       trait = "remaining told to the first two admitted"
	seenReset      trait = "reset told on a refusal"
	seenManner     trait = "bytes of a refusal, cache-control, connection"
)

// look sees all traits of a gateway of 40/s and burst 40 with a fault, each with a key of its own.
func look(t *testing.T, fault string) map[trait]string {
	t.Helper()
	seen := map[trait]string{}
	synctest.Test(t, func(t *testing.T) {
		config := one(40, 40)
		config.Fault = fault
		next := &counter{}
		g := gateway(t, config, next)
		other := gateway(t, config, &counter{})
		first, second := ask(other, "left", true), ask(other, "left", true)
		seen[seenLeft] = strings.TrimSpace(first.Header().Get("X-RateLimit-Remaining") + " " + second.Header().Get("X-RateLimit-Remaining"))
		seen[seenLimit] = first.Header().Get("X-RateLimit-Limit")
		served := drain(g, "burst")
		seen[seenBurst] = fmt.Sprint(served)
		seen[seenBackend] = fmt.Sprint(next.Load() - int64(served))
		last := ask(g, "burst", true)
		seen[seenReset] = last.Header().Get("X-RateLimit-Reset") + last.Header().Get("RateLimit-Reset")
		seen[seenManner] = fmt.Sprint(last.Body.Len(), last.Header()["Cache-Control"], last.Header()["Connection"])
		seen[seenStatus], seen[seenRetryAfter], seen[seenRemaining] = answers(g, "burst")
		drain(g, "refill")
		time.Sleep(350 * time.Millisecond)
		served = drain(g, "refill")
		seen[seenRefill] = fmt.Sprint(served)
		drain(g, "wait")
		time.Sleep(time.Second)
		seen[seenSufficient] = fmt.Sprint(wasServed(ask(g, "wait", true)))
		ask(g, "return", true)
		time.Sleep(time.Second)
		seen[seenReturn] = fmt.Sprint(wasServed(ask(g, "return", true)))
		config.Default.Burst = 4
		shallow := gateway(t, config, next)
		drain(shallow, "quick")
		time.Sleep(35 * time.Millisecond)
		seen[seenQuick] = fmt.Sprint(drain(shallow, "quick"))
		drain(g, "delay")
		began := time.Now()
		ask(g, "delay", true)
		seen[seenDelay] = time.Since(began).String()
		seen[seenRate] = fmt.Sprint(saturate(g, "rate"))
	})
	return seen
}

func wasServed(w *httptest.ResponseRecorder) bool { return strings.Contains(w.Body.String(), "served") }

// ask sends one request. Who does not wait is gone at once, as one of many who ask at the same time.
func ask(g *Gateway, key string, waits bool) (w *httptest.ResponseRecorder) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if !waits {
		cancel()
	}
	r := httptest.NewRequest("GET", "/", nil).WithContext(ctx)
	r.Header.Set("X-Api-Key", key)
	w = httptest.NewRecorder()
	defer func() {
		if cause := recover(); cause != nil && cause != any(http.ErrAbortHandler) {
			panic(cause)
		} else if cause != nil {
			w.Code = 0
		}
	}()
	g.ServeHTTP(w, r)
	return w
}

// drain asks at one instant until 25 are refused, or 100 times.
func drain(g *Gateway, key string) (served int) {
	for refused := 0; refused < 25 && served+refused < 100; {
		if wasServed(ask(g, key, false)) {
			served++
		} else {
			refused++
		}
	}
	return served
}

// saturate asks 240 times a second for 10 s and counts what is served after the first second.
func saturate(g *Gateway, key string) (served int) {
	const perSecond = 240
	for i := range 10 * perSecond {
		if wasServed(ask(g, key, false)) && i >= perSecond {
			served++
		}
		time.Sleep(time.Second / perSecond)
	}
	return served
}

// answers asks 20 times at one instant and tells the status, the Retry-After and the Remaining of what is refused: all that
// occur, each once.
func answers(g *Gateway, key string) (status, retryAfter, remaining string) {
	var all sync.WaitGroup
	said := make([][3]string, 20)
	for i := range said {
		all.Go(func() {
			if w := ask(g, key, true); !wasServed(w) {
				h := w.Header()
				said[i] = [3]string{fmt.Sprint(w.Code), fmt.Sprint(h["Retry-After"]), h.Get("X-RateLimit-Remaining")}
			}
		})
	}
	all.Wait()
	set := func(part int) string {
		seen := map[string]bool{}
		for _, s := range said {
			seen[s[part]] = true
		}
		all := slices.Sorted(maps.Keys(seen))
		if len(all) > 3 {
			all = append(all[:3], "…")
		}
		return strings.TrimSpace(strings.Join(all, " "))
	}
	return set(0), set(1), set(2)
}

// What each fault changes of what one key sees, and nothing else. The faults of keys and tiers are seen by others.
var changes = map[string]map[trait]string{
	"":                         {},
	"retry-after-short":        {seenSufficient: "false"},
	"retry-after-long":         {seenRetryAfter: "[60]"},
	"retry-after-grows":        {seenRetryAfter: "[1073741824] [1099511627776] [134217728] …"},
	"retry-after-milliseconds": {seenRetryAfter: "[1000]"},
	"no-retry-after":           {seenRetryAfter: "[]"},
	"retry-after-sometimes":    {seenRetryAfter: "[1] []"},
	"retry-after-zero":         {seenRetryAfter: "[0]"},
	"retry-after-negative":     {seenRetryAfter: "[-1]"},
	"retry-after-decimal":      {seenRetryAfter: "[0.5]"},
	"retry-after-unit":         {seenRetryAfter: "[1s]"},
	"retry-after-utc":          {seenRetryAfter: "[Sat, 01 Jan 2000 00:00:01 UTC]"},
	"retry-after-past":         {seenRetryAfter: "[Fri, 31 Dec 1999 23:59:01 GMT]"},
	"clock-ahead":              {seenRetryAfter: "[Sat, 01 Jan 2000 00:02:01 GMT]"},
	"status-503":               {seenStatus: "503"},
	"status-403":               {seenStatus: "403"},
	"status-200":               {seenStatus: "200"},
	"errors":                   {seenStatus: "429 500"},
	"drops":                    {seenStatus: "0 429"},
	"slow-refusals":            {seenDelay: "250ms"},
	"refusals-reach-backend":   {seenBackend: "25"},
	"refusal-body":             {seenManner: "100005 [] []"},
	"refusal-cacheable":        {seenManner: "32 [public, max-age=60] []"},
	"refusal-closes":           {seenManner: "32 [] [close]"},
	"limit-wrong":              {seenLimit: "400"},
	"remaining-wrong":          {seenRemaining: "40", seenLeft: "40 40"},
	"remaining-negative":       {seenRemaining: "-27 -28 -29 …"},
	"remaining-rising":         {seenLeft: "1 2"},
	"reset-wrong":              {seenReset: "3600"},
	"reset-epoch":              {seenReset: "946684801", seenLimit: "", seenRemaining: "", seenLeft: ""}, // told in the draft's three
	"rate-double":              {seenRate: "720", seenRefill: "28", seenQuick: "2"},
	"rate-plus-10":             {seenRate: "396", seenRefill: "15"},
	"rate-minus-10":            {seenRate: "324", seenRefill: "12", seenReset: "2"},
	"rate-low":                 {seenRate: "288", seenRefill: "11", seenReset: "2"},
	"burst-double":             {seenBurst: "80", seenLimit: "80", seenLeft: "79 78", seenReset: "2"},
	"burst-half":               {seenBurst: "20", seenLimit: "20", seenLeft: "19 18"},
	"no-limit":                 {seenRate: "2160", seenBurst: "100", seenRefill: "100", seenQuick: "100", seenStatus: "", seenRetryAfter: "", seenRemaining: "", seenReset: "", seenManner: "21 [] []"},
	"fails-open":               {seenRate: "1440", seenRefill: "91"},
	"unshared-instances": {seenRate: "1516", seenBurst: "100", seenRefill: "100", seenQuick: "4", seenStatus: "", seenRetryAfter: "", seenRemaining: "", seenLeft: "39 39",
		seenManner: "21 [] []"},
	"counts-refusals":   {seenRate: "0", seenRefill: "0", seenQuick: "0", seenReset: "2", seenRetryAfter: "[1] [2]"},
	"ban-renewed":       {seenRate: "0", seenRefill: "0", seenQuick: "0", seenSufficient: "false", seenRetryAfter: "[2]", seenReset: "2"},
	"ban-short":         {seenRate: "376", seenRefill: "0", seenQuick: "0"},
	"ban-long":          {seenRate: "141", seenRefill: "0", seenQuick: "0", seenSufficient: "false", seenRetryAfter: "[3]", seenReset: "3"},
	"ban-never":         {}, // seen where a ban is set
	"ban-everyone":      {seenRate: "188", seenRefill: "0", seenQuick: "0", seenSufficient: "false", seenRetryAfter: "[2]"},
	"places-leak":       {}, // seen where places are counted
	"metastable":        {}, // of the service behind
	"quota-forbidden":   {}, // seen where there are quotas
	"quota-unmarked":    {},
	"forgets":           {seenRefill: "40", seenQuick: "4"},
	"truncates":         {seenRate: "309", seenReset: "2"},
	"ticks":             {seenRefill: "0", seenQuick: "0"},
	"window-for-bucket": {seenRefill: "0", seenQuick: "0"},
	"window-fixed":      {seenRefill: "0", seenQuick: "0"},
}

func TestEachFaultChangesWhatItSaysAndNothingElse(t *testing.T) {
	honest := look(t, "")
	want := map[trait]string{seenBurst: "40", seenRate: "360", seenRefill: "14", seenStatus: "429", seenRetryAfter: "[1]",
		seenSufficient: "true", seenReturn: "true", seenQuick: "1", seenDelay: "0s", seenRemaining: "0", seenBackend: "0",
		seenLimit: "40", seenLeft: "39 38", seenReset: "1", seenManner: "32 [] []"}
	if !maps.Equal(honest, want) {
		t.Errorf("without a fault: got %v, want %v", honest, want)
	}
	for _, f := range Faults() {
		if _, known := among[f.Name]; known {
			continue
		}
		want := maps.Clone(honest)
		maps.Copy(want, changes[f.Name])
		got := look(t, f.Name)
		for seen := range want {
			if got[seen] != want[seen] {
				t.Errorf("%s: %s: got %s, want %s", f.Name, seen, got[seen], want[seen])
			}
		}
	}
}

func TestFaultsAreFoundByNameAndNearMissesAreHelped(t *testing.T) {
	for _, f := range Faults() {
		if !regexp.MustCompile(`^V\d\d$`).MatchString(f.Check) || f.Title == "" {
			t.Errorf("%s: title %q, check %q", f.Name, f.Title, f.Check)
		}
		_, known := changes[f.Name]
		if _, seen := among[f.Name]; known == seen {
			t.Errorf("%s: no test says what it changes", f.Name)
		}
		if got, err := ParseFault(f.Name); err != nil || got.Name != f.Name {
			t.Errorf("ParseFault(%s) = %s, %v", f.Name, got.Name, err)
		}
	}
	rows := []struct{ name, want string }{
		{"retry-after-shrt", `fault "retry-after-shrt" is not known`},
		{"rate-doubled", `fault "rate-doubled" is not known`},
		{"forget", `fault "forget" is not known`},
		{"xyzzy", `fault "xyzzy" is not known`},
	}
	for _, row := range rows {
		if _, err := ParseFault(row.name); err == nil || !strings.HasPrefix(err.Error(), row.want) {
			t.Errorf("ParseFault(%s): got %v, want %s", row.name, err, row.want)
		}
	}
	if f, err := ParseFault(""); err != nil || f.Name != "" {
		t.Errorf("no fault: got %v, %v", f, err)
	}
}

func TestSpilledRefusalsSlowTheAdmittedAndAreQuickThemselves(t *testing.T) {
	for _, row := range []struct {
		fault string
		want  time.Duration // of an admitted request after 30 refusals
	}{{"", 10 * time.Millisecond}, {"refusals-reach-backend", 300 * time.Millisecond}} {
		synctest.Test(t, func(t *testing.T) {
			config := one(1, 1)
			config.Fault = row.fault
			l, err := New(Config{Backend: BackendConfig{Servers: 1, Mean: 10 * time.Millisecond, Service: Deterministic}, Gateway: config})
			if err != nil {
				t.Fatal(err)
			}
			get(l.Throttled(), "/", "a")
			began := time.Now()
			for range 29 {
				if w := get(l.Throttled(), "/", "a"); w.Code != http.StatusTooManyRequests || time.Since(began) > 0 {
					t.Fatalf("%s: refused with %d after %v", row.fault, w.Code, time.Since(began))
				}
			}
			get(l.Throttled(), "/", "b")
			if took := time.Since(began); took != row.want {
				t.Errorf("%q: an admitted request took %v, want %v", row.fault, took, row.want)
			}
		})
	}
}
