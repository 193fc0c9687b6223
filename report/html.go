package report

import (
	"bytes"
	"embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

//go:embed assets/page.tmpl assets/page.css assets/page.js assets/uplot
var assets embed.FS

var pageTemplate = template.Must(template.New("page.tmpl").Funcs(template.FuncMap{"number": Number, "unbroken": unbroken, "meaning": meaning, "slug": fileName, "tone": toneOf, "health": toneOfHealth}).
	ParseFS(assets, "assets/page.tmpl"))

// unbrokenMax is how long a word is that fits a line of a phone.
const unbrokenMax = 18

// unbroken is a headline whose short words with hyphens, names and dates, are not broken there.
func unbroken(headline string) template.HTML {
	words := strings.Split(headline, " ")
	for i, w := range words {
		words[i] = template.HTMLEscapeString(w)
		if strings.Contains(w, "-") && utf8.RuneCountInString(w) <= unbrokenMax {
			words[i] = "<span>" + words[i] + "</span>"
		}
	}
	return template.HTML(strings.Join(words, " "))
}

// asset is an embedded file; that it is there is known when the program is built.
func asset(name string) string {
	b, err := assets.ReadFile("assets/" + name)
	if err != nil {
		panic("report: " + err.Error())
	}
	return string(b)
}

// page is what the template shows.
type page struct {
	R           Report
	Charts      map[string]*Chart
	Heats       []*Chart // of each identity
	Storms      []stormView
	Capacity    *capacityView
	Health      Health
	Tally       string
	Skipped     []reason
	Failed      bool // checks that failed come first
	LoadRows    [][2]string
	LimitRows   [][2]string
	LimiterRows [][2]string
	Repeat      [][2]string
	Next        []Step
	Told        []string // whether Retry-After is true
	ToldEach    Table    // and to each identity
	Clients     Table
	Amplified   string
	Alone       string // requests that no client of the table sent
	Searched    bool   // the page has a curve to begin with
	Identified  bool   // the limiter is what the page is about
	Notes       []attack.Note
	Spec        string
	PNG         template.URL
	frame
}

// frame is what every page holds beside its words: its charts as data, what draws them, and whose that is.
type frame struct {
	Data    template.JS
	Style   template.CSS
	Lib     template.JS
	Script  template.JS
	UPlot   string
	Licence string
}

// framed is the frame of these charts, with style and scripts. All of them are ours; the data is JSON, which encoding/json
// writes without <, > and &.
func framed(charts []Chart) (frame, error) {
	f, err := unpainted(charts)
	f.Style, f.Lib, f.Script = template.CSS(pageStyle()), template.JS(asset("uplot/uPlot.iife.min.js")), template.JS(asset("page.js"))
	return f, err
}

// unpainted is the same for a page that is served with its style and scripts beside it.
func unpainted(charts []Chart) (frame, error) {
	data, err := json.Marshal(append([]Chart{}, charts...))
	return frame{Data: template.JS(data), UPlot: strings.TrimSpace(asset("uplot/VERSION")), Licence: asset("uplot/LICENSE")}, err
}

// inPage draws a picture while the rest of a page is made. What it returns is the picture as it stands in a page, "" where there is
// none, and has to be called.
func inPage(draw func(io.Writer) (bool, error)) func() (template.URL, error) {
	var png bytes.Buffer
	var drawn bool
	var err error
	var drawing sync.WaitGroup
	drawing.Go(func() { drawn, err = draw(&png) })
	return func() (template.URL, error) {
		drawing.Wait()
		if !drawn || err != nil {
			return "", err
		}
		return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(png.Bytes())), nil
	}
}

type stormView struct {
	Storm
	Chart *Chart
	As    string // the scenario whose chart shows this one too
}

type capacityView struct {
	Why  string
	Rows [][2]string
}

// HTML writes the report as one file that works without a network: it holds its charts, their script and its style, and
// asks for nothing.
func HTML(w io.Writer, r Report) error {
	picture := inPage(func(w io.Writer) (bool, error) { return CapacityPNG(w, r) })
	p, charts := layPage(r)
	var unframed, undrawn error
	p.frame, unframed = framed(charts)
	p.PNG, undrawn = picture()
	if err := errors.Join(unframed, undrawn); err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	return p.write(w)
}

// layPage is what the page of a report shows, and its charts.
func layPage(r Report) (*page, []Chart) {
	refused, storms, clients := r.refused(), r.stormViews(), r.clients()
	p := &page{R: r, Charts: map[string]*Chart{}, Health: r.Generator(), Tally: r.tallyWords(), Skipped: r.reasons(), Failed: r.Outcome() == scenarios.Fail, LoadRows: loadRows(r.Load()), LimitRows: r.limitRows(), LimiterRows: r.limiterRows(),
		Repeat: r.repeatRows(), Next: r.Next(), Told: refused.words(), ToldEach: refused.table(), Storms: storms, Clients: clientTable(clients), Amplified: amplified(clients), Alone: r.alone(clients), Capacity: viewCapacity(r.Capacity(), len(r.Trials)), Spec: indented(r.Run.Spec)}
	charts := r.charts(refused, storms)
	for _, c := range charts {
		p.Charts[c.ID] = &c
		if strings.HasPrefix(c.ID, "heat-") {
			p.Heats = append(p.Heats, &c)
		}
	}
	p.Searched, p.Identified = p.Charts["latency"] != nil, r.Limiter != nil && len(r.Storms) == 0
	p.Notes = r.allNotes()[len(r.Warnings()):]
	return p, charts
}

func (p *page) write(w io.Writer) error {
	var out bytes.Buffer
	if err := pageTemplate.Execute(&out, p); err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	_, err := w.Write(out.Bytes())
	return err
}

// pageStyle is the whole style of the page, its colours from the palette.
func pageStyle() string {
	light, dark := paletteCSS()
	return ":root{" + light + "}@media (prefers-color-scheme:dark){:root:not([data-theme=light]){" + dark + "}}[data-theme=dark]{" + dark + "}\n" +
		asset("uplot/uPlot.min.css") + "\n" + asset("page.css")
}

func toneOf(o scenarios.Outcome) Tone {
	return map[scenarios.Outcome]Tone{scenarios.Pass: Good, scenarios.Fail: Bad, scenarios.Inconclusive: Dubious}[o]
}

func toneOfHealth(o attack.CheckOutcome) Tone {
	return map[attack.CheckOutcome]Tone{attack.Healthy: Good, attack.Void: Bad, attack.Warn: Dubious}[o]
}

func (r Report) tallyWords() string {
	pass, fail, unclear := r.tally()
	s := fmt.Sprintf("%d passed, %d failed, %d could not tell", pass, fail, unclear)
	if n := len(r.Skipped()); n > 0 {
		s += fmt.Sprintf("; %d skipped, no part of the verdict", n)
	}
	return s + "."
}

// viewCapacity is the capacity row by row, each load with what its name stands for; of trials, how many of all that were made.
func viewCapacity(c *analyze.Capacity, all int) *capacityView {
	if c == nil {
		return nil
	}
	v := &capacityView{Why: sentence("The search ended because " + because(*c))}
	add := func(name, value string) { v.Rows = append(v.Rows, [2]string{name, value}) }
	for _, e := range loads(*c) {
		if e.Estimate != nil {
			add(e.name, strings.TrimSpace(Number(e.Value)+"/s  "+bracketed(interval(e.Estimate))))
		}
	}
	if words := modeWords[c.Mode]; words != "" {
		add("gives way", words)
	}
	if c.BaseMS > 0 {
		add("light load", fmt.Sprintf("mean %s, p99 %s", Latency(c.BaseMS), Latency(c.BaseP99MS)))
	}
	if c.Burst != nil {
		add("bursts", burstWords(*c.Burst))
	}
	if c.Stationary != nil {
		add("bookend", map[bool]string{true: "the overload at the end was borne as the one at the beginning", false: "the target changed while it was measured"}[*c.Stationary])
	}
	add("spent", fmt.Sprintf("%s, %s requests, %s s of load, %s s of it overload", searchTrials(c.Trials, all), count(c.Requests), Number(c.Seconds), Number(c.OverloadSeconds)))
	return v
}

// searchTrials are the trials of a search, of all those of its run: bursts and storms are none of them.
func searchTrials(n, all int) string {
	if n >= all {
		return plural(n, "trial")
	}
	return fmt.Sprintf("%s of the run's %s searched (the others sent bursts or storms)", Number(float64(n)), plural(all, "trial"))
}

// because is why a search stopped, to stand inside a sentence.
func because(c analyze.Capacity) string { return strings.TrimSuffix(why(c), ".") }

func bracketed(s string) string {
	if s == "" {
		return ""
	}
	return "(" + s + ")"
}

func loadRows(l *Load) (rows [][2]string) {
	if l == nil {
		return nil
	}
	for _, row := range []struct {
		name string
		n    int64
	}{{"due", l.Due}, {"ok", l.OK}, {"throttled", l.Throttled}, {"shed", l.Shed}, {"failed", l.Failed}, {"timeout", l.Timeout}, {"unsent", l.Unsent}} {
		rows = append(rows, [2]string{row.name, count(row.n) + " (" + Percent(share(row.n, l.Due)) + ")"})
	}
	for _, q := range []struct {
		name string
		*attack.Quantiles
	}{{"response time", l.Response}, {"service time", l.Service}, {"refusals", l.Refusal}, {"lag", l.Lag}} {
		if q.Quantiles != nil {
			v := quantiles(q.Quantiles)
			rows = append(rows, [2]string{q.name, fmt.Sprintf("p50 %s · p95 %s · p99 %s · p99.9 %s · max %s, of %s", v[0], v[1], v[2], v[3], Latency(q.Max), plural(int(q.N), "request"))})
		}
	}
	for _, class := range sortedKeys(l.Errors) {
		rows = append(rows, [2]string{"error: " + class, count(l.Errors[class])})
	}
	return rows
}

func (r Report) limitRows() (rows [][2]string) {
	if r.Limits == nil {
		return nil
	}
	rows = append(rows, [2]string{"at worst it admits", worstWords(r.Limits.Limit)})
	if r.Limits.WorstMS > 0 {
		rows = append(rows, [2]string{"worst delay", Latency(r.Limits.WorstMS) + " for the last request of a full burst at the full rate"})
	}
	if r.Limits.DrainS > 0 {
		rows = append(rows, [2]string{"full burst worked off in", Latency(r.Limits.DrainS * 1000)})
	}
	for _, name := range sortedKeys(r.Limits.Tiers) {
		rows = append(rows, [2]string{"tier " + name, tierWords(r.Limits.Tiers[name])})
	}
	return rows
}

// repeatRows are what somebody needs to make the run again.
func (r Report) repeatRows() (rows [][2]string) {
	add := func(name, value string) {
		if value != "" {
			rows = append(rows, [2]string{name, value})
		}
	}
	add("run", r.Run.ID)
	add("command", r.Run.Command)
	add("commit", r.Run.Commit)
	add("seed", fmt.Sprint(r.Run.Seed))
	add("version", r.Run.Version)
	add("target", r.Run.Target)
	if r.End != nil {
		add("ended", fmt.Sprintf("exit %d: %s", r.End.Exit, r.End.Outcome))
	}
	for _, k := range sortedKeys(r.Run.Environment) {
		add(k, r.Run.Environment[k])
	}
	return rows
}

func indented(spec json.RawMessage) string {
	var b bytes.Buffer
	if len(spec) == 0 || json.Indent(&b, spec, "", "  ") != nil {
		return ""
	}
	return b.String()
}
