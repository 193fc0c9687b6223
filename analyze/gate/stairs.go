package gate

import "math"

// climb is the first part of a Staircase's story; it tells whether it came to its end.
func (t *tale) climb(blocks int) bool {
	if !t.ready(head) {
		return false
	}
	for level := 0; len(t.blocks) < blocks; {
		held, ok := t.stand(t.plan.Sustained * math.Pow(stair, float64(level)))
		if !ok {
			return false
		}
		if level--; held {
			level += 2
		}
	}
	return true
}

// play is the second part: gates of the build against itself, one after the other, for so many blocks. A machine that no
// tolerance is honest on has none.
func (t *tale) play(blocks int) {
	p, c := t.plan, fitStill(t.blocks, t.loads)
	c.Blocks = len(t.blocks)
	p.Median, p.Tolerance = c.Median, c.Honest(p.Tolerance, p.BlocksIn())
	if p.Tolerance > toleranceMax {
		return
	}
	t.played.Tolerance = p.Tolerance
	walk, n := Walk{}, 0
	for range blocks {
		held, ok := t.stand(p.Load())
		if !ok {
			return
		}
		walk.Step(held)
		if n++; walk.Outcome() != Undecided || n == p.BlocksIn() {
			t.played.take(walk.Outcome())
			walk, n = Walk{}, 0
		}
	}
}

// stand is one block of a Staircase, after which the target is at rest again.
func (t *tale) stand(load float64) (held, ok bool) {
	b, ok := t.alone(load)
	if !ok {
		return false, false
	}
	t.blocks, t.loads = append(t.blocks, b), append(t.loads, load)
	return b.Held, b.Held || t.settle(head)
}
