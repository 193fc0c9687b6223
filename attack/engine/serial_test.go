package engine

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// script answers by the number of the request, from 0; each answer takes 10 ms.
func script(of func(n int) (status int, after string)) stub {
	n := 0
	return func(*http.Request) (*http.Response, error) {
		time.Sleep(10 * time.Millisecond)
		status, after := of(n)
		n++
		if after == "" {
			return reply(status), nil
		}
		return reply(status, "Retry-After", after), nil
	}
}

func always(status int, after string) stub {
	return script(func(int) (int, string) { return status, after })
}

func TestSerialOrders(t *testing.T) {
	refusedAfter := func(n int) stub {
		return script(func(k int) (int, string) {
			if k >= n {
				return 429, "1"
			}
			return 200, ""
		})
	}
	warming := script(func(k int) (int, string) {
		if k < 4 {
			time.Sleep(100 * time.Millisecond)
		}
		return 200, ""
	})
	for name, row := range map[string]struct {
		order   attack.Serial
		target  stub
		n       int64
		took    time.Duration
		settled bool
	}{
		"a number of requests back to back":    {attack.Serial{Max: 5}, always(200, ""), 5, 50 * time.Millisecond, false},
		"the gap runs from answer to request":  {attack.Serial{Max: 3, Gap: 100 * time.Millisecond}, always(200, ""), 3, 230 * time.Millisecond, false},
		"a bound in time":                      {attack.Serial{Max: 1000, For: time.Second, Gap: 90 * time.Millisecond}, always(200, ""), 10, 910 * time.Millisecond, false},
		"until some were refused":              {attack.Serial{Max: 100, Until: attack.Until{Refused: 2}}, refusedAfter(3), 5, 50 * time.Millisecond, true},
		"until some were admitted":             {attack.Serial{Max: 100, Until: attack.Until{Admitted: 3}}, refusedAfter(50), 3, 30 * time.Millisecond, true},
		"until some in a row were fast":        {attack.Serial{Max: 100, Until: attack.Until{Fast: 3, Within: 20 * time.Millisecond}}, warming, 7, 470 * time.Millisecond, true},
		"a rule that never holds settles none": {attack.Serial{Max: 3, Until: attack.Until{Refused: 1}}, always(200, ""), 3, 30 * time.Millisecond, false},
		"a limiter's refusal is a fast answer": {attack.Serial{Max: 9, Until: attack.Until{Fast: 3, Within: 20 * time.Millisecond}}, refusedAfter(1), 3, 30 * time.Millisecond, true},
		"a slow refusal is no fast answer":     {attack.Serial{Max: 4, Until: attack.Until{Fast: 1, Within: 9 * time.Millisecond}}, always(429, ""), 4, 40 * time.Millisecond, false},
		"a failure is no fast answer":          {attack.Serial{Max: 4, Until: attack.Until{Fast: 1, Within: time.Second}}, always(500, ""), 4, 40 * time.Millisecond, false},
		"shedding is no fast answer":           {attack.Serial{Max: 4, Until: attack.Until{Fast: 1, Within: time.Second}}, always(503, "1"), 4, 40 * time.Millisecond, false},
		"waiting exactly as told":              {attack.Serial{Max: 3, Honour: true, Gap: time.Hour}, always(429, "2"), 3, 4030 * time.Millisecond, false},
		"told nothing, the gap is kept":        {attack.Serial{Max: 2, Honour: true, Gap: time.Second}, always(429, "soon"), 2, 1020 * time.Millisecond, false},
		"told to wait for ever, time is up":    {attack.Serial{Max: 2, Honour: true, For: time.Minute}, always(429, "99999999999999"), 1, 10 * time.Millisecond, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			e := inMemory(t, row.target)
			m := run(t, e, attack.Trial{Serial: &row.order, LogMax: 100}, nil)
			all := m.All()
			if all.Due != row.n || all.Attempts != row.n || m.Took != row.took || m.Settled != row.settled {
				t.Errorf("%s: %d requests in %v, settled %v; want %d in %v, settled %v", name, all.Due, m.Took, m.Settled, row.n, row.took, row.settled)
			}
			if int64(len(m.Log)) != row.n {
				t.Errorf("%s: %d logged, want %d", name, len(m.Log), row.n)
			}
		})
	}
}

func TestSerialCarriesItsIdentity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []string
		e := inMemory(t, func(r *http.Request) (*http.Response, error) {
			seen = append(seen, r.URL.String()+" "+r.Header.Get("Key"))
			return reply(200), nil
		})
		run(t, e, attack.Trial{Serial: &attack.Serial{Max: 3, Identity: attack.Identity{Header: "Key", Value: "v"}}}, nil)
		want := []string{"http://target/ v", "http://target/ v", "http://target/ v"}
		for i := range want {
			if i >= len(seen) || seen[i] != want[i] {
				t.Fatalf("requests %q, want %q", seen, want)
			}
		}
	})
}
