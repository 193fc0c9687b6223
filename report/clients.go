package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-load/plimsoll/attack"
)

// clientsMax bounds the rows of the table of clients.
const clientsMax = 60

// client is those who sent requests in one stage of the storms: one actor, in all trials of that stage.
type client struct {
	stage, name, tier, manners string
	turned                     int64 // of its failed, away as they should
	attack.Window
}

// clients are all who sent requests in the storms, by stage and then in the order of their trials.
func (r Report) clients() (out []*client) {
	for _, m := range r.stormTrials() {
		if m.Trial.Serial != nil {
			continue
		}
		for i, a := range m.Trial.Actors {
			c := &client{stage: m.Trial.Phase[strings.LastIndexByte(m.Trial.Phase, '/')+1:], name: asWhom(a), tier: a.Identity.Tier, manners: mannersOf(a.Manners)}
			at := slices.IndexFunc(out, func(o *client) bool {
				return o.stage == c.stage && o.name == c.name && o.tier == c.tier && o.manners == c.manners
			})
			if at < 0 {
				at = len(out)
				out = append(out, c)
			}
			for _, w := range m.Windows {
				if w.Actor == i && !w.Warmup {
					out[at].Window.Add(w)
					out[at].turned += turnedAway(m.Trial, w)
				}
			}
		}
	}
	return slices.DeleteFunc(out, func(c *client) bool { return c.Due == 0 })
}

// asWhom is an actor's name, and whose key it sent where that has another name.
func asWhom(a attack.Actor) string {
	if a.Identity.Name == "" || a.Identity.Name == a.Name {
		return a.Name
	}
	return strings.TrimSpace(a.Name + " as " + a.Identity.Name)
}

// identityOf is whose requests an actor of a trial sends.
func identityOf(t attack.Trial, actor int) string {
	if actor >= len(t.Actors) {
		return ""
	}
	return cmp.Or(t.Actors[actor].Identity.Name, t.Actors[actor].Name)
}

func mannersOf(m attack.Manners) string {
	if m.Policy == "" {
		return string(attack.Never)
	}
	return string(m.Policy)
}

// clientTable tells of each identity and each manner what it asked and what became of it; attempts each is what retries make of
// one request.
func clientTable(all []*client) (t Table) {
	t.Head = []string{"client", "stage", "retries", "asked", "attempts each", "ok", "throttled", turnedHead, "failed, shed", "p50", "p99"}
	for i, c := range all {
		if i == clientsMax {
			t.Rows = append(t.Rows, []string{"…", fmt.Sprintf("%d more in the journal", len(all)-i)})
			break
		}
		name, q := c.name, quantiles(c.Response.Quantiles())
		if c.tier != "" && c.tier != c.name {
			name += ", " + c.tier
		}
		t.Rows = append(t.Rows, []string{name, c.stage, c.manners, count(c.Due), fmt.Sprintf("%.2f", share(c.Attempts, max(1, c.Due-c.Unsent))), Percent(share(c.OK, c.Due)), Percent(share(c.Throttled, c.Due)), Percent(share(c.turned, c.Due)), Percent(broken(c.Counts) - share(c.turned, c.Due)), q[0], q[2]})
	}
	return t.without(turnedHead)
}

// alone says how many of the requests that the first screen counts are not in the table of clients, "" where all are: those that
// were sent one after the other, and those of a warm-up.
func (r Report) alone(all []*client) string {
	n := int64(0)
	for _, m := range r.stormTrials() {
		n += m.All().Due
	}
	for _, c := range all {
		n -= c.Due
	}
	if n <= 0 {
		return ""
	}
	return plural(int(n), "request") + " more, counted above, went one after the other or warmed up."
}

// amplified says what retries added to the storms, "" where nobody tried again.
func amplified(all []*client) string {
	var due, attempts int64
	worst := &client{}
	each := func(c *client) float64 { return share(c.Attempts, max(1, c.Due-c.Unsent)) }
	for _, c := range all {
		if c.manners == string(attack.Never) {
			continue
		}
		due, attempts = due+c.Due-c.Unsent, attempts+c.Attempts
		if each(c) > each(worst) {
			worst = c
		}
	}
	if due == 0 || attempts <= due {
		return ""
	}
	return fmt.Sprintf("Clients that try again made %s requests of %s: %.2f each, at worst %.2f (%s, %s).", count(attempts), count(due), share(attempts, due), each(worst), worst.manners, worst.stage)
}
