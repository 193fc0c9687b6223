package gate

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// ruin is the closed form of Odds without an end: the gambler's ruin (Feller I, XIV.2).
func ruin(p float64) float64 {
	r := (1 - p) / p
	if r == 1 {
		return passLead / float64(passLead+failLead)
	}
	return 1 - (1-math.Pow(r, failLead))/(1-math.Pow(r, passLead+failLead))
}

func TestOddsAreTheGamblersRuin(t *testing.T) {
	for _, p := range []float64{.05, .1, .3, .45, .55, .7, .9, .95} {
		pass, regression, undecided, blocks := Odds(p, 2000)
		if want := ruin(p); math.Abs(regression-want) > 1e-9 || math.Abs(pass+regression+undecided-1) > 1e-9 {
			t.Errorf("p = %v: regression %v, want %v; all %v", p, regression, want, pass+regression+undecided)
		}
		want := (passLead*pass - failLead*regression) / (2*p - 1) // Wald's identity
		if math.Abs(blocks-want) > 1e-6 {
			t.Errorf("p = %v: %v blocks, want %v", p, blocks, want)
		}
	}
}

// The figures of Walk's comment.
func TestWalkKeepsItsWord(t *testing.T) {
	for _, c := range []struct{ p, regression, blocks float64 }{{.7, .01398, 9.7}, {.9, .00002, 5.0}, {.3, .96674, 11.7}, {.1, .99985, 6.25}} {
		_, regression, _, blocks := Odds(c.p, 500)
		if math.Abs(regression-c.regression) > 5e-5 || math.Abs(blocks-c.blocks) > .06 {
			t.Errorf("p = %v: regression %.4f in %.2f blocks, the comment says %v in %v", c.p, regression, blocks, c.regression, c.blocks)
		}
	}
	if n := fixedSize(); n != 24 {
		t.Errorf("a test of fixed size takes %d blocks, the comment says 24", n)
	}
}

// fixedSize is the number of blocks of the smallest sign test of fixed size whose errors at 0.7 and 0.3 are those of a Walk.
func fixedSize() int {
	_, alarm, _, _ := Odds(Sure, 1000)
	_, power, _, _ := Odds(1-Sure, 1000)
	for n := 1; ; n++ {
		for held := 0; held <= n; held++ { // a regression if at most so many hold
			if binomial(n, held, Sure) <= alarm+.001 && binomial(n, held, 1-Sure) >= power-.001 {
				return n
			}
		}
	}
}

// binomial is P(X ≤ k) of n blocks that hold with probability p.
func binomial(n, k int, p float64) (sum float64) {
	c := 1.
	for i := 0; i <= k; i++ {
		sum += c * math.Pow(p, float64(i)) * math.Pow(1-p, float64(n-i))
		c = c * float64(n-i) / float64(i+1)
	}
	return sum
}

// A walk that has ended stays where it is: nobody can go on until he likes what he sees.
func TestADecidedWalkStandsStill(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		steps := rapid.SliceOfN(rapid.Bool(), 0, 60).Draw(t, "steps")
		w, decided := Walk{}, Undecided
		for i, held := range steps {
			w.Step(held)
			if decided != Undecided && w.Outcome() != decided {
				t.Fatalf("block %d turned %s into %s", i, decided, w.Outcome())
			}
			decided = w.Outcome()
		}
		if w.Up-w.Down > passLead || w.Down-w.Up > failLead {
			t.Fatalf("walked to %+v, beyond its ends", w)
		}
	})
}

func TestOddsAgreeWithWalks(t *testing.T) {
	rng, regressions := rand.New(rand.NewPCG(1, 2)), 0
	const runs, p, n = 20_000, .6, 12
	for range runs {
		w := Walk{}
		for range n {
			w.Step(rng.Float64() < p)
		}
		if w.Outcome() == Regression {
			regressions++
		}
	}
	_, want, _, _ := Odds(p, n)
	if got := float64(regressions) / runs; math.Abs(got-want) > 4*math.Sqrt(want*(1-want)/runs) {
		t.Errorf("%.4f of the walks ended in a regression, Odds says %.4f", got, want)
	}
}

func TestBlocksFor(t *testing.T) {
	n := BlocksFor(.95)
	if _, _, u, _ := Odds(Sure, n); u > .05 {
		t.Errorf("%d blocks leave %.3f undecided", n, u)
	}
	if _, _, u, _ := Odds(Sure, n-1); u <= .05 {
		t.Errorf("%d blocks would do, got %d", n-1, n)
	}
}
