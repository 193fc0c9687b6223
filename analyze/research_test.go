package analyze_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
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

// alike is how many points a number may differ from the study's: 2, and two standard errors of the difference of two draws.
func alike(se float64) float64 { return max(2, 2*math.Sqrt2*se) }

// besideStudy prints each rival's row beside the study's, and marks the numbers that differ by more than chance allows.
func besideStudy(t *testing.T, all map[string][]finding) {
	t.Helper()
	var out strings.Builder
	out.WriteString("\nthe rivals here and in the study, on the twelve kinds: error median / p90 %, wrong by more than 15 %\n| | here | study | standard error |\n| --- | --- | --- | --- |\n")
	for _, r := range slices.Concat(rivals, patient) {
		if len(all[r.name]) == 0 {
			continue
		}
		here, se := study(all[r.name]), chance(all[r.name])
		fmt.Fprintf(&out, "| %s |", r.name)
		for _, s := range []studied{here, r.study, se} {
			fmt.Fprintf(&out, " %.1f / %.1f, %.0f |", s.median, s.p90, s.wrong)
		}
		for i, v := range here.numbers() {
			if d := v - r.study.numbers()[i]; math.Abs(d) > alike(se.numbers()[i]) {
				fmt.Fprintf(&out, " %s %+.1f", []string{"median", "p90", "wrong"}[i], d)
			}
		}
		out.WriteString("\n")
	}
	t.Log(out.String())
}
