package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
)

// loadTiles are what was offered, what was answered well, how fast, and whether the goal was kept; without a goal, what else became
// of the requests.
func (r Report) loadTiles(l Load) [4]Tile {
	offered := Tile{Plain: true, Label: "offered", Value: Number(l.Rate), Unit: "/s", Detail: fmt.Sprintf("%s requests in %s", count(l.Due), Latency(l.Seconds*1000))}
	well := Tile{Plain: true, Label: "answered well", Value: Percent(share(l.OK, l.Due)), Detail: fmt.Sprintf("%s of %s", count(l.OK), count(l.Due))}
	fast := Tile{Plain: true, Label: "p99", Value: "–", Detail: "no request was answered well"}
	if q := l.Response; q != nil {
		name, ms := worstOf(*q)
		value, unit, _ := strings.Cut(Latency(ms), " ")
		fast = Tile{Plain: true, Label: name, Value: value, Unit: " " + unit, Detail: fmt.Sprintf("p50 %s, slowest %s", Latency(q.P50), Latency(q.Max))}
		if name != "p99" {
			fast.Detail = fmt.Sprintf("p50 %s, too few for p99: %s", Latency(q.P50), plural(int(q.N), "answer"))
		}
	}
	rest := Tile{Plain: true, Label: "not answered well", Value: Percent(share(l.Due-l.OK, l.Due)), Detail: binWords(l)}
	if r.Run.Goal != "" && r.End != nil && (r.End.Exit == 0 || r.End.Exit == exitBroken) {
		well.Detail = binWords(l)
		rest = Tile{Plain: true, Label: "goal", Value: "kept", Detail: r.Run.Goal, Tone: Good}
		if r.End.Exit == exitBroken {
			rest.Value, rest.Tone = "broken", Bad
		}
	}
	return [4]Tile{offered, well, fast, rest}
}

// binWords are the bins that are not ok, as shares.
func binWords(c Load) string {
	var parts []string
	for _, b := range []struct {
		name string
		n    int64
	}{{"throttled", c.Throttled}, {"shed", c.Shed}, {"failed", c.Failed}, {"timeout", c.Timeout}, {"unsent", c.Unsent}} {
		if b.n > 0 {
			words := b.name + " " + Percent(share(b.n, c.Due))
			if b.name == "failed" {
				words += c.failedBy()
			}
			parts = append(parts, words)
		}
	}
	if len(parts) == 0 {
		return "none was refused, failed or left unsent"
	}
	return strings.Join(parts, ", ")
}

// classMax is the longest class of errors that is told whole; those of the engine are shorter.
const classMax = 40

// failedBy is, in brackets, what most of a load's attempts failed by that got no answer, with how many did; "" where all were answered.
func (l Load) failedBy() string {
	class := attack.Foremost(l.Errors)
	if class == "" || l.Failed == 0 {
		return ""
	}
	words := []rune(class)
	if len(words) > classMax {
		words = append(words[:classMax-1], '…')
	}
	return fmt.Sprintf(" (%s × %s)", count(l.Errors[class]), string(words))
}

// partialTiles are those of a search that did not end: how far it came.
func (r Report) partialTiles(points []analyze.Point) [4]Tile {
	top := points[len(points)-1]
	best := slices.MaxFunc(points, func(a, b analyze.Point) int { return int(a.Achieved*1000) - int(b.Achieved*1000) })
	limit := r.limitTile()
	if limit.Value == "–" {
		limit.Detail = "no limit rests on half a search"
	}
	return [4]Tile{
		{Plain: true, Label: "highest load tried", Value: Number(top.Load), Unit: "/s", Detail: "the search did not end"},
		{Plain: true, Label: "most answered well", Value: Number(best.Achieved), Unit: "/s", Detail: "of " + Number(best.Load) + "/s, not judged"},
		limit, r.verdictTile()}
}
