package analyze_test

import (
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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
	Some        bool
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
	return kept{f.s.N, [...]float64{f.value, f.lo, f.hi}, f.harm.numbers(), f.first.numbers(), f.some, ours}, err
}

func (k kept) finding(s population.Service) (finding, error) {
	b := k.Bracket
	f := finding{s: s, bracket: bracket{b[0], b[1], b[2]}, harm: harmOf(k.Harm), first: harmOf(k.First), some: k.Some}
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

// read is what was found of the services in runs before, by their numbers.
func (s shelf) read(t *testing.T, name string, all []population.Service) map[int]finding {
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
	for _, s := range all {
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

// contest has a contender search the services that are not on the shelf yet, until the time is up. It is false when some
// are left for the next run.
func (s shelf) contest(t *testing.T, c contender, all []population.Service) ([]finding, bool) {
	t.Helper()
	found := s.read(t, c.name, all)
	const piece = 8
	for from := 0; from < len(all); from += piece {
		var left []population.Service
		for _, one := range all[from:min(from+piece, len(all))] {
			if _, known := found[one.N]; !known {
				left = append(left, one)
			}
		}
		if len(left) > 0 && !s.until.IsZero() && time.Now().After(s.until) {
			break
		}
		for _, f := range contest(c, left) {
			found[f.s.N] = f
		}
	}
	var out []finding
	for _, one := range all {
		if f, known := found[one.N]; known {
			f.plan = c.plan
			out = append(out, f)
		}
	}
	s.write(t, c.name, out)
	return out, len(out) == len(all)
}

// A finding comes back from the shelf as it was put there, a bound that is missing included.
func TestTheShelfKeepsFindings(t *testing.T) {
	many(t)
	t.Parallel()
	services := known(population.Judging)[:1]
	s, c := shelf{dir: t.TempDir()}, against(rivals[1])
	first, whole := s.contest(t, c, services)
	c.find = func(population.Service) finding { t.Error("searched again what is on the shelf"); return finding{} }
	again, _ := s.contest(t, c, services)
	if a, b := first[0], again[0]; !whole || a.value != b.value || a.hi != b.hi || a.harm != b.harm || a.off() != b.off() {
		t.Errorf("%+v came back as %+v", a, b)
	}
	s.until = time.Now().Add(-time.Second)
	if some, whole := s.contest(t, against(rivals[1]), known(population.Judging)[:2]); whole || len(some) != 1 {
		t.Errorf("%d findings, all of them %v, after the time was up, want the one that was kept", len(some), whole)
	}
}
