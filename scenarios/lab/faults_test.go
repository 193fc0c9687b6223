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
		served := drain(g, "burst")
		seen[seenBurst] = fmt.Sprint(served)
		seen[seenBackend] = fmt.Sprint(next.Load() - int64(served))
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
func ask(g *Gateway, key string, waits bool) *httptest.ResponseRecorder {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if !waits {
		cancel()
	}
	r := httptest.NewRequest("GET", "/", nil).WithContext(ctx)
	r.Header.Set("X-Api-Key", key)
	w := httptest.NewRecorder()
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
		return strings.TrimSpace(strings.Join(slices.Sorted(maps.Keys(seen)), " "))
	}
	return set(0), set(1), set(2)
}

// What each fault changes, and nothing else.
var changes = map[string]map[trait]string{
	"":                       {},
	"retry-after-short":      {seenSufficient: "false"},
	"retry-after-long":       {seenRetryAfter: "[60]"},
	"no-retry-after":         {seenRetryAfter: "[]"},
	"retry-after-zero":       {seenRetryAfter: "[0]"},
	"retry-after-decimal":    {seenRetryAfter: "[0.5]"},
	"status-503":             {seenStatus: "503"},
	"status-200":             {seenStatus: "200"},
	"errors":                 {seenStatus: "429 500"},
	"rate-double":            {seenRate: "720", seenRefill: "28", seenQuick: "2"},
	"rate-low":               {seenRate: "288", seenRefill: "11"},
	"burst-double":           {seenBurst: "80"},
	"burst-half":             {seenBurst: "20"},
	"no-limit":               {seenRate: "2160", seenBurst: "100", seenRefill: "100", seenQuick: "100", seenStatus: "", seenRetryAfter: "", seenRemaining: ""},
	"counts-refusals":        {seenRate: "0", seenRefill: "0", seenQuick: "0"},
	"forgets":                {seenRefill: "40", seenQuick: "4"},
	"slow-refusals":          {seenDelay: "250ms"},
	"refusals-reach-backend": {seenBackend: "25"},
	"remaining-wrong":        {seenRemaining: "40"},
}

func TestEachFaultChangesWhatItSaysAndNothingElse(t *testing.T) {
	honest := look(t, "")
	want := map[trait]string{seenBurst: "40", seenRate: "360", seenRefill: "14", seenStatus: "429", seenRetryAfter: "[1]",
		seenSufficient: "true", seenReturn: "true", seenQuick: "1", seenDelay: "0s", seenRemaining: "0", seenBackend: "0"}
	if !maps.Equal(honest, want) {
		t.Errorf("without a fault: got %v, want %v", honest, want)
	}
	for _, f := range Faults() {
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
		if _, known := changes[f.Name]; !known {
			t.Errorf("%s: no test says what it changes", f.Name)
		}
		if got, err := ParseFault(f.Name); err != nil || got.Name != f.Name {
			t.Errorf("ParseFault(%s) = %s, %v", f.Name, got.Name, err)
		}
	}
	rows := []struct{ name, want string }{
		{"retry-after-shrt", `fault "retry-after-shrt" is not known: did you mean retry-after-short`},
		{"rate-doubled", `fault "rate-doubled" is not known: did you mean rate-double`},
		{"forget", `fault "forget" is not known: did you mean forgets`},
		{"xyzzy", `fault "xyzzy" is not known: use one of retry-after-short, retry-after-long, `},
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
