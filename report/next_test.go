package report

import (
	"strings"
	"testing"

	"github.com/plimsoll-load/plimsoll/attack"
)

func commands(r Report) string {
	var b strings.Builder
	for _, s := range r.Next() {
		b.WriteString(s.Command + "\n")
	}
	return b.String()
}

// TestNextFollowsFromTheRun: what each kind of run asks for, and what it must not ask for.
func TestNextFollowsFromTheRun(t *testing.T) {
	runs := fixtures()
	for name, row := range map[string]struct {
		with, without []string
	}{
		"find":        {[]string{"plimsoll advise RUN", "plimsoll gate --baseline RUN/result.json"}, []string{"export", "--resume"}},
		"whole":       {[]string{"plimsoll export RUN --to nginx"}, []string{"advise", "--resume", "--only"}},
		"interrupted": {[]string{"--resume RUN"}, []string{"advise", "gate"}},
		"limited":     {[]string{"plimsoll identify"}, []string{"advise", "gate --baseline"}},
		"verify-fail": {[]string{"--limit 1400/s --burst 280 --only V02", "--only V20,V26"}, []string{"export", "advise"}},
		"empty":       {nil, []string{"plimsoll"}},
	} {
		got := commands(Fold(runs[name]))
		for _, w := range row.with {
			if !strings.Contains(got, w) {
				t.Errorf("%s: %q is not among\n%s", name, w, got)
			}
		}
		for _, w := range row.without {
			if strings.Contains(got, w) {
				t.Errorf("%s: %q is among\n%s", name, w, got)
			}
		}
	}
}

func TestTargetsAreQuotedForAShell(t *testing.T) {
	for in, want := range map[string]string{"": "URL", "http://h/a": "http://h/a", "http://h/?a=•&b=•": "'http://h/?a=•&b=•'", "http://h/'x": `'http://h/'\''x'`} {
		if got := quoted(in); got != want {
			t.Errorf("quoted(%q) = %s, want %s", in, got, want)
		}
	}
}

// TestAlikeNotesAreTold once, with how many more there are; others stay.
func TestAlikeNotesAreToldOnce(t *testing.T) {
	got := alike([]attack.Note{{Code: "cap", Text: "1307 arrivals waited"}, {Code: "knee", Text: "no knee"}, {Code: "cap", Text: "264 arrivals waited"}, {Code: "cap", Text: "1 arrivals waited"}, {Code: "other", Text: "5 arrivals waited"}})
	want := []string{"1307 arrivals waited (and 2 more like it)", "no knee", "5 arrivals waited"}
	if len(got) != len(want) {
		t.Fatalf("%d notes, want %d: %v", len(got), len(want), got)
	}
	for i := range want {
		if got[i].Text != want[i] {
			t.Errorf("note %d is %q, want %q", i, got[i].Text, want[i])
		}
	}
}

// TestGeneratorInASentence for each state that it can be in.
func TestGeneratorInASentence(t *testing.T) {
	well, warned, void := Looked{SelfCheck: attack.SelfCheck{Name: "a", Outcome: attack.Healthy}}, Looked{SelfCheck: attack.SelfCheck{Name: "b", Outcome: attack.Warn, Fix: "slower"}, Of: 9, Warn: 2},
		Looked{SelfCheck: attack.SelfCheck{Name: "c", Outcome: attack.Void, Fix: "slower"}, Of: 9, Void: 1}
	for want, h := range map[string]Health{
		"Yes: all of its 1 self-checks were well in every trial.": {Checks: []Looked{well}},
		"Yes, with 1 self-check of 2 near their bounds.":          {Checks: []Looked{well, warned}},
		"Not always: 1 trial was void, and no number rests on it": {Trials: 1, Checks: []Looked{warned, void}},
		"No: it was the limit, and not the target.":               {Void: true, Trials: 3, Checks: []Looked{void}},
	} {
		if got := h.Words(); !strings.HasPrefix(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	h := Health{Checks: []Looked{well, warned, void}}
	if a := h.Amiss(); len(a) != 2 || a[0].Name != "c" || len(h.Ways()) != 1 || len(h.Well()) != 1 {
		t.Errorf("amiss %v, ways %v, well %v, want c before b, one way out, and a", a, h.Ways(), h.Well())
	}
	if got := warned.Tally(); got != "9, 2 warned" {
		t.Errorf("tally %q", got)
	}
}
