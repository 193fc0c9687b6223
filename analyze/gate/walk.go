package gate

import "math"

// Outcome is what a gate came to.
type Outcome string

const (
	Pass       Outcome = "pass"       // no loss beyond the tolerance
	Regression Outcome = "regression" // a loss beyond the tolerance
	Undecided  Outcome = "undecided"  // the budget ended before the evidence was in
	Invalid    Outcome = "invalid"    // nothing was measured that says anything of the target
)

// Walk is a sequential sign test. Every block is a step: up when it held, down when it did not. So many more steps up than
// down pass, so many more down than up are a regression.
//
// A block holds more often than not exactly when the median capacity of blocks is above the load, whatever the noise
// looks like; so the test knows nothing of the noise but that blocks are alike and do not depend on one another. It is
// Wald's sequential probability ratio test (Ann. Math. Stat. 16, 1945) of p ≥ 0.7 against p ≤ 0.3, whose likelihood ratio
// changes by the same factor 7/3 with every step. By the gambler's ruin (Feller I, XIV.2), with r = (1 − p)/p,
//
//	P(regression) = 1 − (1 − r⁵)/(1 − r⁹)    1.4 % at p = 0.7, 0.002 % at 0.9; 96.7 % at 0.3, 99.98 % at 0.1
//
// and 9.7 blocks are wanted at p = 0.7, 11.7 at p = 0.3, 5.0 at p = 0.9, where a test of fixed size with these errors
// takes 24.
//
// Note: a t-test on the logarithm of the capacity of each block takes a third fewer blocks where the noise is normal. It
// must overload the target in every block, and one slow second of a shared machine in a hundred ruins it.
type Walk struct{ Up, Down int }

// The leads that decide.
const (
	passLead = 4
	failLead = 5
)

// Sure is the share of blocks that must hold, or must not, for the errors of a Walk to be as stated.
const Sure = 0.7

// Step takes in one block.
func (w *Walk) Step(held bool) {
	switch {
	case w.Outcome() != Undecided:
	case held:
		w.Up++
	default:
		w.Down++
	}
}

// Outcome is Undecided until the walk ends.
func (w Walk) Outcome() Outcome {
	switch {
	case w.Up-w.Down >= passLead:
		return Pass
	case w.Down-w.Up >= failLead:
		return Regression
	}
	return Undecided
}

// Odds are the probabilities of the three ends of a walk of at most n blocks, each of which holds with probability p, and
// the blocks that it takes on average. They are exact: the distribution of the walk is followed block by block.
func Odds(p float64, n int) (pass, regression, undecided, blocks float64) {
	const width = passLead + failLead + 1
	at := [width]float64{failLead: 1} // by position above the lower end
	for range n {
		var next [width]float64
		for i := 1; i < width-1; i++ {
			next[i+1] += at[i] * p
			next[i-1] += at[i] * (1 - p)
			blocks += at[i]
		}
		regression += next[0]
		pass += next[width-1]
		next[0], next[width-1] = 0, 0
		at = next
	}
	return pass, regression, max(0, 1-pass-regression), blocks
}

// BlocksFor is how many blocks a gate needs at most to decide with this probability where a block holds, or does not, with
// probability Sure.
func BlocksFor(decided float64) int {
	for n := 1; n < 1000; n++ {
		if _, _, undecided, _ := Odds(Sure, n); undecided <= 1-decided {
			return n
		}
	}
	return math.MaxInt
}
