package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/analyze/gate"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/attack/engine/host"
	"github.com/plimsoll-load/plimsoll/report"
)

// readBaseline reads the result of a run: a file that --save-baseline wrote, or the run's folder or journal.
func readBaseline(path string) (report.Result, error) {
	info, err := os.Stat(path)
	if err != nil {
		return report.Result{}, misuseHint("plimsoll find URL --save-baseline FILE makes one", "no baseline: %w", err)
	}
	if info.IsDir() || strings.HasSuffix(path, ".jsonl") {
		_, entries, err := readRun(path)
		if err != nil {
			return report.Result{}, err
		}
		return report.Fold(entries).Result(), nil
	}
	f, err := os.Open(path)
	if err != nil {
		return report.Result{}, misuse("read baseline: %w", err)
	}
	defer f.Close()
	r, err := report.ReadResult(f)
	if err != nil {
		return r, misuseHint("a baseline is the result.json of a run, or the run's folder", "%s: %w", path, err)
	}
	return r, nil
}

// saveResult writes a result beside its place and then moves it there.
func saveResult(path string, r report.Result) (err error) {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetIndent("", "  ")
	if err := enc.Encode(r); err != nil {
		return err
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return misuse("write the baseline: %w", err)
	}
	_, err = f.Write(text.Bytes())
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return misuse("write the baseline: %w", err)
	}
	return nil
}

// checkBaseline finds out before a search whether its result can be kept: in a place that is there, over a baseline or nothing.
func (a *app) checkBaseline() error {
	if a.baseline == "" {
		return nil
	}
	if info, err := os.Stat(filepath.Dir(a.baseline)); err != nil || !info.IsDir() {
		return misuse("--save-baseline %s: there is no folder %s", a.baseline, filepath.Dir(a.baseline))
	}
	f, err := os.Open(a.baseline)
	if err != nil {
		return nil // a new one
	}
	defer f.Close()
	if _, err := report.ReadResult(f); err != nil {
		return misuse("--save-baseline %s would overwrite what is no baseline", a.baseline)
	}
	return nil
}

// saveBaseline keeps the result of a search that was decided for gates to come. One that was not is no baseline.
func (a *app) saveBaseline(r report.Report) error {
	if a.baseline == "" {
		return nil
	}
	if c := r.Capacity(); c == nil || !c.Decided() {
		fmt.Fprintf(a.err, "no baseline was written to %s: the capacity is undecided\n", a.baseline)
		return nil
	}
	return saveResult(a.baseline, r.Result())
}

// capacityFor is what the baseline bears under a goal.
func capacityFor(base report.Result, goal analyze.Goal) (analyze.Capacity, error) {
	var known []string
	for _, c := range base.Capacities {
		switch {
		case c.Goal == goal.String() && c.Decided():
			return c, nil
		case c.Goal == goal.String():
			return c, &failure{code: exitUndecided, hint: "search again, for a capacity to gate with", err: fmt.Errorf("the baseline's capacity for %s is undecided: %s", goal, cmp.Or(c.Why, string(c.Cause)))}
		}
		known = append(known, c.Goal)
	}
	if len(known) == 0 {
		return analyze.Capacity{}, &failure{code: exitUndecided, hint: "plimsoll find URL --save-baseline FILE makes one", err: errors.New("the baseline holds no capacity")}
	}
	return analyze.Capacity{}, &failure{code: exitUndecided, hint: "gate with the baseline's goal, or search for a capacity under this one", err: fmt.Errorf("the baseline has no capacity for %s, it was searched for under %s", goal, strings.Join(known, " and "))}
}

// gateRun is what a gate looks at in a finished run; under tells its throttle from others.
func gateRun(r report.Result, under string) gate.Run {
	out := gate.Run{Capacities: r.Capacities, Checks: map[string]string{}}
	for _, v := range r.Verdicts {
		for _, c := range v.Checks {
			out.Checks[v.Scenario+" "+c.ID+under] = string(c.Outcome)
		}
	}
	return out
}

// asksTheSame refuses a target that is asked otherwise than the baseline was: what they bear could not be compared.
func (a *app) asksTheSame(w *wire, base report.Result) (notes []attack.Note, err error) {
	if a.spec.Target.Asked, err = w.mark(); err != nil {
		return nil, err
	}
	now, err := json.Marshal(a.spec.redacted())
	if err != nil {
		return nil, err
	}
	return unknownQuestion(question(base.Run.Spec), question(now)), sameQuestion(base.Run.Spec, now)
}

func sameQuestion(before, now json.RawMessage) error {
	was, is := question(before), question(now)
	var diff []string
	for _, key := range slices.Sorted(maps.Keys(union(was, is))) {
		switch {
		case was[key] == is[key]:
		case key != askedKey:
			diff = append(diff, fmt.Sprintf("%s: %s before, %s now", key, orNone(was[key]), orNone(is[key])))
		case was[key] != "" && is[key] != "":
			diff = append(diff, "the value of a query, or a body, is not what it was (no file shows it, a mark of it tells)")
		}
	}
	if len(diff) > 0 {
		return misuseHint("ask as the baseline asked, or make a new one", "the baseline was measured with another question:\n  %s", strings.Join(diff, "\n  "))
	}
	return nil
}

func orNone(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

func union(a, b map[string]string) map[string]string {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

// elsewhere are the parts of a target that say where it is, and not what is asked.
var elsewhere = []string{"connect_to", "unix_socket", "proxy", "authorized", "cert", "key", "cacert", "insecure"}

// question is what a spec asks of its target, by path, whatever host it is asked of.
func question(spec json.RawMessage) map[string]string {
	var s struct {
		Target map[string]any `json:"target"`
	}
	out := map[string]string{}
	if json.Unmarshal(spec, &s) != nil {
		return out
	}
	for _, name := range elsewhere {
		delete(s.Target, name)
	}
	flatten("target", s.Target, out)
	return out
}

func flatten(path string, v any, out map[string]string) {
	switch v := v.(type) {
	case map[string]any:
		for name, w := range v {
			flatten(path+"."+name, w, out)
		}
	case []any:
		for i, w := range v {
			flatten(path+"."+strconv.Itoa(i), w, out)
		}
	case string:
		if strings.HasSuffix(path, ".url") {
			v = withoutHost(v)
		}
		out[path] = v
	default:
		out[path] = fmt.Sprint(v)
	}
}

// withoutHost is the path and the query of a URL.
func withoutHost(text string) string {
	u, err := url.Parse(withScheme(text))
	if err != nil {
		return text
	}
	u.Scheme, u.Host, u.User = "", "", nil
	if u.Path == "" {
		u.Path = "/"
	}
	return u.String()
}

// origin is the scheme and the host of a URL that says no more.
func origin(text string) (string, error) {
	u, err := url.Parse(withScheme(text))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", misuse("--base-url %q is no URL", attack.RedactURL(text))
	}
	if u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.User != nil {
		return "", misuse("--base-url %q: give scheme and host alone, the path is the target's", attack.RedactURL(text))
	}
	return u.Scheme + "://" + u.Host, nil
}

// environment is where a run is made: what another machine may differ in.
func environment(w *wire, head string) map[string]string {
	env := map[string]string{"os": runtime.GOOS, "arch": runtime.GOARCH, "cpus": strconv.Itoa(runtime.NumCPU()), "go": runtime.Version()}
	if kernel, ok := host.Kernel(host.Root()); ok {
		env["kernel"] = kernel
	}
	if w != nil {
		if addr := w.address.Load(); addr != nil {
			env["target"] = farness(*addr)
		}
	}
	if head != "" {
		env["head"] = head
	}
	return env
}

// farness is how far away an address is.
func farness(a netip.Addr) string {
	switch {
	case a.Unmap().IsLoopback():
		return "this machine"
	case private(a) == nil:
		return "a private network"
	}
	return "a public network"
}

// compared are the parts of an environment that make another machine of it.
var compared = []string{"os", "arch", "cpus", "kernel", "go", "target"}

// differences says where the baseline was made elsewhere.
func differences(was, is map[string]string) []attack.Note {
	var diff []string
	for _, key := range compared {
		if was[key] != "" && is[key] != "" && was[key] != is[key] {
			diff = append(diff, fmt.Sprintf("%s %s, not %s", key, is[key], was[key]))
		}
	}
	if len(diff) == 0 {
		return nil
	}
	return []attack.Note{{Code: "other-machine", Text: "the baseline was made elsewhere: " + strings.Join(diff, "; ")}}
}

// A machine that is busy while nothing is sent cannot gate: at least so much of it must be idle over so long, in one of so
// many looks. What ran before may still be tidying up.
const (
	idleLeast = .7
	idleLong  = time.Second
	idleLooks = 5
)

// busyMachine says that something else keeps the machine busy, "" where it does not or nobody can tell.
func busyMachine(ctx context.Context) (why string) {
	for range idleLooks {
		if why = busyNow(ctx); why == "" {
			return ""
		}
	}
	return why
}

func busyNow(ctx context.Context) string {
	root := host.Root()
	idle, total := host.CPU(root)
	if total == 0 {
		return ""
	}
	timer := time.NewTimer(idleLong)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ""
	case <-timer.C:
	}
	idleNow, totalNow := host.CPU(root)
	if free := float64(idleNow-idle) / float64(max(1, totalNow-total)); free < idleLeast {
		return fmt.Sprintf("the machine is %.0f%% idle while nothing is sent, want at least %.0f%%", 100*free, 100*idleLeast)
	}
	return ""
}
