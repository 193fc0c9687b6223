package main

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metered counts what a handler answers, by status and by how long it took, under the names that Prometheus' own client
// libraries suggest, and serves the counts: the lab's alarms are then those of any service that counts the same way.
// client_golang does the counting: whatever else writes Prometheus' format may differ from what is scraped in earnest.
func metered(next http.Handler) (handler, metrics http.Handler) {
	registry := prometheus.NewRegistry()
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "http_requests_total", Help: "Requests answered, by status code."}, []string{"code"})
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "http_request_duration_seconds", Help: "Time to answer, by status code.",
		Buckets: prometheus.ExponentialBucketsRange(0.001, 10, 25)}, []string{"code"})
	flight := prometheus.NewGauge(prometheus.GaugeOpts{Name: "http_requests_in_flight", Help: "Requests not answered yet."})
	registry.MustRegister(requests, seconds, flight)
	for _, code := range []string{"200", "429"} { // a series that begins with its first request would be missing on a quiet day
		requests.WithLabelValues(code)
	}
	handler = promhttp.InstrumentHandlerInFlight(flight, promhttp.InstrumentHandlerCounter(requests, promhttp.InstrumentHandlerDuration(seconds, next)))
	return handler, promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}
