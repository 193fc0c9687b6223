package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/analyze/history"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/report"
)

// historyFlags are what a look at past runs is asked for.
type historyFlags struct {
	dir    string
	least  string // smallest change
	format string // what is printed
}

func (f *historyFlags) bind(fs *pflag.FlagSet) {
	fs.StringVar(&f.dir, "history", f.dir, "tell from all results below this `folder` when the service changed; blocks nothing")
	fs.StringVar(&f.least, "min-change", f.least, "smallest change that --history tells of")
	fs.StringVar(&f.format, "format", f.format, "what --history prints: text, json, or csv as Apache Otava reads it")
}

// historyUses are the flags that a look at past runs has a use for.
var historyUses = []string{"history", "min-change", "format", "out", "json", "quiet", "seed", "name", "commit", "help"}

// given tells whether any flag is among these that only a look at past runs has a use for.
func (f historyFlags) given(names []string) bool {
	return slices.Contains(names, "min-change") || slices.Contains(names, "format")
}

// check wants --history, and nothing beside it that it has no use for. Only flags that were given count: the environment may hold
// what is for other commands.
func (f historyFlags) check(args, given []string) error {
	if f.dir == "" {
		return misuse("--min-change and --format are for --history")
	}
	if len(args) > 0 {
		return misuseHint("example: plimsoll gate --history plimsoll-runs --out public", "gate --history DIR wants no arguments, got %d", len(args))
	}
	for _, name := range given {
		if !slices.Contains(historyUses, name) {
			return misuse("--history looks at past runs: it has no use for --%s", name)
		}
	}
	return nil
}

// historyOf tells what the results below a folder tell.
func (a *app) historyOf(f historyFlags) error {
	least, err := analyze.ParsePercent(f.least)
	if err != nil || least < 0 || least > .5 {
		return misuse("--min-change %q, want a percentage of at most 50%%", f.least)
	}
	if a.json && f.format == "text" {
		f.format = "json"
	}
	printers := map[string]func(io.Writer, report.Past) error{"text": report.HistoryText, "json": report.HistoryJSON, "csv": a.oneTable}
	if printers[f.format] == nil || a.json && f.format != "json" {
		return misuse("--format %q, want one of text, json, csv", f.format)
	}
	found, notes, err := readHistory(f.dir)
	if err != nil {
		return err
	}
	past := report.NewPast(a.services(found, history.Options{Least: least, Seed: cmp.Or(a.spec.Seed, 1)}), notes, version())
	if a.spec.Out != "" {
		if err := report.WriteHistory(a.spec.Out, past); err != nil {
			return misuse("--out: %w", err)
		}
	}
	if err := printers[f.format](a.out, past); err != nil {
		return err
	}
	if a.spec.Out != "" && !a.quiet {
		fmt.Fprintf(a.err, "report: %s\n", filepath.Join(a.spec.Out, "history.html"))
	}
	if !slices.ContainsFunc(past.Services, func(s report.Service) bool { return s.Enough() }) {
		return tooFew(past, f.dir)
	}
	return nil
}

// tooFew says how many runs are wanted.
func tooFew(past report.Past, dir string) error {
	most := 0
	for _, s := range past.Services {
		most = max(most, s.Most())
	}
	return &failure{code: exitUndecided, hint: "each run of plimsoll find, with --out or in plimsoll-runs, adds one; --name joins runs whose port is another each time",
		err: fmt.Errorf("too few runs below %s to tell of a change: %d of one service, want %d", dir, most, history.Needed())}
}

// oneTable is the metrics of one service, those that every run has.
func (a *app) oneTable(w io.Writer, p report.Past) error {
	if len(p.Services) != 1 {
		var names []string
		for _, s := range p.Services {
			names = append(names, s.Name)
		}
		return misuseHint("--name chooses one of them, --out writes a file for each", "--format csv wants the runs of one service, there are %d: %s", len(names), orNone(strings.Join(names, ", ")))
	}
	whole, partial := p.Services[0].Complete()
	for _, m := range partial {
		fmt.Fprintf(a.err, "%s is left out: %s have none (--out writes it in a file of its own)\n", m.Name, attack.Plural(len(p.Services[0].Runs)-len(m.Points), "run"))
	}
	return report.HistoryCSV(w, p.Services[0], whole)
}

// readHistory reads every result below a folder, each run once: the folders of runs, and files of results such as baselines.
// What is damaged is noted, what is none of ours is passed over.
func readHistory(dir string) (found []report.Result, notes []attack.Note, err error) {
	root, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, nil, misuse("--history: %w", err)
	}
	if info, err := os.Stat(root); err != nil || !info.IsDir() {
		return nil, nil, misuse("--history %s: not a folder", dir)
	}
	seen := map[string]bool{}
	note := func(path, why string) {
		notes = append(notes, attack.Note{Code: "unread", Text: fmt.Sprintf("%s was left out: %s", path, why)})
	}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			note(path, err.Error())
			return nil
		}
		r, ours, err := readPast(path, d)
		switch {
		case err != nil:
			note(path, err.Error())
		case !ours:
		case r.Run.Began == nil:
			note(path, "it does not say when it began")
		case !seen[r.Run.ID+r.Run.Target]:
			seen[r.Run.ID+r.Run.Target] = true
			found = append(found, r)
		}
		return nil
	})
	return found, notes, err
}

// pastMost bounds a file that is looked into.
const pastMost = 256 << 20

// readPast reads a file if it is a result, or the journal of a run whose result was not written.
func readPast(path string, d fs.DirEntry) (r report.Result, ours bool, err error) {
	journal := d.Name() == journalName
	if !d.Type().IsRegular() || !journal && filepath.Ext(path) != ".json" {
		return r, false, nil
	}
	if journal {
		if _, err := os.Stat(filepath.Join(filepath.Dir(path), "result.json")); err == nil {
			return r, false, nil
		}
		r, err = readBaseline(path)
		return r, true, err
	}
	if info, err := d.Info(); err != nil || info.Size() > pastMost {
		return r, false, err
	}
	text, err := os.ReadFile(path)
	if err != nil || !bytes.Contains(text, []byte(report.ResultVersion)) {
		return r, false, err
	}
	r, err = report.ReadResult(bytes.NewReader(text))
	return r, true, err
}

// services sorts results by what they measured: runs of the same name that asked the same question. Demos and gates are none. A
// run without a name is called by its host and port: --name joins runs of a service whose port is another each time.
func (a *app) services(found []report.Result, o history.Options) []report.Service {
	type group struct {
		name    string
		results []report.Result
	}
	groups := map[string]*group{}
	for _, r := range found {
		name := r.Run.Title
		if r.Lab != nil || r.Run.Command == "gate" || len(r.Capacities)+len(r.Verdicts) == 0 || a.spec.Name != "" && a.spec.Name != name {
			continue
		}
		key := name + "\n" + asked(r.Run.Spec)
		if groups[key] == nil {
			groups[key] = &group{name: name}
		}
		groups[key].results = append(groups[key].results, r)
	}
	out := []report.Service{}
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		g := groups[key]
		slices.SortStableFunc(g.results, func(a, b report.Result) int { return a.Run.Began.Compare(*b.Run.Began) })
		var runs []history.Run
		under := throttles(g.results)
		for _, r := range g.results {
			runs = append(runs, pastRun(r, under(r)))
		}
		out = append(out, report.Service{Name: g.name, Target: g.results[len(runs)-1].Run.Target, History: history.Of(runs, o)})
	}
	return out
}

// asked is the question of a spec in one text.
func asked(spec json.RawMessage) string {
	q := question(spec)
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(q)) {
		fmt.Fprintf(&b, "%s=%s\n", key, q[key])
	}
	return b.String()
}

// pastRun is what a history looks at in a finished run; under tells its throttle from others.
func pastRun(r report.Result, under string) history.Run {
	g := gateRun(r, under)
	env := maps.Clone(r.Run.Environment)
	if env == nil {
		env = map[string]string{}
	}
	delete(env, "head")
	env["plimsoll"] = r.Run.Version
	return history.Run{Place: history.Place{ID: r.Run.ID, Commit: r.Run.Commit, Began: *r.Run.Began}, Capacities: g.Capacities, Checks: g.Checks, Environment: env}
}
