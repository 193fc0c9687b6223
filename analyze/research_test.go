package analyze_test

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// studied is how a rival fared in the study that chose the search: per cent, on 360 services of the kinds of
// population.Plain, drawn by the same rules with other chances.
type studied struct{ median, p90, wrong float64 }

func (s studied) numbers() [3]float64 { return [...]float64{s.median, s.p90, s.wrong} }

// study is the same of what was found here.
func study(all []finding) studied {
	e := errorsOf(all)
	return studied{100 * e.at(.5), 100 * e.at(.9), share(all, wrong)}
}

// chance is how far off each number is by the draw of the services alone: its standard error, by bootstrap.
func chance(all []finding) studied {
	const draws = 200
	rng := rand.New(rand.NewPCG(1, 0x57d7))
	var of [3]sample
	for range draws {
		some := make([]finding, len(all))
		for i := range some {
			some[i] = all[rng.IntN(len(all))]
		}
		for i, v := range study(some).numbers() {
			of[i] = append(of[i], v)
		}
	}
	half := func(s sample) float64 { return (s.at(.84) - s.at(.16)) / 2 }
	return studied{half(of[0]), half(of[1]), half(of[2])}
}

// near is how many points two numbers may differ and still be called the same.
const near = 2.

// alike is how many points a number may differ from the study's: 2, and three standard errors of the difference of two draws.
func alike(se float64) float64 { return max(near, 3*math.Sqrt2*se) }

// unlike are the numbers of a row that differ from the study's by more than so many points each.
func (s studied) unlike(study, most studied) (out []string) {
	for i, v := range s.numbers() {
		if d := v - study.numbers()[i]; !(math.Abs(d) <= most.numbers()[i]) {
			out = append(out, fmt.Sprintf("%s %+.1f", []string{"median", "p90", "wrong"}[i], d))
		}
	}
	return out
}

// besideStudy prints each rival's row beside the study's and tells which of its numbers are not the same; those that differ
// by more than chance allows are returned.
func besideStudy(t *testing.T, rivals []rival, all map[string][]finding) (unlike []string) {
	t.Helper()
	var out strings.Builder
	out.WriteString("\nthe rivals here and in the study, on the twelve kinds: error median / p90 %, wrong by more than 15 %\n| | here | study | standard error | beyond ± 2 points |\n| --- | --- | --- | --- | --- |\n")
	for _, r := range rivals {
		if len(all[r.name]) == 0 {
			continue
		}
		here, se := study(all[r.name]), chance(all[r.name])
		fmt.Fprintf(&out, "| %s |", r.name)
		for _, s := range []studied{here, r.study, se} {
			fmt.Fprintf(&out, " %.1f / %.1f, %.0f |", s.median, s.p90, s.wrong)
		}
		off := here.unlike(r.study, studied{near, near, near})
		fmt.Fprintf(&out, " %s |\n", cmp.Or(strings.Join(off, ", "), "none"))
		for _, what := range here.unlike(r.study, studied{alike(se.median), alike(se.p90), alike(se.wrong)}) {
			unlike = append(unlike, r.name+": "+what)
		}
	}
	t.Log(out.String())
	return unlike
}

// A rival that errs otherwise than it did in the study is told, and one that errs alike is not.
func TestARivalUnlikeItsStudyIsTold(t *testing.T) {
	erring := func(times float64) (all []finding) {
		for i := range 300 {
			f := finding{some: true, bracket: bracket{value: 100 * (1 + times*float64(i)/300)}}
			f.s.Truth.Break = 100
			all = append(all, f)
		}
		return all
	}
	alikes := erring(.1)
	want := study(alikes)
	if math.Abs(want.median-5) > .1 || math.Abs(want.p90-9) > .1 || want.wrong != 0 {
		t.Fatalf("errors from 0 to 10 %% make %+v", want)
	}
	told := func(all []finding) []string {
		return besideStudy(t, []rival{{name: "a rival", study: want}}, map[string][]finding{"a rival": all})
	}
	if unlike := told(alikes); len(unlike) > 0 {
		t.Errorf("%q of the same findings, want nothing", unlike)
	}
	if unlike := told(erring(.2)); len(unlike) != 3 {
		t.Errorf("%q of errors twice as large, want all three numbers", unlike)
	}
	if unlike := told(erring(.11)); len(unlike) > 0 {
		t.Errorf("%q of errors a tenth larger, which is within 2 points, want nothing", unlike)
	}
}
