package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/limits/export"
	"github.com/plimsoll-load/plimsoll/report"
)

// exporting is what the flags of export say beside the limits.
type exporting struct {
	to      []string
	check   string // file to hold against the limits
	force   bool
	policy  export.Policy
	region  attack.Rate
	metrics []string
}

func (a *app) exportCmd() *cobra.Command {
	var x exporting
	c := &cobra.Command{Use: "export [RUN]", GroupID: "limit", Short: "Write limits as a gateway's configuration, alarms, pages",
		Long: "Write the limits of a run, or given ones, as configuration: for gateways, for monitoring, for those who are limited. Each file says\n" +
			"how its platform departs from a token bucket, and ends with the command that proves it. With --check, read a deployed file and say\n" +
			"whether its limits are still those (exit 1 if they drifted). --to list lists the formats.",
		Example: "  plimsoll export plimsoll-runs/20260102-150405-checkout --to nginx\n  plimsoll export --limit 1400/s --burst 700 --tier gold=50% --to cloudformation,prometheus --out deploy/\n  plimsoll export --check /etc/nginx/conf.d/limits.conf --limits limits.json",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				return misuse("export takes one run at most, got %d arguments", len(args))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return a.export(x, args) }}
	fs, v := c.Flags(), &a.spec.Verify
	fs.StringSliceVar(&x.to, "to", nil, "formats to write, separated by commas; list lists them, all writes all")
	fs.StringVar(&a.spec.Out, "out", "", "`file`, or folder for several formats (default standard output)")
	fs.BoolVar(&x.force, "force", false, "overwrite files")
	fs.StringVar(&x.check, "check", "", "read this deployed `file` and say whether its limits are the given ones")
	fs.StringVar(&v.Limit, "limit", v.Limit, "the rate to enforce, instead of a run's: 2000/s, 100/2s")
	fs.Var((*burst)(&v.Burst), "burst", "most requests admitted at once from rest")
	fs.StringVar(&v.Limits, "limits", v.Limits, "take the limits from a limits.json `file`, or the folder of a run")
	fs.StringArrayVar(&a.spec.Limits.Tiers, "tier", a.spec.Limits.Tiers, "with --limit: consumer tier, `name=share[,quota/period]`: gold=50%,1M/day; repeatable")
	fs.StringVar(&a.spec.Name, "name", a.spec.Name, "what the files call the service (default the run's name, or service)")
	fs.StringVar(&x.policy.URL, "url", "", "where the limited service is reached, for the command that proves it")
	fs.StringVar(&v.KeyHeader, "key-header", v.KeyHeader, "header that tells consumers apart")
	fs.IntVar(&x.policy.Replicas, "replicas", 1, "gateway processes that count for themselves: the numbers are divided among them")
	fs.Var(&x.region, "region-rate", "what the cloud account allows in its Region (default API Gateway's 10000/s)")
	fs.IntVar(&x.policy.Region.Burst, "region-burst", 0, "the same for the burst (default API Gateway's 5000)")
	sources, _ := export.MetricSources()
	fs.StringArrayVar(&x.metrics, "metrics", nil, "series that tell of the service, for alarms and dashboards: "+strings.Join(sources, ", ")+
		"; and `key=value`: select, requests, refused, duration, served, window, for; repeatable")
	a.goalFlags(fs)
	return c
}

func (a *app) export(x exporting, args []string) error {
	if slices.Contains(x.to, "list") {
		return listFormats(a.out)
	}
	if x.check == "" && len(x.to) == 0 {
		return misuseHint("--to list lists the formats", "what to write? give --to FORMAT, or --check FILE")
	}
	if x.check != "" && (a.spec.Out != "" || x.force) {
		return misuse("--check only reads: --out and --force go with --to")
	}
	formats, err := formatsNamed(x.to)
	if err != nil {
		return err
	}
	policy, err := a.exportPolicy(x, args)
	if err != nil {
		return err
	}
	if err := policy.Validate(); err != nil {
		return misuse("%w", err)
	}
	if x.check != "" {
		return a.checkDrift(x.check, formats, policy)
	}
	files, err := rendered(formats, policy)
	if err != nil {
		return err
	}
	if err := a.writeExports(files, x.force); err != nil {
		return err
	}
	return a.explainExports(formats, policy)
}

func listFormats(w io.Writer) error {
	group := export.Group("")
	for _, f := range export.Formats() {
		if f.Group != group {
			group = f.Group
			fmt.Fprintf(w, "%s:\n", group)
		}
		checked := "unchecked"
		if f.Checker != "" {
			checked = "checked with " + f.Checker
		}
		if f.Read != nil {
			checked += ", --check reads it"
		}
		if _, err := fmt.Fprintf(w, "  %-20s %s (%s)\n", f.Name, f.Title, checked); err != nil {
			return err
		}
	}
	return nil
}

func formatsNamed(names []string) (found []export.Format, err error) {
	if slices.Equal(names, []string{"all"}) {
		return export.Formats(), nil
	}
	var known []string
	for _, f := range export.Formats() {
		known = append(known, f.Name)
	}
	for _, name := range names {
		f, ok := export.Lookup(name)
		if !ok {
			if near := nearest(name, known); near != "" {
				return nil, misuse("--to %q is no format, did you mean %s?", name, near)
			}
			return nil, misuseHint("--to list lists them", "--to %q is no format", name)
		}
		found = append(found, f)
	}
	return found, nil
}

// exportPolicy is what is to be written, from a run, a file or flags.
func (a *app) exportPolicy(x exporting, args []string) (export.Policy, error) {
	r, from, err := a.limitsToExport(args)
	if err != nil {
		return export.Policy{}, err
	}
	name := a.spec.Name
	if name == "" {
		name = serviceName(from.Run.Title)
	}
	p := export.FromRecommendation(name, r)
	p.URL, p.Replicas, p.KeyHeader = x.policy.URL, x.policy.Replicas, a.spec.Verify.KeyHeader
	p.Region = limits.Limit{Rate: float64(x.region), Burst: x.policy.Region.Burst}
	for _, word := range x.metrics {
		if err := p.Metrics.Set(word); err != nil {
			return p, misuse("--metrics: %w", err)
		}
	}
	if p.Replicas < 1 {
		return p, misuse("--replicas %d, want at least 1", p.Replicas)
	}
	if len(from.Capacities) > 0 {
		p.P99MS = from.Capacities[0].BaseP99MS
	}
	goal, err := a.goal()
	if len(goal.Latency) > 0 {
		p.GoalMS = 0 // the run's gives way to the given one
	}
	for _, b := range goal.Latency {
		if ms := attack.MS(b.Max); b.Quantile >= 0.9 && (p.GoalMS == 0 || ms < p.GoalMS) {
			p.GoalMS = ms
		}
	}
	return p, err
}

// limitsToExport are the limits and, where they come from a run, its report.
func (a *app) limitsToExport(args []string) (r limits.Recommendation, from report.Report, err error) {
	v := a.spec.Verify
	given := v.Limit != "" || v.Limits != ""
	switch {
	case given && len(args) > 0:
		return r, from, misuse("a run and --limit or --limits exclude one another")
	case !given && v.Burst != 0:
		return r, from, misuse("--burst goes with --limit: a run has a burst of its own")
	case !given:
		return a.limitsOfRun(args)
	case len(a.spec.Limits.Tiers) > 0 && v.Limits != "":
		return r, from, misuse("--tier and --limits exclude one another: the tiers stand in %s", v.Limits)
	}
	l, err := a.verifyLimit()
	if err != nil {
		return r, from, err
	}
	if v.Limits != "" {
		r, err = readRecommendation(v.Limits)
		return r, from, err
	}
	policy, err := a.policy(analyze.Goal{})
	if err != nil {
		return r, from, err
	}
	if r, err = limits.Split(l, policy.Tiers); err != nil {
		return r, from, misuse("--tier: %w", err)
	}
	return r, from, nil
}

// limitsOfRun are those of the named run, or of the latest.
func (a *app) limitsOfRun(args []string) (r limits.Recommendation, from report.Report, err error) {
	if len(a.spec.Limits.Tiers) > 0 {
		return r, from, misuseHint("plimsoll advise RUN --tier name=share splits a run's limits", "--tier goes with --limit")
	}
	path := ""
	if len(args) == 1 {
		path = args[0]
	} else if path, err = latestRun(); err != nil {
		return r, from, err
	}
	dir, entries, err := readRun(path)
	if err != nil {
		return r, from, err
	}
	if from = report.Fold(entries); from.Limits == nil && does[from.Command()] != "" {
		return r, from, noCapacity(dir, from)
	}
	if from.Limits == nil {
		return r, from, misuseHint("plimsoll advise "+dir+" makes them, or give --limit and --burst", "%s holds no limits", dir)
	}
	if err := editedLimits(dir, from.Limits); err != nil {
		path := filepath.Join(dir, limitsName)
		return r, from, misuseHint("--limits "+path+" exports what stands there; plimsoll advise "+dir+" --overwrite makes it anew", "%s was edited by hand, and the run says otherwise", path)
	}
	return *from.Limits, from, nil
}

var notInName = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// serviceName makes a name that every format bears from a run's title.
func serviceName(title string) string {
	name := strings.Trim(notInName.ReplaceAllString(title, "-"), "-._")
	if len(name) > 40 {
		name = strings.Trim(name[:40], "-._")
	}
	if name == "" {
		return "service"
	}
	return name
}

// exportFile is a file as it will be written.
type exportFile struct {
	format export.Format
	text   string
}

func rendered(formats []export.Format, p export.Policy) (files []exportFile, err error) {
	for _, f := range formats {
		var b strings.Builder
		if err := f.Write(&b, p); err != nil {
			return nil, misuse("--to %s: %w", f.Name, err)
		}
		files = append(files, exportFile{f, b.String()})
	}
	return files, nil
}

// writeExports writes files to standard output, to the file that --out names, or into the folder that it names.
func (a *app) writeExports(files []exportFile, force bool) error {
	out := a.spec.Out
	if out == "" && len(files) > 1 {
		return misuse("%d formats do not fit on standard output: give --out DIR", len(files))
	}
	if out == "" {
		_, err := io.WriteString(a.out, files[0].text)
		return err
	}
	info, err := os.Stat(out)
	folder := len(files) > 1 || strings.HasSuffix(out, "/") || err == nil && info.IsDir()
	paths := map[string]string{}
	for _, f := range files {
		if len(files) > 1 {
			if err := folderNamed(out, filepath.Ext(f.format.File)); err != nil {
				return err
			}
		}
		path := out
		if folder {
			path = filepath.Join(out, f.format.File)
		}
		if _, twice := paths[path]; twice {
			return misuse("--out: two formats write %s: export them one by one", path)
		}
		if err := mayWrite(path, force); err != nil {
			return err
		}
		paths[path] = f.text
	}
	if folder {
		if err := os.MkdirAll(out, 0o755); err != nil {
			return misuse("--out: %w", err)
		}
	}
	if err := writeAll(paths); err != nil {
		return misuse("--out: %w", err)
	}
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		fmt.Fprintln(a.err, "wrote", path)
	}
	return nil
}

// mayWrite is whether a file may be put at path: none is there, or --force replaces it. What is no file is never replaced,
// and a link is not followed to what it names.
func mayWrite(path string, force bool) error {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return nil // writing tells what else is wrong
	case !info.Mode().IsRegular():
		return misuse("--out: %s is no regular file, and nothing is written over it", path)
	case !force:
		return misuseHint("--force overwrites", "--out: %s exists", path)
	}
	return nil
}

// writeAll writes all files beside their places first, and then moves them there: a full disk leaves none half-written.
func writeAll(paths map[string]string) (err error) {
	moves := map[string]string{}
	defer func() {
		for from := range moves {
			_ = os.Remove(from) // gone if it was moved
		}
	}()
	for path, text := range paths {
		f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
		if err != nil {
			return err
		}
		moves[f.Name()] = path
		_, err = f.WriteString(text)
		if err = errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
			return err
		}
	}
	for from, path := range moves {
		if err := os.Rename(from, path); err != nil {
			return err
		}
	}
	return nil
}

// explainExports tells people how each platform departs from what was asked, and what proves it.
func (a *app) explainExports(formats []export.Format, p export.Policy) error {
	for _, f := range formats {
		deltas, err := f.Departures(p)
		if err != nil {
			return err
		}
		if len(deltas) > 0 {
			fmt.Fprintf(a.err, "how %s differs from a token bucket:\n", f.Name)
		}
		for _, d := range deltas {
			mark := "-"
			if d.Corrected {
				mark = "+" // made up for in the numbers
			}
			fmt.Fprintf(a.err, "  %s %s\n", mark, d.Text)
		}
		proof, err := f.Verify(p)
		if err != nil {
			return err
		}
		fmt.Fprintln(a.err, "prove it:", proof)
		if err := a.explainKeys(f, p); err != nil {
			return err
		}
	}
	return nil
}

// explainKeys tells where each platform takes the tiers of keys from, and what proves the tiers.
func (a *app) explainKeys(f export.Format, p export.Policy) error {
	proof, err := f.VerifyTiers(p)
	if err != nil || proof == "" {
		return err
	}
	if k := f.Keys; k.Path != "" {
		fmt.Fprintf(a.err, "before %s starts, make %s%s: a line for each key, %s\n", f.Name, k.Path, k.Place, fmt.Sprintf(k.Line, export.Ident(p.Tiers[0].Name)))
	}
	_, err = fmt.Fprintf(a.err, "prove the tiers: %s\n  keys.yml is a list of consumers: - {name: ann, secret: \"${ANNS_KEY}\", tier: %s}\n", proof, p.Tiers[0].Name)
	return err
}
