package watch

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/plimsoll-load/plimsoll/attack"
)

// Alert looks how many alarms of a name fire in an Alertmanager. Those that are silenced or inhibited tell nobody, and do
// not count.
func Alert(client *http.Client, address, name string) Probe {
	q := url.Values{"active": {"true"}, "silenced": {"false"}, "inhibited": {"false"}, "filter": {"alertname=" + strconv.Quote(name)}}
	base, _, _ := strings.Cut(address, "?")
	full := strings.TrimSuffix(base, "/") + "/api/v2/alerts?" + q.Encode()
	return Probe{Name: attack.SightAlert + name, Look: func(ctx context.Context) (bool, float64, error) {
		body, err := get(ctx, client, full)
		if err != nil {
			return false, 0, err
		}
		n, err := firing(body, name)
		return err == nil, float64(n), err
	}}
}

// gettable is what we read of an alert, in Alertmanager's API v2.
type gettable struct {
	Labels map[string]string `json:"labels"`
	Status struct {
		State string `json:"state"`
	} `json:"status"`
}

func firing(body []byte, name string) (n int, err error) {
	var alerts []gettable
	if err := json.Unmarshal(body, &alerts); err != nil {
		return 0, fmt.Errorf("no list of alerts: %w", err)
	}
	for _, a := range alerts {
		if a.Labels["alertname"] == name && a.Status.State == "active" {
			n++
		}
	}
	return n, nil
}
