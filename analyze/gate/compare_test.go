package gate

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
)

// searched are runs of an endpoint whose capacities are these.
func searched(endpoint string, samples []Sample) (runs []Run) {
	for _, s := range samples {
		e := &analyze.Estimate{Value: s.Value, Lo: .97 * s.Value, Hi: 1.03 * s.Value, Confidence: .9}
		runs = append(runs, Run{Endpoint: endpoint, Capacities: []analyze.Capacity{{Goal: "g", Cause: analyze.CauseTarget, Estimate: e, Sustained: e, Breaking: e}}, Checks: map[string]string{"steady V01": "pass"}})
	}
	return runs
}

// Runs of one endpoint are compared with one another alone, whatever order they come in, and each question is told by its endpoint.
func TestCompareTellsEndpointsApart(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	cartBase, cartHead := draw(rng, 6, 0, .1, .01)
	payBase, payHead := draw(rng, 6, .2, .1, .01)
	for i := range payBase {
		payBase[i].Value, payHead[i].Value = payBase[i].Value/10, payHead[i].Value/10
	}
	base := append(searched("/cart", cartBase), searched("/pay", payBase)...)
	head := append(searched("/pay", payHead), searched("/cart", cartHead)...)
	head[0].Checks["steady V01"] = "fail"
	v := Compare(base, head, true, .05)
	got := map[string]Outcome{}
	for _, c := range v.Compared {
		got[c.What] = c.Outcome
	}
	want := map[string]Outcome{"/cart, g": Pass, "/pay, g": Regression, "/cart, steady V01": Pass, "/pay, steady V01": Regression}
	if d := cmp.Diff(want, got); d != "" || v.Outcome != Regression {
		t.Errorf("%s:\n%s", v.Outcome, d)
	}
	if !strings.Contains(v.Text, "by sign flips of 6 pairs) for /pay, g") || strings.Contains(v.Text, "/cart") {
		t.Errorf("it says %q", v.Text)
	}
	if v := Compare(base, head[6:], true, .05); v.Outcome != Undecided || !strings.Contains(v.Text, "/pay") {
		t.Errorf("an endpoint that head lost: %s (%s)", v.Outcome, v.Text)
	}
	if v := Compare(base[:6], head[6:], true, .05); v.Compared[0].What != "g" {
		t.Errorf("one endpoint alone is named: %q", v.Compared[0].What)
	}
}

// curve is how an endpoint fares that bears so much of the whole target's load, sent in steps of 5 %.
func curve(gaveWay float64) analyze.EndpointCurve {
	c := analyze.EndpointCurve{GaveWay: gaveWay}
	for load := gaveWay / 1.05 / 1.05; load < 1200; load *= 1.05 {
		c.Points = append(c.Points, analyze.EndpointPoint{Load: load, Counts: attack.Counts{Due: 1000}})
	}
	return c
}

// The endpoints of one target are asked apart beside the target itself: the one that lost something is named, one that bore
// all that was sent is not asked, and one that is asked only now and then is told by nobody's few requests.
func TestCompareNamesTheEndpointThatLost(t *testing.T) {
	side := func(target, cart, pay float64) (runs []Run) {
		for _, whole := range searched("/shop", []Sample{{Value: target}, {Value: 1.01 * target}}) {
			few := curve(300)
			for i := range few.Points {
				few.Points[i].Counts.Due = partLeast - 1
			}
			curves := map[string]analyze.EndpointCurve{"cart": curve(cart), "pay": curve(pay), "idle": {Points: curve(900).Points}, "few": few}
			runs = append(append(runs, whole), Parts(whole, "g", curves)...)
		}
		return runs
	}
	v := Compare(side(1000, 1000, 1100), side(800, 1000, 800), false, .05)
	got := map[string]Outcome{}
	for _, c := range v.Compared {
		got[c.What] = c.Outcome
	}
	want := map[string]Outcome{"/shop, g": Regression, "/shop cart, g": Pass, "/shop pay, g": Regression, "/shop, steady V01": Pass}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s", d)
	}
	if v := Compare(side(1000, 1000, 1100), side(1000, 960, 1100), false, .05); v.Outcome != Pass || v.Compared[1].Outcome != Undecided {
		t.Errorf("the doubt about one endpoint is that of the gate: %s, %+v", v.Outcome, v.Compared[1])
	}
	head := side(1000, 1000, 1100)
	if v := Compare(side(1000, 1000, 1100), append(head[:2:2], head[3:]...), false, .05); len(v.Compared) != 3 || v.Outcome != Pass {
		t.Errorf("pay bore all that was sent in one run, and was asked: %+v", v)
	}
	if parts := Parts(Run{Endpoint: "/shop"}, "g", map[string]analyze.EndpointCurve{"cart": {GaveWay: 500, Points: curve(600).Points}}); len(parts) != 0 {
		t.Errorf("an endpoint that never kept its promise: %+v", parts)
	}
}

// Twenty endpoints without a loss are as often blamed as one: Holm holds their alarms together, where each by itself has its own.
func TestHolmHoldsEndpointsTogether(t *testing.T) {
	const many = 300
	rng := rand.New(rand.NewPCG(4, 1))
	together, apart := 0., 0.
	for range many {
		var base, head []Run
		alarm := false
		for e := range 20 {
			b, h := draw(rng, 8, .05, .05, .02) // at the tolerance exactly: the worst that is no regression
			name := string(rune('a' + e))
			base, head = append(base, searched(name, b)...), append(head, searched(name, h)...)
			alarm = alarm || RatioOf(b, h, true, .95).P <= Alpha
		}
		if Compare(base, head, true, .05).Outcome == Regression {
			together++
		}
		if alarm {
			apart++
		}
	}
	if together/many > Alpha+3*.0126 || apart/many < .4 {
		t.Errorf("false alarms of 20 endpoints: %.3f together, %.3f each by itself; want at most %v and many", together/many, apart/many, Alpha)
	}
}
