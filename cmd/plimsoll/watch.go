package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/scenarios"
	"github.com/plimsoll-load/plimsoll/scenarios/watch"
)

// WatchSpec is what is looked at beside a throttle that is verified, and what its monitoring is expected to do.
type WatchSpec struct {
	Backend      string        `yaml:"backend_count" json:"backend_count,omitempty"`
	Prometheus   string        `yaml:"prometheus" json:"prometheus,omitempty"`
	Query        string        `yaml:"expect_query" json:"expect_query,omitempty"`
	Alertmanager string        `yaml:"alertmanager" json:"alertmanager,omitempty"`
	Webhook      string        `yaml:"webhook" json:"webhook,omitempty"`
	Alerts       []string      `yaml:"expect_alert" json:"expect_alert,omitempty"`
	NoAlerts     []string      `yaml:"expect_no_alert" json:"expect_no_alert,omitempty"`
	Within       time.Duration `yaml:"within" json:"within_ns,omitempty"`
}

// newWatchSpec holds the defaults: a scrape, an evaluation and a grouping of some seconds each fit into a minute.
func newWatchSpec() WatchSpec { return WatchSpec{Within: time.Minute} }

func (a *app) watchFlags(fs *pflag.FlagSet) {
	v := &a.spec.Verify.Watch
	fs.StringVar(&v.Backend, "backend-count", v.Backend, "`URL` that tells how many requests reached the backend: a number, or #field, or #metric of its page")
	fs.StringVar(&v.Prometheus, "prometheus", v.Prometheus, "`URL` of the Prometheus to ask")
	fs.StringVar(&v.Query, "expect-query", v.Query, "`expression` that must hold at --prometheus through every storm: 'max_over_time(pool_used[1m]) < 0.7'")
	fs.StringVar(&v.Alertmanager, "alertmanager", v.Alertmanager, "`URL` of the Alertmanager to ask for alarms")
	fs.StringVar(&v.Webhook, "webhook", v.Webhook, "receive Alertmanager's notifications at this `address`; :0 takes a free port of this machine")
	fs.StringSliceVar(&v.Alerts, "expect-alert", v.Alerts, "`alarm` that must fire in a storm, repeatable")
	fs.StringSliceVar(&v.NoAlerts, "expect-no-alert", v.NoAlerts, "`alarm` that must not fire below the limit, repeatable")
	fs.DurationVar(&v.Within, "within", v.Within, "time in which --expect-alert must fire, and --expect-no-alert must not")
}

// redacted is the part of a spec that a journal may show: an expression is no secret, a URL may hold one.
func (v WatchSpec) redacted() WatchSpec {
	v.Backend, v.Prometheus, v.Alertmanager = attack.RedactURL(v.Backend), attack.RedactURL(v.Prometheus), attack.RedactURL(v.Alertmanager)
	return v
}

// alarms is what the scenarios judge of it, or what is wrong with it.
func (v WatchSpec) alarms() (scenarios.Alarms, error) {
	out := scenarios.Alarms{Fire: v.Alerts, Quiet: v.NoAlerts, Within: v.Within, Query: v.Query}
	if v.Alertmanager != "" {
		out.By = append(out.By, attack.SightAlert)
	}
	if v.Webhook != "" {
		out.By = append(out.By, attack.SightNotice)
	}
	asked := len(v.Alerts)+len(v.NoAlerts) > 0
	switch {
	case asked && len(out.By) == 0:
		return out, misuseHint("--alertmanager http://127.0.0.1:9093, or --webhook 127.0.0.1:9095", "--expect-alert and --expect-no-alert need somebody who tells of alarms")
	case !asked && len(out.By) > 0:
		return out, misuseHint("--expect-alert NAME, or --expect-no-alert NAME", "--alertmanager and --webhook are given, and no alarm is expected")
	case v.Query != "" && v.Prometheus == "":
		return out, misuseHint("--prometheus http://127.0.0.1:9090", "--expect-query needs a Prometheus to ask")
	case v.Query == "" && v.Prometheus != "":
		return out, misuseHint("--expect-query 'up == 1'", "--prometheus is given, and no expression is expected to hold")
	}
	for flag, text := range map[string]string{"backend-count": v.Backend, "prometheus": v.Prometheus, "alertmanager": v.Alertmanager} {
		if text == "" {
			continue
		}
		if err := attack.CheckURL(withScheme(text)); err != nil {
			return out, misuse("--%s: %w", flag, err)
		}
	}
	return out, nil
}

// eyes are what looks beside a target while it is loaded.
type eyes struct {
	probes  []watch.Probe
	webhook *watch.Webhook
	client  *http.Client
}

// openEyes makes every probe that the spec asks for and looks through each once: who cannot be asked now would only be found
// out about after the storm. Errors name the flag.
func (a *app) openEyes(ctx context.Context) (e *eyes, err error) {
	v, e := a.spec.Verify.Watch, &eyes{}
	defer func() {
		if err != nil {
			e.close()
		}
	}()
	if e.client, err = a.healthClient(); err != nil {
		return e, err
	}
	if a.spec.Find.Health != "" {
		e.probes = append(e.probes, watch.Health(e.client, withScheme(a.spec.Find.Health)))
	}
	if v.Backend != "" {
		p, err := watch.Counter(e.client, withScheme(v.Backend))
		if err != nil {
			return e, misuse("--backend-count: %w", err)
		}
		e.probes = append(e.probes, p)
	}
	if v.Query != "" {
		p, err := watch.Query(e.client, withScheme(v.Prometheus), v.Query)
		if err != nil {
			return e, misuse("--prometheus: %w", err)
		}
		e.probes = append(e.probes, p)
	}
	if err := a.listen(e, v); err != nil {
		return e, err
	}
	return e, e.test(ctx)
}

// listen adds whoever tells of alarms.
func (a *app) listen(e *eyes, v WatchSpec) (err error) {
	if v.Webhook != "" {
		if e.webhook, err = watch.Listen(v.Webhook); err != nil {
			return misuse("--webhook: %w", err)
		}
		fmt.Fprintf(a.err, "notifications are received at %s: configure it as a webhook of Alertmanager's\n", e.webhook.URL())
	}
	for _, name := range slices.Compact(slices.Sorted(slices.Values(slices.Concat(v.Alerts, v.NoAlerts)))) {
		if v.Alertmanager != "" {
			e.probes = append(e.probes, watch.Alert(e.client, withScheme(v.Alertmanager), name))
		}
		if e.webhook != nil {
			e.probes = append(e.probes, e.webhook.Probe(name))
		}
	}
	return nil
}

// flagOf names the flag that a sight's place was given by.
func flagOf(sight string) string {
	flags := map[string]string{attack.SightHealth: "--health", attack.SightBackend: "--backend-count", attack.SightQuery: "--prometheus"}
	if flag := flags[sight]; flag != "" {
		return flag
	}
	return "--alertmanager"
}

// test looks at everything once.
func (e *eyes) test(ctx context.Context) error {
	for _, p := range e.probes {
		patient, cancel := context.WithTimeout(ctx, watch.Patience)
		_, _, err := p.Look(patient)
		cancel()
		if err != nil && ctx.Err() == nil {
			return unmeasured("it is asked throughout the run, so it must answer before", "%s cannot be asked: %s", flagOf(p.Name), watch.Why(err))
		}
	}
	return nil
}

func (e *eyes) close() {
	if e != nil && e.webhook != nil {
		_ = e.webhook.Close() // nothing more is to be received
	}
	if e != nil && e.client != nil {
		e.client.CloseIdleConnections()
	}
}

// watched is the engine of a wire with whatever looks beside it.
func (w *wire) watched(script scenarios.Script) attack.Runner {
	if w.eyes == nil || len(w.eyes.probes) == 0 {
		return w.engine
	}
	return watch.Runner{Runner: w.engine, Probes: w.eyes.probes, Enough: script.Enough}
}
