package watch

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// answering is a server that says this, with this status.
func answering(t *testing.T, status int, body string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

const page = `# TYPE http_requests_total counter
http_requests_total{code="200",job="a"} 12
http_requests_total{code="200",job="b"} 30
http_requests_total{code="429",job="a"} 5
# TYPE in_flight gauge
in_flight 3
# TYPE took_seconds histogram
took_seconds_bucket{le="+Inf"} 9
took_seconds_sum 1.5
took_seconds_count 9
broken NaN
`

func TestCounterReadsNumbersFieldsAndMetrics(t *testing.T) {
	for _, c := range []struct {
		says, body, what string
		want             float64
		err              string
	}{
		{"a bare number", " 42\n", "", 42, ""},
		{"a field of an object", `{"served": 7, "name": "x"}`, "#served", 7, ""},
		{"a field that is no number", `{"served": 7, "name": "x"}`, "#name", 0, "no number in the field name"},
		{"a field that is not there", `{"served": 7}`, "#gone", 0, "no number in the field gone"},
		{"a metric, all its series together", page, "#http_requests_total", 47, ""},
		{"those with a label", page, `#http_requests_total{code="200"}`, 42, ""},
		{"with two", page, `#http_requests_total{code="200",job="b"}`, 30, ""},
		{"with none such", page, `#http_requests_total{code="500"}`, 0, "no metric http_requests_total has those labels"},
		{"with one that it does not have", page, `#in_flight{zone="x"}`, 0, "no metric in_flight has those labels"},
		{"a gauge", page, "#in_flight", 3, ""},
		{"how many a histogram observed", page, "#took_seconds", 9, ""},
		{"a metric that is not there", page, "#gone", 0, "no metric gone"},
		{"a metric that is no number", page, "#broken", 0, "the value is NaN"},
		{"words", "lots", "", 0, "behind a #"},
		{"neither JSON nor metrics", "<html>", "#x", 0, "neither JSON nor metrics"},
	} {
		p, err := Counter(http.DefaultClient, answering(t, 200, c.body)+"/stats"+c.what)
		if err != nil {
			t.Fatal(err)
		}
		ok, v, err := p.Look(t.Context())
		if ok != (c.err == "") || v != c.want || c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%s: %v %v %v, want %v and the error %q", c.says, ok, v, err, c.want, c.err)
		}
	}
	if _, err := Counter(http.DefaultClient, "http://h/#a b"); err == nil {
		t.Error("a fragment that names nothing was taken")
	}
}

func TestHealthIsAn2xx(t *testing.T) {
	for status, want := range map[int]bool{200: true, 204: true, 301: false, 429: false, 500: false} {
		ok, _, err := Health(noRedirect, answering(t, status, "")).Look(t.Context())
		if ok != want || (err == nil) != want {
			t.Errorf("status %d: %v, %v", status, ok, err)
		}
	}
}

var noRedirect = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

func TestErrorsKeepNoSecret(t *testing.T) {
	_, _, err := Health(http.DefaultClient, "http://user:hunter2@127.0.0.1:1/?key=hunter3").Look(t.Context())
	if got := Why(err); got != "connect: connection refused" {
		t.Errorf("the error says %q, want the refusal alone", got)
	}
	_, _, err = Health(http.DefaultClient, "ftp://user:hunter2@127.0.0.1/?key=hunter3").Look(t.Context())
	if got := Why(err); strings.Contains(got, "hunter") || !strings.Contains(got, "unsupported protocol") {
		t.Errorf("the error says %q, want the reason alone", got)
	}
	if got := Why(context.DeadlineExceeded); got != "timeout" {
		t.Errorf("a deadline says %q", got)
	}
	if got := Why(fmt.Errorf("a\nb%s", strings.Repeat("c", 999))); strings.Contains(got, "\n") || len(got) > wordsMax+3 {
		t.Errorf("%d bytes with a line break, want one line of %d", len(got), wordsMax)
	}
}

func TestQueryHoldsAsAnAlertRuleWould(t *testing.T) {
	const vector = `{"status":"success","data":{"resultType":"vector","result":[%s]}}`
	for _, c := range []struct {
		says, body string
		status     int
		ok         bool
		value      float64
		err        string
	}{
		{"a vector of something", fmt.Sprintf(vector, `{"metric":{},"value":[1,"0.4"]}`), 200, true, .4, ""},
		{"even of 0, as up == 0", fmt.Sprintf(vector, `{"metric":{},"value":[1,"0"]}`), 200, true, 0, ""},
		{"a vector of nothing", fmt.Sprintf(vector, ""), 200, false, 0, ""},
		{"a value that is no number", fmt.Sprintf(vector, `{"metric":{},"value":[1,"NaN"]}`), 200, true, 0, "NaN"},
		{"a scalar", `{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}`, 200, true, 2, ""},
		{"a scalar of 0", `{"status":"success","data":{"resultType":"scalar","result":[1,"0"]}}`, 200, false, 0, ""},
		{"a range", `{"status":"success","data":{"resultType":"matrix","result":[]}}`, 200, false, 0, "gives a matrix"},
		{"an expression that is none", `{"status":"error","errorType":"bad_data","error":"parse error"}`, 400, false, 0, "parse error"},
	} {
		p, err := Query(http.DefaultClient, answering(t, c.status, c.body), "up")
		if err != nil {
			t.Fatal(err)
		}
		ok, v, err := p.Look(t.Context())
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: error %v, want %q", c.says, err, c.err)
			}
			continue
		}
		if ok != c.ok || v != c.value || err != nil {
			t.Errorf("%s: %v %v %v, want %v %v", c.says, ok, v, err, c.ok, c.value)
		}
	}
}

func TestAlertCountsWhatFires(t *testing.T) {
	const alerts = `[{"labels":{"alertname":"A"},"status":{"state":"active"}},{"labels":{"alertname":"A","job":"x"},"status":{"state":"active"}},
		{"labels":{"alertname":"A"},"status":{"state":"suppressed"}},{"labels":{"alertname":"B"},"status":{"state":"active"}}]`
	for name, want := range map[string]float64{"A": 2, "B": 1, "C": 0} {
		ok, v, err := Alert(http.DefaultClient, answering(t, 200, alerts)+"/", name).Look(t.Context())
		if !ok || v != want || err != nil {
			t.Errorf("%s: %v %v %v, want %v firing", name, ok, v, err, want)
		}
	}
	if ok, _, err := Alert(http.DefaultClient, answering(t, 200, "<html>"), "A").Look(t.Context()); ok || err == nil {
		t.Error("a page of HTML was taken for no alerts")
	}
}

func TestAlertAsksForOneNameThatTellsSomebody(t *testing.T) {
	var asked string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.Path + " " + r.URL.Query().Get("filter") + " silenced=" + r.URL.Query().Get("silenced") + " inhibited=" + r.URL.Query().Get("inhibited")
		fmt.Fprint(w, "[]")
	}))
	defer s.Close()
	_, _, _ = Alert(http.DefaultClient, s.URL+"/am/", "Throttling High").Look(t.Context())
	if want := `/am/api/v2/alerts alertname="Throttling High" silenced=false inhibited=false`; asked != want {
		t.Errorf("asked %s, want %s", asked, want)
	}
}

func TestWebhookKeepsWhatFires(t *testing.T) {
	defer goleak.VerifyNone(t)
	w, err := Listen(":0")
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	post := func(body string) int {
		resp, err := client.Post(w.URL(), "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	firing := func() float64 { _, v, _ := w.Probe("A").Look(t.Context()); return v }
	for _, c := range []struct {
		body   string
		status int
		want   float64
	}{
		{`{"alerts":[{"status":"firing","labels":{"alertname":"A"},"fingerprint":"1"},{"status":"firing","labels":{"alertname":"A"},"fingerprint":"2"}]}`, 200, 2},
		{`{"alerts":[{"status":"firing","labels":{"alertname":"A"},"fingerprint":"1"}]}`, 200, 2},
		{`{"alerts":[{"status":"resolved","labels":{"alertname":"A"},"fingerprint":"1"}]}`, 200, 1},
		{`{"alerts":[{"status":"firing","labels":{"alertname":"B"},"fingerprint":"3"}]}`, 200, 1},
		{`nonsense`, 400, 1},
		{`{"alerts":[{"status":"resolved","labels":{"alertname":"A"},"fingerprint":"2"}]}`, 200, 0},
	} {
		if got := post(c.body); got != c.status || firing() != c.want {
			t.Errorf("after %s: status %d and %v firing, want %d and %v", c.body, got, firing(), c.status, c.want)
		}
	}
	if host := w.listener.Addr().String(); !strings.HasPrefix(host, "127.0.0.1:") {
		t.Errorf("listens on %s, want this machine alone", host)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if _, err := Listen("nowhere"); err == nil {
		t.Error("an address without a port was taken")
	}
}
