package analyze_test

import (
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/attack/sim/population"
)

// kept is a finding as it is written to a file, so that a long contest may be held in pieces. The measurements are left out.
type kept struct {
	N           int
	Bracket     [3]float64
	Harm, First [9]float64
	Some, Grew  bool
	Ours        []byte
}

func (h harm) numbers() [9]float64 {
	return [...]float64{float64(h.trials), h.seconds, h.requests, h.above, h.excess, h.failed, h.due, h.worst, h.peak}
}

func harmOf(n [9]float64) harm {
	return harm{int(n[0]), n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8]}
}

func keep(f finding) (kept, error) {
	f.ours.Points = nil
	ours, err := json.Marshal(f.ours)
	return kept{f.s.N, [...]float64{f.value, f.lo, f.hi}, f.harm.numbers(), f.first.numbers(), f.some, f.grew, ours}, err
}

func (k kept) finding(s population.Service) (finding, error) {
	b := k.Bracket
	f := finding{s: s, bracket: bracket{b[0], b[1], b[2]}, harm: harmOf(k.Harm), first: harmOf(k.First), some: k.Some, grew: k.Grew}
	return f, json.Unmarshal(k.Ours, &f.ours)
}

// shelf is where findings are kept from one run of TestRivals to the next, and until when this run goes on.
type shelf struct {
	dir   string // empty keeps nothing; to be emptied when a search has changed
	set   population.Set
	until time.Time
}

func (s shelf) file(name string) string {
	return filepath.Join(s.dir, fmt.Sprintf("%d-", s.set.Seed)+strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(name))+".gob")
}

// read is what was found of the set's services in runs before, by their numbers: of all, since what is read is written again.
func (s shelf) read(t *testing.T, name string) map[int]finding {
	t.Helper()
	found := map[int]finding{}
	f, err := os.Open(s.file(name))
	if s.dir == "" || errors.Is(err, fs.ErrNotExist) {
		return found
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var old []kept
	if err := gob.NewDecoder(f).Decode(&old); err != nil {
		t.Fatalf("%s: %v", s.file(name), err)
	}
	by := map[int]population.Service{}
	for _, s := range s.set.Draw() {
		by[s.N] = s
	}
	for _, k := range old {
		if found[k.N], err = k.finding(by[k.N]); err != nil {
			t.Fatal(err)
		}
	}
	return found
}

func (s shelf) write(t *testing.T, name string, found []finding) {
	t.Helper()
	if s.dir == "" {
		return
	}
	var all []kept
	for _, f := range found {
		k, err := keep(f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, k)
	}
	f, err := os.Create(s.file(name))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(gob.NewEncoder(f).Encode(all), f.Close()); err != nil {
		t.Fatal(err)
	}
}

// contest has all contenders search the services that are not on the shelf yet, some services after the others, until the
// time is up: how many all have searched by then, and what they found.
func (s shelf) contest(t *testing.T, field []contender, all []population.Service) (int, map[string][]finding) {
	t.Helper()
	before, found := map[string]map[int]finding{}, map[string][]finding{}
	for _, c := range field {
		before[c.name] = s.read(t, c.name)
	}
	const piece = 6
	n := 0
	for ; n < len(all) && (s.until.IsZero() || time.Now().Before(s.until)); n = min(n+piece, len(all)) {
		for _, c := range field {
			known := before[c.name]
			left := such(all[n:min(n+piece, len(all))], func(one population.Service) bool { _, some := known[one.N]; return !some })
			for _, f := range contest(c, left) {
				known[f.s.N] = f
			}
			for _, one := range all[n:min(n+piece, len(all))] {
				f := known[one.N]
				f.plan = c.plan
				found[c.name] = append(found[c.name], f)
			}
		}
		for _, c := range field {
			s.write(t, c.name, slices.Collect(maps.Values(before[c.name])))
		}
	}
	return n, found
}

// A finding comes back from the shelf as it was put there, a bound that is missing included.
func TestTheShelfKeepsFindings(t *testing.T) {
	many(t)
	t.Parallel()
	services := known(population.Judging)[9:10]
	s, field := shelf{dir: t.TempDir(), set: population.Judging}, []contender{against(rivals[1])}
	_, first := s.contest(t, field, services)
	field[0].find = func(population.Service) finding { t.Error("searched again what is on the shelf"); return finding{} }
	n, again := s.contest(t, field, services)
	if a, b := first[field[0].name][0], again[field[0].name][0]; n != 1 || a.value != b.value || a.hi != b.hi || a.harm != b.harm || a.off() != b.off() {
		t.Errorf("%+v came back as %+v", a, b)
	}
	s.contest(t, field, nil)
	if f, some := s.read(t, field[0].name)[services[0].N]; !some || f.s.N != services[0].N {
		t.Error("a contest over other services lost what was on the shelf")
	}
	s.until = time.Now().Add(-time.Second)
	if n, _ := s.contest(t, field, known(population.Judging)[:2]); n != 0 {
		t.Errorf("%d services were searched after the time was up", n)
	}
}
