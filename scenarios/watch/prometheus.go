package watch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/api"
	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/plimsoll-load/plimsoll/attack"
)

// Query looks whether a Prometheus expression holds, as an alert rule would: a vector holds when it is not empty, whatever
// its values, and a scalar when it is not 0. The sight's value is the first result's.
func Query(client *http.Client, address, expression string) (Probe, error) {
	c, err := api.NewClient(api.Config{Address: address, Client: client})
	if err != nil {
		return Probe{}, err
	}
	prometheus := promv1.NewAPI(c)
	return Probe{Name: attack.SightQuery, Look: func(ctx context.Context) (bool, float64, error) {
		got, _, _, err := prometheus.Query(ctx, expression, time.Time{}) // at Prometheus' own time
		var refused *promv1.Error
		if errors.As(err, &refused) {
			return false, 0, fmt.Errorf("%s: %s", refused.Type, refused.Msg)
		}
		if err != nil {
			return false, 0, err
		}
		return holds(got)
	}}, nil
}

func holds(got model.Value) (bool, float64, error) {
	switch v := got.(type) {
	case model.Vector:
		if len(v) == 0 {
			return false, 0, nil
		}
		value := float64(v[0].Value)
		return true, value, finite(value)
	case *model.Scalar:
		value := float64(v.Value)
		return value != 0, value, finite(value)
	}
	return false, 0, fmt.Errorf("the expression gives a %s, want a vector or a scalar", got.Type())
}
