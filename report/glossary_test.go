package report

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/plimsoll-load/plimsoll/attack"
)

// shownPage is the page of a report.
func shownPage(t *testing.T, r Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := HTML(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestEveryLoadIsExplained: whatever load a page names, it says under the tiles and beside the number what that is.
func TestEveryLoadIsExplained(t *testing.T) {
	r := Fold(fixtures()["whole"])
	r.Capacities[0].Critical, r.Capacities[0].Saturation = r.Capacities[0].Knee, r.Capacities[0].Breaking
	page := shownPage(t, r)
	n := 0
	for _, e := range loads(*r.Capacity()) {
		text := meaning(e.name)
		if text == "" {
			t.Errorf("no meaning of %q", e.name)
		}
		if e.Estimate == nil {
			continue
		}
		n++
		if got := strings.Count(page, strings.ReplaceAll(text, "'", "&#39;")); got != 2 {
			t.Errorf("%q is explained %d times, want under the tiles and beside its number: %s", e.name, got, text)
		}
	}
	if n < 6 {
		t.Fatalf("%d loads were looked for", n)
	}
	if page := shownPage(t, Fold(fixtures()["verify"])); strings.Contains(page, `class="terms"`) {
		t.Error("a page without a capacity explains loads that it does not show")
	}
}

// TestCountsOfTrialsAgree: a page that counts other than all trials says which.
func TestCountsOfTrialsAgree(t *testing.T) {
	r := Fold(fixtures()["find"])
	if got := shownPage(t, r); strings.Contains(got, "of the run&#39;s") || strings.Contains(got, "sent a load, and were asked") {
		t.Error("all trials searched, and the page speaks of others")
	}
	all := len(r.Trials)
	for range 2 {
		r.Trials = append(r.Trials, attack.Measurement{Trial: attack.Trial{N: len(r.Trials) + 1, Serial: &attack.Serial{Max: 3}}})
	}
	page := shownPage(t, r)
	for _, want := range []string{fmt.Sprintf("%d trials · ", all+2), fmt.Sprintf("%d of the run&#39;s %d trials searched", all, all+2),
		fmt.Sprintf("%d of the %d trials sent a load, and were asked", all, all+2), fmt.Sprintf("as answered. %d of the %d trials: the others", all, all+2)} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

// TestOKsAreToldApart: two columns of a page that count ok otherwise are not called alike.
func TestOKsAreToldApart(t *testing.T) {
	page := shownPage(t, Fold(fixtures()["whole"]))
	for head, want := range map[string]int{"ok done /s": 1, "ok of due /s": 1} {
		if got := strings.Count(page, "<th scope=\"col\">"+head); got < want {
			t.Errorf("%d columns %q, want %d", got, head, want)
		}
	}
	if !strings.Contains(page, okDone) || !strings.Contains(page, "ok of due: ") {
		t.Error("the page does not say what its oks count")
	}
}

// TestClientsAddUp: what the table of clients leaves out of the requests above is told.
func TestClientsAddUp(t *testing.T) {
	r := Fold(fixtures()["verify"])
	if got := r.alone(r.clients()); got != "" {
		t.Fatalf("all requests are in the table, and it says %q", got)
	}
	m := &r.Storms[0].Measured[0]
	extra := m.Windows[0]
	extra.Warmup = true
	m.Windows = append(m.Windows, extra)
	want := plural(int(extra.Due), "request") + " more"
	if got := r.alone(r.clients()); !strings.HasPrefix(got, want) {
		t.Errorf("a warm-up is not in the table: %q, want %q", got, want)
	}
	if page := shownPage(t, r); !strings.Contains(page, want) {
		t.Errorf("the page does not say %q", want)
	}
}

// TestTooFewForAQuantile: a quantile beyond which none of the answers lies is the slowest of them under another name.
func TestTooFewForAQuantile(t *testing.T) {
	for _, c := range []struct {
		n    int64
		want string
	}{{0, "– – – –"}, {1, "– – – –"}, {2, "7 – – –"}, {19, "7 – – –"}, {20, "7 7 – –"}, {99, "7 7 – –"}, {100, "7 7 7 –"}, {999, "7 7 7 –"}, {1000, "7 7 7 7"}} {
		q := quantiles(&attack.Quantiles{N: c.n, P50: 7, P95: 7, P99: 7, P999: 7, Max: 9})
		got := strings.ReplaceAll(strings.Join(q[:], " "), "7.0 ms", "7")
		if got != c.want {
			t.Errorf("of %d answers: %s, want %s", c.n, got, c.want)
		}
	}
	for n, want := range map[int64]string{99: "slowest 9", 100: "p99 7"} {
		name, ms := worstOf(attack.Quantiles{N: n, P99: 7, Max: 9})
		if got := fmt.Sprint(name, " ", ms); got != want {
			t.Errorf("of %d answers: %s, want %s", n, got, want)
		}
	}
}

// TestAFewRequestsHaveNoP99: neither the sentence, nor a tile, nor a row calls the slowest of a few answers their p99.
func TestAFewRequestsHaveNoP99(t *testing.T) {
	r := Fold(fixtures()["load"])
	w := attack.Window{Len: r.Trials[0].Windows[0].Len}
	w.Due, w.OK, w.Attempts, w.Response = 20, 20, 20, hist(20, 8, .4)
	r.Trials = r.Trials[:1]
	r.Trials[0].Windows, r.Trials[0].Checks = []attack.Window{w}, nil
	var text bytes.Buffer
	if err := Text(&text, r); err != nil {
		t.Fatal(err)
	}
	if number := regexp.MustCompile(`p99[^.,]{0,3}[0-9]+(\.[0-9]+)? (ms|s)`); number.MatchString(text.String()) || number.MatchString(shownPage(t, r)) {
		t.Errorf("a p99 of 20 requests is told:\n%s", text.String())
	}
	if !strings.Contains(text.String(), "too few for p99: 20") || !strings.Contains(text.String(), few[:22]) {
		t.Errorf("nothing says that 20 are too few:\n%s", text.String())
	}
}
