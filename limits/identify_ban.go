package limits

import (
	"math"
	"slices"
)

// ban shuts a client out for a while after a refusal of the limiter within; a renewed one begins anew with every request
// that it refuses.
type ban struct {
	within        machine
	length, slack float64 // s
	renewed       bool
	began, until  float64
}

func (e *evidence) ban(within machine, length float64, renewed bool) *ban {
	return &ban{within: within, length: length, slack: e.slack, renewed: renewed, began: math.Inf(-1), until: math.Inf(-1)}
}

// shut tells whether nobody can have been let in. About both ends of a ban, requests may have overtaken each other.
func (b *ban) shut(at float64) bool { return at > b.began+2*b.slack && at < b.until-2*b.slack }

// may asks the limiter within only where the ban is not sure.
func (b *ban) may(d *decision) (admit, refuse bool) {
	if b.shut(d.at) {
		return false, true
	}
	admit, refuse = b.within.may(d)
	return admit, refuse || d.at < b.until+2*b.slack
}

func (b *ban) take(d *decision, odd bool) {
	if !d.in && d.at < b.until+2*b.slack {
		if b.renewed {
			b.until = d.at + b.length
		}
		return
	}
	b.within.take(d, odd && !b.shut(d.at))
	if !d.in {
		b.began, b.until = d.at, d.at+b.length
	}
}

// shutout is a row of refusals that an admission ends.
type shutout struct {
	first, last, end float64 // of the refusals, and the admission
	gap              float64 // the longest silence between two of them
}

// shutouts are all such rows. Refusals that came with the admission, or that others overtook, make none.
func (e *evidence) shutouts() (rows []shutout) {
	var refused []float64
	for _, d := range e.ds {
		if !d.in {
			refused = append(refused, d.at)
			continue
		}
		for len(refused) > 0 && refused[len(refused)-1] > d.at-4*e.slack {
			refused = refused[:len(refused)-1]
		}
		if n := len(refused); n > 0 {
			row := shutout{first: refused[0], last: refused[n-1], end: d.at}
			for i := 1; i < n; i++ {
				row.gap = max(row.gap, refused[i]-refused[i-1])
			}
			rows, refused = append(rows, row), refused[:0]
		}
	}
	return rows
}

// shutsOut tells whether half of the rows are longer than the shortest ban that is looked for.
func (e *evidence) shutsOut() bool {
	var long []float64
	for _, r := range e.shutouts() {
		long = append(long, r.end-r.first)
	}
	return rank(long, .5) > banLeast
}

// banBetween is what the rows say of a ban: it is no longer than any row from its first refusal on, and as long as the
// longest of those that have such a row end after them. A renewed one is no longer than any silence that ended a row, and
// longer than those that did not. Only one that ended twice at about that length is told.
func (e *evidence) banBetween(rows []shutout, renewed bool) (lo, hi float64, ok bool) {
	span := func(r shutout) (least, most float64) {
		if renewed {
			return r.gap, r.end - r.last
		}
		return r.last - r.first, r.end - r.first
	}
	hi = math.Inf(1)
	for _, r := range rows {
		_, most := span(r)
		hi = min(hi, most)
	}
	ended := 0
	for _, r := range rows {
		least, most := span(r)
		if least <= hi+2*e.slack {
			lo = max(lo, least)
		}
		if most <= hi*banAlike+4*e.slack {
			ended++
		}
	}
	return max(lo-2*e.slack, hi/2), hi + 2*e.slack, (ended >= 2 || ended == 1 && e.daring) && hi > max(banLeast, 8*e.slack)
}

// banAlike is how much longer a ban may seem to be in one row than in another: it ends unseen, between two requests.
const banAlike = 1.25

// banLeast is the shortest ban that is looked for, s: below it a pause is what a limiter does anyway.
const banLeast = .1

// fitBans fits a token bucket and a window that shut out whom they refuse.
func (e *evidence) fitBans(s sketch) (all []candidate) {
	rows := e.shutouts()
	if len(rows) == 0 || s.first < 1 {
		return nil
	}
	for _, renewed := range []bool{false, true} {
		if lo, hi, ok := e.banBetween(rows, renewed); ok {
			all = append(all, e.fitBan(s, lo, hi, renewed)...)
		}
	}
	return all
}

// fitBan finds the ban's length, and what is within: the ban hides its rate, which only slower loads show.
func (e *evidence) fitBan(s sketch, least, most float64, renewed bool) (all []candidate) {
	long := (least + most) / 2
	top := max(e.refusedAt(), 1)
	type made struct {
		kind   Algorithm
		anchor string
		of     func(x float64, n int) machine // x is the rate of a bucket, the length of a window
		lo, hi float64
		burst  func(x float64) int
	}
	for _, w := range []made{
		{TokenBucket, "", func(r float64, n int) machine { return e.bucket(r, n) }, top / 300, top, func(r float64) int { return e.owed(s.first, r) }},
		{FixedWindow, AnchorFirst, func(w float64, n int) machine { return e.firstHit(n, w) }, max(s.lead, .02), max(20*s.lead, 20), func(float64) int { return s.first }},
	} {
		c := candidate{kind: w.kind, anchor: w.anchor, renewed: renewed, ban: long, cost: 3 + len(e.ds)/400}
		f := func(x float64, n int, ban float64) int { return e.held(e.ban(w.of(x, n), ban, renewed)) }
		from, to, _ := e.plateau(w.lo, w.hi, 41, func(x float64) int { return f(x, w.burst(x), long) })
		for range 2 {
			x := math.Sqrt(from * to)
			n := w.burst(x)
			c.burst, c.least, c.most, _ = e.whole(n-4-n/10, n+4+n/10, func(n int) int { return f(x, n, c.ban) })
			c.banLo, c.banHi, _ = e.plateau(least, most, 41, func(ban float64) int { return f(x, c.burst, ban) })
			c.ban = (c.banLo + c.banHi) / 2
			from, to, c.bad = e.plateau(max(w.lo, from/1.5), min(w.hi, to*1.5), 41, func(x float64) int { return f(x, c.burst, c.ban) })
		}
		x := (from + to) / 2
		c.again = func() machine { return e.ban(w.of(x, c.burst), c.ban, renewed) }
		if c.rate, c.lo, c.hi = x, from, to; w.kind == FixedWindow {
			c.window = x
			c.perWindow(from, to)
		}
		if c.ban*c.rate >= banTokens {
			all = append(all, c)
		}
	}
	return all
}

// banTokens is the fewest requests that would have come in during a ban: with fewer it is the wait for a token.
const banTokens = 3

// fitStarving fits the limiters that count what they refuse: a bucket that goes into debt, and a sliding counter.
func (e *evidence) fitStarving(s sketch) (all []candidate) {
	if !e.shutsOut() {
		return nil
	}
	top := max(e.refusedAt(), 1)
	b := candidate{kind: TokenBucket, starving: true, cost: 3}
	of := func(r float64, n int) machine {
		m := e.bucket(r, n)
		m.starving = true
		return m
	}
	from, to, _ := e.plateau(top/300, top, 201, func(r float64) int { return e.held(of(r, e.owed(s.first, r))) })
	for range 2 {
		r := (from + to) / 2
		n := e.owed(s.first, r)
		b.burst, b.least, b.most, _ = e.whole(n-4-n/10, n+4+n/10, func(n int) int { return e.held(of(r, n)) })
		from, to, b.bad = e.plateau(from/1.3, to*1.3, 41, func(r float64) int { return e.held(of(r, b.burst)) })
	}
	b.rate, b.lo, b.hi = (from+to)/2, from, to
	b.again = func() machine { return of(b.rate, b.burst) }
	all = append(all, b)
	for _, w := range roundLengths {
		if w >= s.lead*.7 {
			all = append(all, e.roundCounter(w, s.first-3-s.first/10, s.first+3+s.first/4, 100, true)...)
		}
	}
	return all
}

// near tells whether another candidate explains about as much.
func (c candidate) near(o candidate) bool { return o.bad <= 3*c.bad+10 }

// otherPenalty tells whether a limiter that counts what it refuses explains about as much as a renewed ban.
func (c candidate) otherPenalty(all []candidate) bool {
	return slices.ContainsFunc(all, func(o candidate) bool { return o.starving && c.near(o) })
}

// hidden tells whether a penalty hides what is within: another machine of about the same penalty explains nearly as much.
func (c candidate) hidden(all []candidate) (rival candidate, yes bool) {
	for _, o := range all {
		same := o.starving == c.starving && o.renewed == c.renewed && math.Abs(o.ban-c.ban) <= .1*c.ban
		if c.penalty() != "" && same && o.kind != c.kind && c.near(o) {
			return o, true
		}
	}
	return c, false
}
