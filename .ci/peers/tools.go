package main

import (
	"context"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// connections are what tools that work with a fixed number of them get.
const connections = 50

// tool is one generator and how it is asked for something. A nil func is something it cannot do.
type tool struct {
	name, path string
	says       []string                                                     // arguments that print the version of what is no Go program
	before     int                                                          // requests that it sends before it begins in earnest
	held       func(t tool, url string, rate int, d time.Duration) []string // hold a rate
	narrow     func(t tool, url string, rate int, d time.Duration) []string // hold it over 50 connections
	most       func(t tool, url string, d time.Duration) []string           // as fast as 50 connections can
	p99        func(output []byte) (ms float64, err error)                  // that it reports
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d.Seconds())) }

// known are the tools, plimsoll first.
var known = []tool{ours, withVegeta, withFortio, withHey, withH2load, withWrk, withK6}

var ours = tool{name: "plimsoll", before: 1, // the preflight
	held: func(t tool, url string, rate int, d time.Duration) []string {
		return []string{t.path, "load", url, "--rate", strconv.Itoa(rate), "--for", d.String(), "--quiet", "--json", "--out", outDir()}
	},
	narrow: func(t tool, url string, rate int, d time.Duration) []string {
		return []string{t.path, "load", url, "--rate", strconv.Itoa(rate), "--for", d.String(), "--quiet", "--json", "--out", outDir(), "--connections", "50"}
	},
	most: func(t tool, url string, d time.Duration) []string { // more than can be: what does not fit waits for a connection
		return []string{t.path, "load", url, "--rate", "400000", "--for", d.String(), "--quiet", "--json", "--out", outDir(), "--connections", "50", "--timeout", "500ms"}
	},
	p99: func(out []byte) (float64, error) {
		var r struct {
			Load struct {
				Response struct {
					P99 float64 `json:"p99_ms"`
				}
			}
		}
		err := json.Unmarshal(out, &r)
		return r.Load.Response.P99, err
	},
}

var withVegeta = tool{name: "vegeta",
	held: func(t tool, url string, rate int, d time.Duration) []string { return vegeta(t, url, rate, d) },
	narrow: func(t tool, url string, rate int, d time.Duration) []string {
		return vegeta(t, url, rate, d, "-workers=50", "-max-workers=50")
	},
	most: func(t tool, url string, d time.Duration) []string {
		return vegeta(t, url, 0, d, "-workers=50", "-max-workers=50")
	},
	p99: func(out []byte) (float64, error) {
		var r struct{ Latencies map[string]float64 }
		err := json.Unmarshal(out, &r)
		return r.Latencies["99th"] / 1e6, err
	},
}

var withFortio = tool{name: "fortio", before: connections,
	held: fortio, narrow: fortio,
	most: func(t tool, url string, d time.Duration) []string { return fortio(t, url, 0, d) },
	p99: func(out []byte) (float64, error) {
		var r struct {
			DurationHistogram struct {
				Percentiles []struct{ Percentile, Value float64 }
			}
		}
		if err := json.Unmarshal(out, &r); err != nil {
			return 0, err
		}
		for _, p := range r.DurationHistogram.Percentiles {
			if p.Percentile == 99 {
				return p.Value * 1000, nil
			}
		}
		return 0, fmt.Errorf("no p99")
	},
}

var withHey = tool{name: "hey",
	held: hey, narrow: hey,
	most: func(t tool, url string, d time.Duration) []string {
		return []string{t.path, "-z", d.String(), "-c", "50", url}
	},
	p99: func(out []byte) (float64, error) {
		m := regexp.MustCompile(`99%+ in ([0-9.]+) secs`).FindSubmatch(out)
		if m == nil {
			return 0, fmt.Errorf("no p99")
		}
		s, err := strconv.ParseFloat(string(m[1]), 64)
		return s * 1000, err
	},
}

var withH2load = tool{name: "h2load", says: []string{"--version"},
	held: func(t tool, url string, rate int, d time.Duration) []string {
		return []string{t.path, "--h1", "-c", "50", "-t", "1", "--rps", strconv.Itoa(rate / connections), "-D", seconds(d), url}
	},
	most: func(t tool, url string, d time.Duration) []string {
		return []string{t.path, "--h1", "-c", "50", "-t", "1", "-D", seconds(d), url}
	},
}

var withWrk = tool{name: "wrk", says: []string{"--version"},
	most: func(t tool, url string, d time.Duration) []string {
		return []string{t.path, "-t", "1", "-c", "50", "-d", seconds(d), url}
	},
}

var withK6 = tool{name: "k6",
	held: func(t tool, url string, rate int, d time.Duration) []string { return k6(t, url, rate, d, 2000) },
	narrow: func(t tool, url string, rate int, d time.Duration) []string {
		return k6(t, url, rate, d, connections)
	},
	p99: func(out []byte) (float64, error) {
		m := regexp.MustCompile(`p99_ms=([0-9.]+)`).FindSubmatch(out)
		if m == nil {
			return 0, fmt.Errorf("no p99")
		}
		return strconv.ParseFloat(string(m[1]), 64)
	},
}

func vegeta(t tool, url string, rate int, d time.Duration, more ...string) []string {
	attack := fmt.Sprintf(`echo "GET $1" | "$0" attack -rate=%d -duration=%s %s | "$0" report -type=json`, rate, d, strings.Join(more, " "))
	return []string{"sh", "-c", attack, t.path, url}
}

func fortio(t tool, url string, rate int, d time.Duration) []string {
	return []string{t.path, "load", "-quiet", "-qps", strconv.Itoa(rate), "-t", d.String(), "-c", "50", "-p", "50,90,99", "-json", "-", url}
}

func hey(t tool, url string, rate int, d time.Duration) []string {
	return []string{t.path, "-z", d.String(), "-c", "50", "-q", strconv.Itoa(rate / connections), url}
}

func k6(t tool, url string, rate int, d time.Duration, users int) []string {
	return []string{t.path, "run", "-q", "--no-usage-report", "-e", "TARGET=" + url, "-e", fmt.Sprintf("RATE=%d", rate), "-e", "LENGTH=" + d.String(),
		"-e", fmt.Sprintf("USERS=%d", users), t.path + ".js"}
}

// version is what the Go command stamped it with, or the number that it prints.
func (t tool) version(ctx context.Context) string {
	if info, err := buildinfo.ReadFile(t.path); err == nil {
		return info.Main.Version
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	out, _ := exec.CommandContext(ctx, t.path, t.says...).CombinedOutput() // wrk prints it and exits 1
	if v := regexp.MustCompile(`\d+\.\d+[-.+\w]*`).Find(out); v != nil {
		return string(v)
	}
	return "?"
}
