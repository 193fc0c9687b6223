package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestTheLabCountsWhatItAnswers(t *testing.T) {
	n := 0
	front, metrics := metered(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n++; n%3 == 0 {
			w.WriteHeader(http.StatusTooManyRequests)
		}
		_, _ = io.WriteString(w, "x")
	}))
	fresh := httptest.NewRecorder()
	metrics.ServeHTTP(fresh, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if !strings.Contains(fresh.Body.String(), `http_requests_total{code="429"} 0`) {
		t.Errorf("no refusals counted yet, and their series is missing:\n%s", fresh.Body)
	}
	for range 9 {
		front.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	}
	page := httptest.NewRecorder()
	metrics.ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, line := range []string{`http_requests_total{code="200"} 6`, `http_requests_total{code="429"} 3`, `http_request_duration_seconds_count{code="429"} 3`,
		`http_request_duration_seconds_bucket{code="200",le="+Inf"} 6`, `http_requests_in_flight 0`} {
		if !strings.Contains(page.Body.String(), line+"\n") {
			t.Errorf("no %s in\n%s", line, page.Body)
		}
	}
}
