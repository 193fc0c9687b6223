package export_test

import (
	"bytes"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/limits/export"
)

func gateways() (all []export.Format) {
	for _, f := range export.Formats() {
		if f.Group == export.Gateway {
			all = append(all, f)
		}
	}
	return all
}

// numbers are read back from the formats that have no Read, by words that stand before them: the rate and burst of the
// whole limit, then those of each tier in order.
var numbers = map[string]struct{ rate, burst *regexp.Regexp }{
	"go":             {regexp.MustCompile(`Rate: ([0-9.]+)`), regexp.MustCompile(`Burst: ([0-9]+)`)},
	"terraform":      {regexp.MustCompile(`rate_limit += ([0-9.]+)`), regexp.MustCompile(`burst_limit += ([0-9]+)`)},
	"terraform-http": {regexp.MustCompile(`rate_limit += ([0-9.]+)`), regexp.MustCompile(`burst_limit += ([0-9]+)`)},
	"aws-cli":        {regexp.MustCompile(`rateLimit(?:,value)?=([0-9.]+)'?,?`), regexp.MustCompile(`burstLimit(?:,value)?=([0-9]+)`)},
}

// readBack gives the limits in a file by name, in the words of Found.
func readBack(t testing.TB, f export.Format, text string, names []string) map[string]limits.Limit {
	t.Helper()
	got := map[string]limits.Limit{}
	if f.Read != nil {
		found, err := f.Read(strings.NewReader(text))
		if err != nil {
			t.Fatalf("%s: %v\n%s", f.Name, err, text)
		}
		for _, l := range found {
			if !l.Ours || l.Flaw != "" {
				t.Errorf("%s: found %+v, which is none of ours or does not limit", f.Name, l)
			}
			got[l.Name] = l.Limit
		}
		return got
	}
	words, ok := numbers[f.Name]
	if !ok {
		t.Fatalf("%s: neither a Read nor a row in numbers tells how to read it back", f.Name)
	}
	rates, bursts := words.rate.FindAllStringSubmatch(text, -1), words.burst.FindAllStringSubmatch(text, -1)
	if len(rates) != len(names) || len(bursts) != len(names) {
		t.Fatalf("%s: %d rates and %d bursts for %d limits", f.Name, len(rates), len(bursts), len(names))
	}
	for i, name := range names {
		rate, err := strconv.ParseFloat(rates[i][1], 64)
		if err != nil {
			t.Fatal(err)
		}
		burst, err := strconv.Atoi(bursts[i][1])
		if err != nil {
			t.Fatal(err)
		}
		got[name] = limits.Limit{Rate: rate, Burst: burst}
	}
	return got
}

// survive holds what is read back from a format's file against what it says it holds.
func survive(t testing.TB, f export.Format, p export.Policy) {
	t.Helper()
	held, err := f.Held(p)
	if err != nil {
		return // it cannot hold this policy, and says so
	}
	var b bytes.Buffer
	if err := f.Write(&b, p); err != nil {
		t.Fatalf("%s: %v", f.Name, err)
	}
	want, names := map[string]limits.Limit{export.Total: held.Limit}, []string{export.Total}
	if !f.NoTiers {
		for _, tier := range held.Tiers {
			want[export.Ident(tier.Name)] = tier.Limit
			names = append(names, export.Ident(tier.Name))
		}
	}
	got := readBack(t, f, b.String(), names)
	for _, name := range names {
		g, ok := got[name]
		if w := want[name]; !ok || g.Burst != w.Burst || math.Abs(g.Rate-w.Rate) > 1e-6*w.Rate {
			t.Errorf("%s: %s reads back as %+v, want %+v of %+v\n%s", f.Name, name, g, w, p, b.String())
		}
	}
	if len(got) != len(names) {
		t.Errorf("%s: %d limits in the file, want %d: %v", f.Name, len(got), len(names), got)
	}
}

func TestNumbersSurvive(t *testing.T) {
	for _, f := range gateways() {
		t.Run(f.Name, func(t *testing.T) {
			survive(t, f, sample())
			rapid.Check(t, func(r *rapid.T) {
				draw := func(label string) limits.Limit {
					return limits.Limit{Rate: math.Round(math.Pow(10, rapid.Float64Range(-1, 5).Draw(r, label+" rate"))*100) / 100, Burst: rapid.IntRange(1, 50_000).Draw(r, label+" burst")}
				}
				p := sample()
				p.Limit, p.Replicas = draw("whole"), rapid.IntRange(1, 7).Draw(r, "replicas")
				for i := range p.Tiers {
					p.Tiers[i].Limit = draw(p.Tiers[i].Name)
				}
				p.Tiers = p.Tiers[:rapid.IntRange(0, len(p.Tiers)).Draw(r, "tiers")]
				survive(t, f, p)
			})
		})
	}
}

// What a platform holds is never more than what was asked, in all its replicas together.
func TestCorrectionsNeverLoosen(t *testing.T) {
	for _, f := range gateways() {
		rapid.Check(t, func(r *rapid.T) {
			p := sample()
			p.Limit = limits.Limit{Rate: rapid.Float64Range(0.1, 1e5).Draw(r, "rate"), Burst: rapid.IntRange(1, 50_000).Draw(r, "burst")}
			p.Replicas = rapid.IntRange(1, 9).Draw(r, "replicas")
			held, err := f.Held(p)
			if err != nil {
				return
			}
			n := 1
			if f.PerProcess {
				n = p.Replicas
			}
			if all := held.Rate * float64(n); all > p.Rate*(1+1e-9)+1e-8*float64(n) { // floorTo forgives that much of a step
				t.Errorf("%s: %v/s asked, %d replicas hold %v/s", f.Name, p.Rate, n, all)
			}
			if all := held.Burst * n; all > p.Burst && !f.LooserBurst {
				t.Errorf("%s: a burst of %d asked, %d replicas hold %d", f.Name, p.Burst, n, all)
			}
		})
	}
}

var hostile = []string{
	"", " ", "a\nb", "a\r\nb", `a"b`, `a'b`, "a`b", "a$b", "${x}", "%{x}", "a;b", "a{b", "a}b", "a#b", "a\\b", "a:b", "- a", "a: b", "!Ref x", "*x", "&x", "<b>", "a|b", "a>b",
	"$(id)", "a&b", "a\x00b", "a\u2028b", "a\u0085b", "é", "{{.}}", "a,b", "a/b", "../x", "-x", ".x", "a=b", "a*b", "total", "TOTAL", strings.Repeat("x", 41), "\xff",
}

func TestHostileNamesAreRefused(t *testing.T) {
	for _, f := range export.Formats() {
		for _, name := range hostile {
			plant := map[string]func(p *export.Policy){
				"service": func(p *export.Policy) { p.Service = name },
				"tier":    func(p *export.Policy) { p.Tiers[0].Name = name },
				"header":  func(p *export.Policy) { p.KeyHeader = name + "_" },
				"url":     func(p *export.Policy) { p.URL = "http://x/?" + name },
				"period":  func(p *export.Policy) { p.Tiers[0].Period = name },
			}
			for where, bad := range plant {
				if where == "service" && strings.EqualFold(name, "total") {
					continue
				}
				p := sample()
				bad(&p)
				var b bytes.Buffer
				if err := f.Write(&b, p); err == nil || b.Len() > 0 {
					t.Errorf("%s: the %s %q was not refused (%v), %d bytes were written", f.Name, where, name, err, b.Len())
				}
			}
		}
	}
}

// Names that some grammar takes for something else come back as they went in.
func TestOddNamesSurvive(t *testing.T) {
	for _, f := range gateways() {
		for _, name := range []string{"null", "1e3", "yes", "a b", "x-1.y_z", "default", "0", "0x1", "Gold", "plimsoll", strings.Repeat("x", 40), "hostnames", "include", "volatile"} {
			p := sample()
			p.Tiers[1].Name, p.Service = name, name
			survive(t, f, p)
		}
		p := sample()
		p.Tiers[1].Name = "BASIC"
		if err := f.Write(&bytes.Buffer{}, p); err == nil {
			t.Errorf("%s: tiers basic and BASIC were not refused", f.Name)
		}
	}
}

// A sentence never leaves its comment.
func TestSentencesStayInComments(t *testing.T) {
	for _, f := range gateways() {
		p := sample()
		plain := write(t, f, p)
		p.Because = append(p.Because, "first EVIL\nEVIL;\r\nEVIL: {{.}} */ EVIL --> \u2028EVIL \u0085EVIL \x00EVIL ${EVIL} $(EVIL) `EVIL` \"EVIL' \xffEVIL %s "+strings.Repeat("EVIL ", 50))
		got := write(t, f, p)
		for i, line := range strings.Split(got, "\n") {
			if at := strings.Index(line, "EVIL"); at >= 0 && !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "//") {
				t.Errorf("%s:%d: outside of a comment: %s", f.Name, i+1, line)
			}
		}
		var rest []string
		for line := range strings.SplitSeq(got, "\n") {
			if !strings.Contains(line, "EVIL") {
				rest = append(rest, line)
			}
		}
		if strings.Join(rest, "\n") != plain {
			t.Errorf("%s: a sentence changed more than its lines", f.Name)
		}
	}
}

// Each format is written, read and held against the limits again: the same ones hold, others are drift.
func TestDrift(t *testing.T) {
	for _, f := range gateways() {
		if f.Read == nil {
			continue
		}
		p := sample()
		text := write(t, f, p)
		found, err := f.Read(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		check := func(what string, p export.Policy, found []export.Found, want int) {
			drifts, err := f.Drift(found, p)
			if err != nil {
				t.Fatal(err)
			}
			if len(drifts) != want {
				t.Errorf("%s: %s: %d drifts, want %d: %q", f.Name, what, len(drifts), want, drifts)
			}
		}
		check("as written", p, found, 0)
		check("an empty file", p, nil, len(found))
		other := sample()
		other.Rate = 1200
		check("another rate", other, found, 1)
		other = sample()
		other.Burst = 699
		if held, err := f.Held(other); err == nil && held.Burst == 699 { // the platform knows a burst
			check("another burst", other, found, 1)
		}
		if !f.NoTiers {
			other = sample()
			other.Tiers = other.Tiers[:1]
			check("a tier too many", other, found, 1)
			other = sample()
			other.Tiers[0].Rate = 300
			check("another tier", other, found, 1)
		}
		flawed := append([]export.Found(nil), found...)
		flawed[0].Flaw = "it is asleep"
		check("a limit that does not limit", p, flawed, 1)
		stranger := export.Found{Name: "login", Limit: limits.Limit{Rate: 5, Burst: 5}}
		check("a limit of somebody else", p, append(found, stranger), 0)
	}
}

func FuzzRead(f *testing.F) {
	for _, format := range gateways() {
		if format.Read != nil {
			var b bytes.Buffer
			if err := format.Write(&b, sample()); err != nil {
				f.Fatal(err)
			}
			f.Add(b.String())
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, format := range gateways() {
			if format.Read == nil {
				continue
			}
			found, err := format.Read(strings.NewReader(text))
			if err != nil {
				continue
			}
			for _, l := range found {
				if l.Limit.Burst < 0 || !(l.Limit.Rate >= 0) || strings.ContainsAny(l.Name+l.Flaw, "\n\r\x1b") {
					t.Errorf("%s: read %+v", format.Name, l)
				}
			}
		}
	})
}
