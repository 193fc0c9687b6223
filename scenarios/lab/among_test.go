package lab

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

// house is a gateway with keys of all kinds. The stage is wide enough not to be noticed unless it is asked for.
func house(fault string, stage Limit) GatewayConfig {
	return GatewayConfig{
		Default: Tier{Limit: Limit{40, 40}},
		Tiers:   map[string]Tier{"gold": {Limit: Limit{80, 80}}, "thin": {Limit: Limit{5, 10}}, "guest": {Limit: Limit{60, 60}, Quota: 20, Period: 10 * time.Second}},
		Stage:   stage,
		Keys: []Key{{Secret: "ann"}, {Secret: "bob"}, {Secret: "rich", Tier: "gold"}, {Secret: "slim", Tier: "thin"}, {Secret: "guest", Tier: "guest"},
			{Secret: "internal-1", Exempt: true}},
		Fault: fault,
	}
}

// way is one way to ask.
type way struct {
	method, path, key, forwarded, from string
	http2                              bool
}

// asks sends so many at once and counts what is let in.
func (w way) asks(g *Gateway, n int) (in int) {
	for range n {
		method, path := w.method, w.path
		if method == "" {
			method = "GET"
		}
		if path == "" {
			path = "/items"
		}
		r := httptest.NewRequest(method, path, nil)
		r.Header.Set("X-Api-Key", w.key)
		if w.forwarded != "" {
			r.Header.Set("X-Forwarded-For", w.forwarded)
		}
		if w.from != "" {
			r.RemoteAddr = w.from
		}
		if w.http2 {
			r.ProtoMajor = 2
		}
		rec := httptest.NewRecorder()
		if g.ServeHTTP(rec, r); rec.Code == 200 {
			in++
		}
	}
	return in
}

// census sees how a gateway treats its consumers and the ways to ask. Each line has a gateway of its own.
func census(t *testing.T, fault string) map[string]string {
	seen := map[string]string{}
	line := func(name string, stage Limit, look func(g *Gateway) string) {
		synctest.Test(t, func(t *testing.T) { seen[name] = look(gateway(t, house(fault, stage), &counter{})) })
	}
	for name, w := range map[string]way{"another connection": {from: "10.0.0.9:7"}, "POST": {method: "POST"}, "HEAD": {method: "HEAD"}, "a double slash": {path: "//items"}, "a slash at the end": {path: "/items/"},
		"a query": {path: "/items?x=1"}, "capital letters": {path: "/ITEMS"}, "X-Forwarded-For": {forwarded: "10.9.9.9"}, "HTTP/2": {http2: true}} {
		line(name, Limit{}, func(g *Gateway) string {
			way{key: "ann"}.asks(g, 50)
			w.key = "ann"
			return fmt.Sprint(w.asks(g, 5))
		})
	}
	line("two keys", Limit{}, func(g *Gateway) string { return fmt.Sprint(way{key: "ann"}.asks(g, 50), way{key: "bob"}.asks(g, 50)) })
	line("tiers", Limit{}, func(g *Gateway) string { return fmt.Sprint(way{key: "rich"}.asks(g, 90), way{key: "slim"}.asks(g, 90)) })
	line("strangers", Limit{}, func(g *Gateway) string {
		way{key: "ann"}.asks(g, 10)
		return fmt.Sprint(way{key: "who"}.asks(g, 50), way{key: "ann"}.asks(g, 50))
	})
	line("exempt", Limit{}, func(g *Gateway) string {
		return fmt.Sprint(way{key: "internal-1"}.asks(g, 200), way{key: "internal-2"}.asks(g, 50))
	})
	line("quota", Limit{}, func(g *Gateway) string {
		first := way{key: "guest"}.asks(g, 50)
		r := httptest.NewRequest("GET", "/items", nil)
		r.Header.Set("X-Api-Key", "guest")
		rec := httptest.NewRecorder()
		g.ServeHTTP(rec, r)
		time.Sleep(6 * time.Second)
		return fmt.Sprint(first, way{key: "guest"}.asks(g, 50), rec.Header()["Retry-After"])
	})
	line("a stage of 20/s", Limit{20, 20}, crowd)
	return seen
}

// crowd lets three keys ask in turn for 5 s, more than the stage allows, and tells what each gets.
func crowd(g *Gateway) string {
	got := map[string]int{}
	rng, keys := rand.New(rand.NewPCG(1, 2)), []string{"ann", "bob", "slim"}
	for _, key := range keys {
		got[key] += way{key: key}.asks(g, 1)
	}
	for range 500 {
		for _, k := range rng.Perm(len(keys)) {
			got[keys[k]] += way{key: keys[k]}.asks(g, 1)
		}
		time.Sleep(10*time.Millisecond + 7*time.Microsecond)
	}
	words := map[bool]string{true: "served", false: "starved"}
	all := got["ann"] + got["bob"] + got["slim"]
	return fmt.Sprintf("ann %s, bob %s, slim %s, over %v", words[got["ann"] > 15], words[got["bob"] > 15], words[got["slim"] > 15], all > 125)
}

// What each fault of keys and tiers changes, and nothing else.
var among = map[string]map[string]string{
	"":                   {},
	"per-connection":     {"another connection": "5"},
	"shared-bucket":      {"two keys": "40 0", "tiers": "80 0"},
	"unfair":             {"a stage of 20/s": "ann served, bob starved, slim served, over false"},
	"bypass-post":        {"POST": "5"},
	"bypass-head":        {"HEAD": "5"},
	"bypass-path":        {"a double slash": "5", "a slash at the end": "5"},
	"bypass-query":       {"a query": "5"},
	"bypass-case":        {"capital letters": "5"},
	"bypass-forwarded":   {"X-Forwarded-For": "5"},
	"bypass-http2":       {"HTTP/2": "5"},
	"unknown-key-spends": {"strangers": "0 0"},
	"unknown-key-enters": {"strangers": "50 30", "exempt": "200 50"},
	"exempt-limited":     {"exempt": "40 0"},
	"exempt-made-up":     {"exempt": "200 50"},
	"quota-off-by-one":   {"quota": "21 0 [10]"},
	"quota-doubled":      {"quota": "40 0 [10]"},
	"quota-retry-short":  {"quota": "20 0 [1]"},
	"tiers-swapped":      {"tiers": "10 80"},
	"stage-starves":      {"a stage of 20/s": "ann served, bob served, slim starved, over false"},
	"stage-open":         {"a stage of 20/s": "ann served, bob served, slim served, over true"},
}

func TestEachFaultAmongKeysChangesWhatItSaysAndNothingElse(t *testing.T) {
	honest := census(t, "")
	want := map[string]string{"another connection": "0", "POST": "0", "HEAD": "0", "a double slash": "0", "a slash at the end": "0", "a query": "0", "capital letters": "0",
		"X-Forwarded-For": "0", "HTTP/2": "0", "two keys": "40 40", "tiers": "80 10", "strangers": "0 30", "exempt": "200 0", "quota": "20 0 [10]",
		"a stage of 20/s": "ann served, bob served, slim served, over false"}
	if !maps.Equal(honest, want) {
		t.Errorf("without a fault: got %v, want %v", honest, want)
	}
	for name, changed := range among {
		want := maps.Clone(honest)
		maps.Copy(want, changed)
		got := census(t, name)
		for seen := range want {
			if got[seen] != want[seen] {
				t.Errorf("%s: %s: got %s, want %s", name, seen, got[seen], want[seen])
			}
		}
	}
}
