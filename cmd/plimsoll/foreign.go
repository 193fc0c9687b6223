package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// foreignLimit reads a limit in the words of a gateway, and says what they mean here.
func (a *app) foreignLimit(form, text string) (l limits.Limit, err error) {
	if a.spec.Verify.Burst != 0 {
		return l, misuse("--burst and --limit %s:… exclude one another: the burst stands in it", form)
	}
	words, err := foreignWords(text)
	if err != nil {
		return l, misuse("--limit %s: %w", form, err)
	}
	var means string
	switch form {
	case "nginx":
		l, means, err = a.fromNginx(words)
	case "apigateway":
		l, means, err = a.fromAPIGateway(words)
	case "envoy":
		l, means, err = fromEnvoy(words)
	default:
		return l, misuse("--limit %s: this form is not known, want nginx, apigateway or envoy", form)
	}
	if err != nil {
		return l, misuse("--limit %s: %w", form, err)
	}
	if !a.quiet && !a.said {
		a.said = true
		fmt.Fprintf(a.err, "%s: %s, %d at once from rest%s\n", form, attack.Rate(l.Rate), l.Burst, means)
	}
	return l, nil
}

// foreignWords reads name=value,…; a word without = is a switch.
func foreignWords(text string) (map[string]string, error) {
	out := map[string]string{}
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == ';' }) {
		name, value, _ := strings.Cut(word, "=")
		if _, twice := out[name]; twice {
			return nil, fmt.Errorf("%s is named twice", name)
		}
		out[name] = value
	}
	return out, nil
}

// number takes a number of at least least out of the words.
func number(words map[string]string, name string, least float64) (float64, error) {
	text, ok := words[name]
	v, err := strconv.ParseFloat(text, 64)
	if !ok || err != nil || !(v >= least) || v > 1e9 {
		return 0, fmt.Errorf("%s=%q, want a number of at least %v", name, text, least)
	}
	delete(words, name)
	return v, nil
}

// rest reports the first word that is left.
func rest(words map[string]string) error {
	for name := range words {
		return fmt.Errorf("%s is not known", name)
	}
	return nil
}

// fromNginx reads limit_req: burst counts those beyond the one that goes on at once; without nodelay they are delayed.
func (a *app) fromNginx(words map[string]string) (l limits.Limit, means string, err error) {
	text := words["rate"]
	switch num, minute := strings.CutSuffix(text, "r/m"); {
	case minute:
		l.Rate, err = strconv.ParseFloat(num, 64)
		l.Rate /= 60
	default:
		l.Rate, err = strconv.ParseFloat(strings.TrimSuffix(text, "r/s"), 64)
	}
	if err != nil || !(l.Rate > 0) {
		return l, "", fmt.Errorf("rate=%q, want 10r/s or 30r/m", text)
	}
	delete(words, "rate")
	if _, has := words["burst"]; has {
		n, err := number(words, "burst", 0)
		if err != nil {
			return l, "", err
		}
		l.Burst = int(n)
	}
	l.Burst++
	means = " (burst + 1)"
	_, nodelay := words["nodelay"]
	delete(words, "nodelay")
	if !nodelay && l.Burst > 1 {
		if a.spec.Verify.Algorithm == "" {
			a.spec.Verify.Algorithm = string(scenarios.LeakyQueue)
		}
		means += ", held up to " + time.Duration(float64(l.Burst-1)/l.Rate*1e9).Round(time.Millisecond).String() + " (nodelay lets them through at once)"
	}
	return l, means, rest(words)
}

// fromAPIGateway reads a usage plan's throttle. Its limits are targets, and it sends no Retry-After of its own.
func (a *app) fromAPIGateway(words map[string]string) (l limits.Limit, means string, err error) {
	if l.Rate, err = number(words, "rate", .1); err != nil {
		return l, "", err
	}
	n, err := number(words, "burst", 1)
	if err != nil {
		return l, "", err
	}
	if a.spec.Verify.Profile == "" {
		a.spec.Verify.Profile = string(scenarios.BestEffort)
	}
	l.Burst = int(n)
	return l, ", as targets: profile best-effort", rest(words)
}

// fromEnvoy reads a local rate limit: so many tokens each interval.
func fromEnvoy(words map[string]string) (l limits.Limit, means string, err error) {
	most, err := number(words, "max_tokens", 1)
	if err != nil {
		return l, "", err
	}
	fill := 1.0 // tokens_per_fill defaults to 1
	if _, has := words["tokens_per_fill"]; has {
		if fill, err = number(words, "tokens_per_fill", 1); err != nil {
			return l, "", err
		}
	}
	every, err := time.ParseDuration(words["fill_interval"])
	if err != nil || every < 50*time.Millisecond {
		return l, "", fmt.Errorf("fill_interval=%q, want a duration of at least 50ms", words["fill_interval"])
	}
	delete(words, "fill_interval")
	return limits.Limit{Rate: fill / every.Seconds(), Burst: int(most)}, fmt.Sprintf(", filled %v every %v", fill, every), rest(words)
}
