package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// answering is a server that answers every question with this.
func answering(t *testing.T, answer string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, answer) }))
	t.Cleanup(s.Close)
	return s.URL
}

func TestEyesLookAtAllThatTheSpecNames(t *testing.T) {
	var errs bytes.Buffer
	a := &app{err: &errs, spec: newSpec()}
	a.spec.Find.Health = answering(t, "well")
	a.spec.Verify.Watch = WatchSpec{Backend: answering(t, `{"served": 4}`) + "#served", Prometheus: answering(t, `{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}`), Query: "1",
		Alertmanager: answering(t, "[]"), Webhook: ":0", Alerts: []string{"B", "A"}, NoAlerts: []string{"A"}, Within: time.Minute}
	e, err := a.openEyes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	var names []string
	for _, p := range e.probes {
		ok, _, err := p.Look(t.Context())
		if !ok || err != nil {
			t.Errorf("%s: %v, %v", p.Name, ok, err)
		}
		names = append(names, p.Name)
	}
	want := []string{attack.SightHealth, attack.SightBackend, attack.SightQuery, "alert A", "notice A", "alert B", "notice B"}
	if got := strings.Join(names, ", "); got != strings.Join(want, ", ") {
		t.Errorf("looks at %s, want %v", got, want)
	}
	if !strings.Contains(errs.String(), e.webhook.URL()) {
		t.Errorf("said %q, want the address to configure", errs.String())
	}
}

func TestEyesThatSeeNothingAreFoundOutBeforeTheStorm(t *testing.T) {
	a := &app{err: &bytes.Buffer{}, spec: newSpec()}
	a.spec.Verify.Watch.Prometheus, a.spec.Verify.Watch.Query = answering(t, `{"status":"error","errorType":"bad_data","error":"parse error at char 3"}`), "up =="
	_, err := a.openEyes(t.Context())
	if err == nil || !strings.Contains(err.Error(), "--prometheus cannot be asked: bad_data: parse error at char 3") || exitCode(err) != exitUnmeasured {
		t.Errorf("error %v (exit %d), want what Prometheus says", err, exitCode(err))
	}
}

func TestWatchedURLsAreRedacted(t *testing.T) {
	s := newSpec()
	s.Verify.Watch = WatchSpec{Backend: "http://u:hunter2@h/?k=hunter2", Prometheus: "http://u:hunter2@h/", Alertmanager: "http://h/?k=hunter2"}
	if text := fmt.Sprintf("%+v", s.redacted().Verify.Watch); strings.Contains(text, "hunter2") || !strings.Contains(text, "h/") {
		t.Errorf("the journal would keep %s", text)
	}
}
