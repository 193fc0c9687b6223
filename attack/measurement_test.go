package attack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// shares are measurements of one trial whose sums hold.
func shares() *rapid.Generator[[]Measurement] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Measurement {
		m := Measurement{Trial: Trial{N: 4, Phase: "ramp"}, Took: time.Duration(rapid.Int64Range(0, 1e9).Draw(t, "took")), Settled: rapid.Bool().Draw(t, "settled")}
		for at := range rapid.IntRange(0, 3).Draw(t, "windows") {
			for actor := range rapid.IntRange(1, 2).Draw(t, "actors") {
				w := Window{Actor: actor, At: time.Duration(at) * time.Second, Len: time.Second, Statuses: map[int]int64{200: 1}, Errors: map[string]int64{"eof": 1}}
				for o := range outcomes {
					*w.Of(o) = rapid.Int64Range(0, 4).Draw(t, o.String())
					w.Due += *w.Of(o)
				}
				for range w.OK + w.Timeout {
					w.Response.Record(time.Duration(rapid.Int64Range(1e3, 1e9).Draw(t, "response")))
				}
				m.Windows = append(m.Windows, w)
			}
		}
		for range rapid.IntRange(0, 3).Draw(t, "ticks") {
			m.Ticks = append(m.Ticks, Tick{Due: rapid.Int64Range(0, 9).Draw(t, "due"), InFlight: 1})
		}
		for seq := range rapid.Int64Range(0, 3).Draw(t, "log") {
			m.Log = append(m.Log, Attempt{Seq: seq, Sent: time.Duration(rapid.Int64Range(0, 5).Draw(t, "sent")), Status: rapid.IntRange(200, 203).Draw(t, "status")})
		}
		if rapid.Bool().Draw(t, "aborted") {
			m.Aborted = &Abort{At: time.Duration(rapid.Int64Range(0, 3).Draw(t, "at")), Reason: Reason(rapid.SampledFrom([]string{"errors", "backlog"}).Draw(t, "reason"))}
		}
		for range rapid.IntRange(0, 3).Draw(t, "sights") {
			m.Sights = append(m.Sights, Sight{At: time.Duration(rapid.Int64Range(-2, 2).Draw(t, "seen")), Name: rapid.SampledFrom([]string{SightHealth, SightBackend}).Draw(t, "name"),
				OK: rapid.Bool().Draw(t, "fine"), Value: float64(rapid.IntRange(0, 2).Draw(t, "value"))})
		}
		m.Checks = append(m.Checks, SelfCheck{Name: "lag", Outcome: rapid.SampledFrom([]CheckOutcome{Healthy, Warn, Void}).Draw(t, "check")})
		return m
	}), 1, 5)
}

func TestMergeIsExactAndOrderFree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := shares().Draw(t, "shares")
		want, _ := json.Marshal(Merge(in...))
		var due int64
		for _, m := range in {
			due += m.All().Due
		}
		if got := Merge(in...); got.All().Due != due || got.Check() != nil {
			t.Fatalf("merged %d due (%v), the shares had %d", got.All().Due, got.Check(), due)
		}
		rand.New(rand.NewPCG(1, uint64(len(in)))).Shuffle(len(in), func(i, j int) { in[i], in[j] = in[j], in[i] })
		if got, _ := json.Marshal(Merge(in...)); string(got) != string(want) {
			t.Fatalf("another order gave\n%s\ninstead of\n%s", got, want)
		}
	})
}

func TestMeasurementSurvivesItsText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := Merge(shares().Draw(t, "shares")...)
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var back Measurement
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		if again, _ := json.Marshal(back); string(again) != string(text) {
			t.Fatalf("wrote %s\nread and wrote %s", text, again)
		}
		if err := back.Check(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestCheckFindsSumsThatDoNotHold(t *testing.T) {
	good := Window{Counts: Counts{Due: 1, OK: 1}}
	good.Response.Record(time.Millisecond)
	lost, silent := good, good
	lost.Due = 2
	silent.Response = Histogram{}
	for _, c := range []struct {
		says string
		w    Window
		ok   bool
	}{
		{"bins sum to due", good, true},
		{"an arrival is in no bin", lost, false},
		{"an ok arrival has no response time", silent, false},
	} {
		if err := (Measurement{Windows: []Window{c.w}}).Check(); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.says, err)
		}
	}
}

func TestCheckFindsSightsThatNoLookCanBring(t *testing.T) {
	for _, c := range []struct {
		says string
		s    Sight
		ok   bool
	}{
		{"a look that failed is a sight too", Sight{Name: SightHealth, Error: "timeout"}, true},
		{"it has a name", Sight{Value: 1}, false},
		{"its value is a number", Sight{Name: SightBackend, Value: math.NaN()}, false},
		{"and finite", Sight{Name: SightBackend, Value: math.Inf(1)}, false},
	} {
		if err := (Measurement{Sights: []Sight{c.s}}).Check(); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.says, err)
		}
	}
}

func TestSeenKeepsOneNameInOrder(t *testing.T) {
	m := Merge(Measurement{Sights: []Sight{{At: 3, Name: SightHealth}, {At: 1, Name: SightBackend}}}, Measurement{Sights: []Sight{{At: 2, Name: SightHealth, OK: true}}})
	got := m.Seen(SightHealth)
	if len(got) != 2 || got[0].At != 2 || !got[0].OK || got[1].At != 3 {
		t.Errorf("seen %+v, want the health at 2 and 3", got)
	}
}

func TestWindowAt(t *testing.T) {
	for _, c := range []struct {
		due, warmup time.Duration
		index       int
		at          time.Duration
		warm        bool
	}{
		{0, 0, 0, 0, false},
		{1500 * time.Millisecond, 0, 1, time.Second, false},
		{0, 700 * time.Millisecond, 0, 0, true},
		{700 * time.Millisecond, 700 * time.Millisecond, 1, 700 * time.Millisecond, false},
		{1699 * time.Millisecond, 700 * time.Millisecond, 1, 700 * time.Millisecond, false},
		{1700 * time.Millisecond, 700 * time.Millisecond, 2, 1700 * time.Millisecond, false},
	} {
		index, at, _, warm := WindowAt(c.due, c.warmup)
		if index != c.index || at != c.at || warm != c.warm {
			t.Errorf("WindowAt(%v, %v) = %d %v %v, want %d %v %v", c.due, c.warmup, index, at, warm, c.index, c.at, c.warm)
		}
	}
}

func TestMannersWait(t *testing.T) {
	s := time.Second
	for _, c := range []struct {
		says  string
		m     Manners
		n     int
		after time.Duration
		told  bool
		want  time.Duration
		again bool
	}{
		{"the zero value never retries", Manners{}, 1, s, true, 0, false},
		{"never is never", Manners{Policy: Never}, 1, s, true, 0, false},
		{"at once waits nothing, told or not", Manners{Policy: AtOnce}, 1, s, true, 0, true},
		{"fixed waits its base each time", Manners{Policy: Fixed, Base: s}, 3, 0, false, s, true},
		{"exponential doubles: base, 2, 4", Manners{Policy: Exponential, Base: s}, 3, 0, false, 4 * s, true},
		{"and stops at its cap", Manners{Policy: Exponential, Base: s, Cap: 3 * s}, 3, 0, false, 3 * s, true},
		{"full jitter takes a uniform share of that (u = 0.5)", Manners{Policy: FullJitter, Base: s}, 3, 0, false, 2 * s, true},
		{"retry-after waits exactly as told", Manners{Policy: RetryAfter}, 1, 7 * s, true, 7 * s, true},
		{"with jitter up to a base more", Manners{Policy: RetryAfterJitter, Base: s}, 1, 7 * s, true, 7*s + s/2, true},
		{"and backs off when told nothing", Manners{Policy: RetryAfter, Base: s}, 2, 0, false, s, true},
		{"in step is exponential and half a base", Manners{Policy: InStep, Base: s}, 3, 0, false, 4*s + s/2, true},
		{"and its little more comes on top of the cap", Manners{Policy: InStep, Base: s, Cap: 3 * s}, 3, 0, false, 3*s + s/2, true},
		{"equal jitter takes half, and half of the other half", Manners{Policy: EqualJitter, Base: s}, 3, 0, false, 3 * s, true},
		{"decorrelated begins between base and three times that", Manners{Policy: Decorrelated, Base: s}, 1, 0, false, 2 * s, true},
		{"the last try is the last", Manners{Policy: AtOnce, Tries: 3}, 3, 0, false, 0, false},
		{"five tries when nothing is said", Manners{Policy: AtOnce}, 5, 0, false, 0, false},
	} {
		if got, again := c.m.Wait(Refusal{Try: c.n, After: c.after, Told: c.told}, .5); got != c.want || again != c.again {
			t.Errorf("%s: got %v %v, want %v %v", c.says, got, again, c.want, c.again)
		}
	}
	grows := Manners{Policy: Decorrelated, Base: s, Cap: 6 * s}
	for waited, want := range map[time.Duration]time.Duration{s: 2 * s, 3 * s: 5 * s, 5 * s: 6 * s} {
		if got, _ := grows.Wait(Refusal{Try: 2, Waited: waited}, .5); got != want {
			t.Errorf("decorrelated after %v waits %v, want %v", waited, got, want)
		}
	}
	for _, p := range Policies {
		if err := (Manners{Policy: p}).Validate(); err != nil {
			t.Errorf("%s: %v", p, err)
		}
	}
	if (Manners{Policy: "polite"}).Validate() == nil || (Manners{Tries: 1000}).Validate() == nil {
		t.Error("manners that do not exist, or never end, were accepted")
	}
}

func TestRuleOf(t *testing.T) {
	for _, c := range []struct {
		says   string
		rule   Rule
		status int
		after  bool
		want   Outcome
	}{
		{"200 is ok", Rule{}, 200, false, OK},
		{"304 is ok", Rule{}, 304, false, OK},
		{"404 failed", Rule{}, 404, false, Failed},
		{"404 is ok when expected", Rule{OK: []int{404}}, 404, false, OK},
		{"429 is throttled", Rule{}, 429, false, Throttled},
		{"503 with Retry-After is shed", Rule{}, 503, true, Shed},
		{"503 without it failed", Rule{}, 503, false, Failed},
		{"503 is throttled when declared, told or not", Rule{Throttled: []int{503}}, 503, false, Throttled},
		{"and 429 then failed", Rule{Throttled: []int{503}}, 429, false, Failed},
	} {
		if got := c.rule.Of(c.status, c.after); got != c.want {
			t.Errorf("%s: got %v", c.says, got)
		}
	}
}

func TestSecretsNeverPrint(t *testing.T) {
	id := Identity{Name: "gold", Header: "X-Api-Key", Value: "hunter2"}
	text, _ := json.Marshal(Trial{Actors: []Actor{{Identity: id}}, Serial: &Serial{Identity: id}})
	for _, out := range []string{string(text), fmt.Sprint(id), fmt.Sprintf("%+v %#v %q %s", id, id, id.Value, id.Value)} {
		if strings.Contains(out, "hunter2") {
			t.Errorf("printed %s", out)
		}
	}
	if id.Value.Reveal() != "hunter2" {
		t.Error("the request does not get the secret either")
	}
}

func TestParseRate(t *testing.T) {
	for text, want := range map[string]Rate{"500": 500, "500/s": 500, "30k/m": 500, "2.5k": 2500, "1_000/s": 1000, "10/100ms": 100, "100/2s": 50, "36/h": .01, "1M": 1e6} {
		if got, err := ParseRate(text); err != nil || got != want {
			t.Errorf("ParseRate(%q) = %v, %v, want %v", text, float64(got), err, float64(want))
		}
	}
	for _, text := range []string{"", "fast", "-1", "5/", "5/x", "5/-1s", "5/0s", "Inf", "NaN", "1e999", "5k5"} {
		if got, err := ParseRate(text); err == nil {
			t.Errorf("ParseRate(%q) = %v, want an error", text, got)
		}
	}
}

func TestRateRoundKeepsFourDigits(t *testing.T) {
	for in, want := range map[Rate]string{1272.113: "1272/s", 698.885: "698.9/s", 0: "0/s", 12345.6: "12.35k/s", 3.14159: "3.142/s"} {
		if got := in.Round().String(); got != want {
			t.Errorf("%v rounds to %s, want %s", float64(in), got, want)
		}
	}
}

func FuzzRateReadsWhatItWrites(f *testing.F) {
	f.Add("500/s")
	f.Add("2.5k/m")
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseRate(s)
		if err != nil || r == 0 || r < 1e-9 {
			return
		}
		back, err := ParseRate(r.String())
		if err != nil || back < r*(1-1e-5) || back > r*(1+1e-5) {
			t.Errorf("%q is %v, which prints as %s and reads as %v, %v", s, float64(r), r, float64(back), err)
		}
	})
}

// countdown plans n trials; echo measures them.
type countdown int

func (c countdown) Next(done []Measurement) (Trial, bool) {
	return Trial{N: len(done) + 1, Actors: []Actor{{Schedule: Constant(1, time.Second, Even)}}}, len(done) < int(c)
}
func (countdown) Watch(Trial, []Measurement) func(Tick) Reason { return nil }

type echo func(Trial) (Measurement, error)

func (e echo) Run(_ context.Context, t Trial, _ func(Tick) Reason) (Measurement, error) { return e(t) }

func TestDrive(t *testing.T) {
	good := echo(func(t Trial) (Measurement, error) { return Measurement{Trial: t}, nil })
	keep := func(Measurement) error { return nil }
	stopped, stop := context.WithCancel(t.Context())
	stop()
	for _, c := range []struct {
		says string
		ctx  context.Context
		plan countdown
		run  echo
		sink func(Measurement) error
		done int
		fail bool
	}{
		{"it runs what is planned", t.Context(), 3, good, keep, 3, false},
		{"a cancelled context ends it without an error", stopped, 3, good, keep, 0, false},
		{"a runner's error ends it", t.Context(), 3, echo(func(Trial) (Measurement, error) { return Measurement{}, errors.New("no route") }), keep, 0, true},
		{"sums that do not hold end it", t.Context(), 3, echo(func(Trial) (Measurement, error) { return Measurement{Windows: []Window{{Counts: Counts{Due: 1}}}}, nil }), keep, 0, true},
		{"a sink that cannot write ends it", t.Context(), 3, good, func(Measurement) error { return errors.New("disk full") }, 1, true},
		{"a plan without end is a fault", t.Context(), TrialsMax + 1, good, keep, TrialsMax, true},
	} {
		done, err := Drive(c.ctx, c.plan, c.run, nil, c.sink)
		if len(done) != c.done || (err != nil) != c.fail {
			t.Errorf("%s: %d done, %v", c.says, len(done), err)
		}
	}
}

func TestForemostError(t *testing.T) {
	for _, row := range []struct {
		errors map[string]int64
		want   string
	}{
		{nil, ""}, {map[string]int64{"timeout": 9, "dial timeout": 8}, ""}, {map[string]int64{"timeout": 9, "eof": 2, "tls": 1}, "eof"}, {map[string]int64{"tls": 2, "eof": 2}, "eof"},
	} {
		if got := Foremost(row.errors); got != row.want {
			t.Errorf("Foremost(%v) = %q, want %q", row.errors, got, row.want)
		}
	}
}
