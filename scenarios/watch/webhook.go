package watch

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
)

// Webhook receives the notifications that Alertmanager sends, as a person's pager would.
type Webhook struct {
	listener net.Listener
	server   *http.Server
	served   chan error

	mu     sync.Mutex
	firing map[string]map[string]bool // by the alarm's name and then its fingerprint
}

// What a Webhook takes: a notification groups some dozen alarms, far below a megabyte; alarms that are forgotten because
// there are too many at once cannot be those that a test waits for.
const (
	noticeMax = 4 << 20
	alarmsMax = 10_000
)

// Listen begins to receive. An address without a host, as :9095, is this machine's alone; port 0 takes a free one. Close
// ends it.
func Listen(address string) (*Webhook, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("%q is no address, want host:port or :port", address)
	}
	l, err := net.Listen("tcp", net.JoinHostPort(cmp.Or(host, "127.0.0.1"), port))
	if err != nil {
		return nil, err
	}
	w := &Webhook{listener: l, served: make(chan error, 1), firing: map[string]map[string]bool{}}
	w.server = &http.Server{Handler: w, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	go func() { w.served <- w.server.Serve(l) }()
	return w, nil
}

// URL is what to configure as the receiver's url.
func (w *Webhook) URL() string { return "http://" + w.listener.Addr().String() + "/" }

// Close stops receiving and waits for what serves.
func (w *Webhook) Close() error {
	err := w.server.Close()
	if served := <-w.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// notice is what we read of a notification, in Alertmanager's webhook format, version 4.
type notice struct {
	Alerts []struct {
		Status      string            `json:"status"`
		Labels      map[string]string `json:"labels"`
		Fingerprint string            `json:"fingerprint"`
	} `json:"alerts"`
}

func (w *Webhook) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		http.Error(rw, "notifications are POSTed", http.StatusMethodNotAllowed)
		return
	}
	var n notice
	if err := json.NewDecoder(io.LimitReader(r.Body, noticeMax)).Decode(&n); err != nil {
		http.Error(rw, "no notification of Alertmanager's", http.StatusBadRequest)
		return
	}
	w.take(n)
}

func (w *Webhook) take(n notice) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range n.Alerts {
		name := a.Labels["alertname"]
		if a.Status != "firing" {
			delete(w.firing[name], a.Fingerprint)
			continue
		}
		if w.firing[name] == nil && len(w.firing) < alarmsMax {
			w.firing[name] = map[string]bool{}
		}
		if m := w.firing[name]; m != nil && len(m) < alarmsMax {
			m[a.Fingerprint] = true
		}
	}
}

// Probe looks how many alarms of a name fire, by the notifications received.
func (w *Webhook) Probe(name string) Probe {
	return Probe{Name: attack.SightNotice + name, Look: func(context.Context) (bool, float64, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		return true, float64(len(w.firing[name])), nil
	}}
}
