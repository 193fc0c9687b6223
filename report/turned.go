package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-load/plimsoll/attack"
)

// turnedHead is what tables and charts call those that were turned away as they should: they had no right, and were told so.
const turnedHead = "turned away"

// turnedAway is how many of a window's failed they are.
func turnedAway(t attack.Trial, w attack.Window) (n int64) {
	for status, some := range w.Statuses {
		if isTurnedAway(t, w.Actor, status) {
			n += some
		}
	}
	return min(n, w.Failed)
}

func isTurnedAway(t attack.Trial, actor, status int) bool {
	return actor < len(t.Actors) && slices.Contains(t.Actors[actor].TurnedAway, status)
}

// without is the table without a column that says nothing but 0.
func (t Table) without(head string) Table {
	at := slices.Index(t.Head, head)
	if at < 0 || slices.ContainsFunc(t.Rows, func(row []string) bool {
		return at < len(row) && row[at] != "0" && row[at] != "0 %" && row[at] != Number(none)
	}) {
		return t
	}
	t.Head = slices.Delete(slices.Clone(t.Head), at, at+1)
	for i, row := range t.Rows {
		if at < len(row) {
			t.Rows[i] = slices.Delete(row, at, at+1)
		}
	}
	return t
}

// fates are what became of all that was due in some trials, those apart that were turned away as they should.
type fates struct {
	attack.Counts
	turned int64
}

func fatesOf(trials []attack.Measurement) (f fates) {
	for _, m := range trials {
		for _, w := range m.Windows {
			n := turnedAway(m.Trial, w)
			f.Add(w.Counts)
			f.Failed, f.turned = f.Failed-n, f.turned+n
		}
	}
	return f
}

// retries are the requests that were sent beside the first of each that was due.
func (f fates) retries() int64 { return max(0, f.Attempts-(f.Due-f.Unsent)) }

// words are all fates but that of the throttled: with them they sum to what was due.
func (f fates) words() string {
	parts := []string{count(f.OK) + " let in"}
	for _, b := range []struct {
		name string
		n    int64
	}{{"rightly " + turnedHead, f.turned}, {"shed", f.Shed}, {"failed", f.Failed}, {"timed out", f.Timeout}, {"unsent", f.Unsent}} {
		if b.n > 0 {
			parts = append(parts, count(b.n)+" "+b.name)
		}
	}
	return strings.Join(parts, ", ")
}

// stormTiles are those of a verification alone: what was sent, what was refused, the limit and the verdict.
func (r Report) stormTiles() [4]Tile {
	trials, in := r.stormTrials(), plural(len(r.Storms), "storm")
	if len(r.Storms) == 0 {
		trials, in = r.Trials, plural(len(r.Trials), "trial")
	}
	f := fatesOf(trials)
	sent := Tile{Plain: true, Label: "requests sent", Value: count(f.Attempts), Detail: "in " + in}
	if n := f.retries(); n > 0 {
		sent.Detail += fmt.Sprintf(": %s first tries, %s again", count(f.Due-f.Unsent), count(n))
	}
	refused := Tile{Plain: true, Label: "throttled", Value: Percent(share(f.Throttled, f.Due)), Detail: fmt.Sprintf("%s of %s; %s", count(f.Throttled), count(f.Due), f.words())}
	return [4]Tile{sent, refused, r.limitTile(), r.verdictTile()}
}
