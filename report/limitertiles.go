package report

import (
	"fmt"

	"github.com/plimsoll-load/plimsoll/limits"
)

// limiterTiles are those of an identification: the limit, how much it lets in at once, how it refuses, and how sure that is. One that
// did not end has told nothing yet, and shows what it sent.
func (r Report) limiterTiles() [4]Tile {
	if r.Limiter == nil {
		f, words := fatesOf(r.Trials), map[bool]string{true: "the probe goes on", false: "the probe did not end"}[r.Going]
		return [4]Tile{{Label: "limit found", Value: "–", Detail: words}, {Plain: true, Label: "requests sent", Value: count(f.Attempts), Detail: "in " + plural(len(r.Trials), "trial")},
			{Plain: true, Label: "let in", Value: count(f.OK), Detail: "of " + count(f.Due)}, {Plain: true, Label: "throttled", Value: count(f.Throttled), Detail: "of " + count(f.Due)}}
	}
	l := *r.Limiter
	found := limiterTile(l)
	if found.Value != "–" && l.Rate != nil {
		found.Detail = l.Kind() // the burst has a tile of its own
	}
	found.Plain = true
	return [4]Tile{found, burstTile(l), refusalTile(l.Refusal), sureTile(l)}
}

func burstTile(l limits.Limiter) Tile {
	t := Tile{Plain: true, Label: "burst", Value: "–", Detail: "cannot be told"}
	switch {
	case l.Algorithm == limits.NoLimiter:
		t.Detail = "nothing is limited"
	case l.Algorithm == limits.Concurrency:
		t.Detail = "a limit on requests in flight has none"
	case l.Told() && l.Burst != nil:
		t.Value, t.Detail = Number(l.Burst.Value), "the most at once from rest"
		if l.Burst.Lo < l.Burst.Hi {
			t.Detail += fmt.Sprintf(", %s to %s", Number(l.Burst.Lo), Number(l.Burst.Hi))
		}
	}
	return t
}

func refusalTile(r limits.Refusal) Tile {
	if r.Status == 0 {
		return Tile{Plain: true, Label: "refuses with", Value: "–", Detail: "nothing was refused"}
	}
	return Tile{Plain: true, Label: "refuses with", Value: fmt.Sprint(r.Status), Detail: "Retry-After " + orNone(r.RetryAfter)}
}

func sureTile(l limits.Limiter) Tile {
	asked := fmt.Sprintf("%s requests, up to %s/s", Number(float64(l.Requests)), Number(l.PeakRate))
	if l.Explained == 0 {
		return Tile{Plain: true, Label: "confidence", Value: "–", Detail: "it rests on " + asked}
	}
	return Tile{Plain: true, Label: "confidence", Value: Percent(l.Confidence), Detail: fmt.Sprintf("explains %s of the decisions on %s", Percent(l.Explained), asked)}
}
