package watch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/plimsoll-load/plimsoll/attack"
)

// Counter looks how many requests the backend says it got. The address answers with a number; with a JSON object, of which
// the URL's fragment names the field (…/stats#requests); or with metrics in Prometheus' text format, of which the fragment
// selects those to sum (…/metrics#http_requests_total{code="200"}).
func Counter(client *http.Client, address string) (Probe, error) {
	address, what, _ := strings.Cut(address, "#")
	read := number
	if what != "" {
		s, err := parseSelector(what)
		if err != nil {
			return Probe{}, err
		}
		read = s.read
	}
	return Probe{Name: attack.SightBackend, Look: func(ctx context.Context) (bool, float64, error) {
		body, err := get(ctx, client, address)
		if err != nil {
			return false, 0, err
		}
		v, err := read(body)
		if err == nil {
			err = finite(v)
		}
		if err != nil {
			return false, 0, err
		}
		return true, v, nil
	}}, nil
}

func number(body []byte) (float64, error) {
	v, err := strconv.ParseFloat(strings.TrimSpace(string(body)), 64)
	if err != nil {
		return 0, errors.New("the answer is no number: name its field or metric behind a # at the URL's end")
	}
	return v, nil
}

// selector names a field of an object, or a metric and the labels it must have.
type selector struct {
	name   string
	labels map[string]string
}

// parseSelector reads name, or name{label="value"}: a line of the text format without its number.
func parseSelector(text string) (selector, error) {
	families, err := parseMetrics([]byte(text + " 0\n"))
	if err != nil || len(families) != 1 {
		return selector{}, fmt.Errorf("%q names no metric and no field, want name or name{label=\"value\"}", text)
	}
	s := selector{labels: map[string]string{}}
	for name, f := range families {
		s.name = name
		for _, l := range f.Metric[0].Label {
			s.labels[l.GetName()] = l.GetValue()
		}
	}
	return s, nil
}

func parseMetrics(text []byte) (map[string]*dto.MetricFamily, error) {
	p := expfmt.NewTextParser(model.UTF8Validation)
	return p.TextToMetricFamilies(bytes.NewReader(text))
}

func (s selector) read(body []byte) (float64, error) {
	if bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) {
		return s.field(body)
	}
	families, err := parseMetrics(body)
	if err != nil {
		return 0, fmt.Errorf("neither JSON nor metrics: %w", err)
	}
	f, ok := families[s.name]
	if !ok {
		return 0, fmt.Errorf("no metric %s", s.name)
	}
	sum, found := 0.0, false
	for _, m := range f.Metric {
		if s.matches(m) {
			sum, found = sum+valueOf(m), true
		}
	}
	if !found {
		return 0, fmt.Errorf("no metric %s has those labels", s.name)
	}
	return sum, nil
}

func (s selector) field(body []byte) (float64, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil {
		return 0, fmt.Errorf("damaged JSON: %w", err)
	}
	var v float64
	if err := json.Unmarshal(fields[s.name], &v); err != nil {
		return 0, fmt.Errorf("no number in the field %s", s.name)
	}
	return v, nil
}

func (s selector) matches(m *dto.Metric) bool {
	left := len(s.labels)
	for _, l := range m.Label {
		if want, asked := s.labels[l.GetName()]; asked {
			if l.GetValue() != want {
				return false
			}
			left--
		}
	}
	return left == 0
}

// valueOf is a metric's number; how many were observed, where it is a distribution.
func valueOf(m *dto.Metric) float64 {
	switch {
	case m.Counter != nil:
		return m.Counter.GetValue()
	case m.Gauge != nil:
		return m.Gauge.GetValue()
	case m.Histogram != nil:
		return float64(m.Histogram.GetSampleCount())
	case m.Summary != nil:
		return float64(m.Summary.GetSampleCount())
	}
	return m.Untyped.GetValue()
}
