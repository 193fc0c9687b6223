package lab

import (
	"fmt"
	"net/http"
)

// Config describes a lab.
type Config struct {
	Backend BackendConfig
	Gateway GatewayConfig // the zero value throttles nothing
}

// Lab is a backend and the gateway in front of it.
type Lab struct {
	Backend *Backend
	Gateway *Gateway // nil without a limit
}

// New makes a lab at rest: empty queue, full buckets.
func New(c Config) (*Lab, error) {
	if hooks := plant(c.Gateway.Fault); hooks.backend != nil {
		hooks.backend(&c.Backend)
	}
	backend, err := NewBackend(c.Backend)
	if err != nil {
		return nil, fmt.Errorf("backend: %w", err)
	}
	gateway, err := NewGateway(c.Gateway, backend)
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	if !c.Gateway.Limited() {
		gateway = nil
	}
	return &Lab{Backend: backend, Gateway: gateway}, nil
}

// Direct reaches the backend past the gateway.
func (l *Lab) Direct() http.Handler { return l.Backend }

// Throttled reaches the backend through the gateway; /healthz and /stats pass it by. Without a limit it is Direct.
func (l *Lab) Throttled() http.Handler {
	if l.Gateway == nil {
		return l.Direct()
	}
	return l.through(l.Gateway)
}

// Instance is the k-th process of the gateway, past the balancer that Throttled stands for.
func (l *Lab) Instance(k int) http.Handler {
	if l.Gateway == nil {
		return l.Direct()
	}
	return l.through(l.Gateway.Instance(k))
}

func (l *Lab) through(gateway http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/healthz", "/stats":
			l.Backend.ServeHTTP(w, r)
		default:
			gateway.ServeHTTP(w, r)
		}
	})
}
