package attack

import (
	"maps"
	"math"
	"math/big"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestDuesOfAnEvenSchedule(t *testing.T) {
	for _, c := range []struct {
		says string
		s    Schedule
		want []time.Duration
	}{
		{"4/s for 1 s are due every quarter, from the start", Constant(4, time.Second, Even), ms(0, 250, 500, 750)},
		{"an empty schedule owes nothing", Schedule{}, nil},
		{"a burst comes all at once, before the rate", Schedule{Segments: []Segment{{From: 2, To: 2, Len: time.Second, Burst: 3}}}, ms(0, 0, 0, 0, 500)},
		{"a burst alone needs no length", Schedule{Segments: []Segment{{Len: time.Second}, {Burst: 2}}}, ms(1000, 1000)},
		{"0 to 8/s in 1 s owes 4: the k-th when t² = k/4", Schedule{Segments: []Segment{{From: 0, To: 8, Len: time.Second}}}, ms(0, 500, 707.106781, 866.025403)},
		{"8 to 0/s in 1 s owes 4, the mirror of it", Schedule{Segments: []Segment{{From: 8, To: 0, Len: time.Second}}}, ms(0, 133.974596, 292.893218, 500)},
		{"clumps gather a second's arrivals at its beginning", Constant(2, 2*time.Second, Clump), ms(0, 0, 1000, 1000)},
		{"fractions are carried: 3 × 0.5 arrivals owe 2", Schedule{Segments: []Segment{{1, 1, 500e6, 0}, {1, 1, 500e6, 0}, {1, 1, 500e6, 0}}}, ms(0, 1000)},
	} {
		t.Run(c.says, func(t *testing.T) {
			got := all(c.s, 1)
			if len(got) != len(c.want) {
				t.Fatalf("got %v, want %v", got, c.want)
			}
			for i := range got {
				if d := got[i] - c.want[i]; d < -time.Nanosecond || d > time.Nanosecond {
					t.Errorf("arrival %d: got %v, want %v", i, got[i], c.want[i])
				}
			}
		})
	}
}

// The floating-point schedule against a slow exact twin: the number of arrivals due before t is that of the exact area.
func TestEvenScheduleAgreesWithItsExactTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := Segment{From: float64(rapid.IntRange(0, 5000).Draw(t, "from")), To: float64(rapid.IntRange(0, 5000).Draw(t, "to")),
			Len: time.Duration(rapid.IntRange(1, 3000).Draw(t, "ms")) * time.Millisecond}
		s := Schedule{Segments: []Segment{g}}
		n := s.Count()
		if n == 0 {
			return
		}
		for k, due := range all(s, 1) {
			// share of the area before due, exactly, must be k/n to within a nanosecond's worth of arrivals
			d := new(big.Rat).SetFrac64(int64(due), 1e9)
			slope := new(big.Rat).Quo(new(big.Rat).SetInt64(int64(g.To-g.From)), new(big.Rat).SetFrac64(int64(g.Len), 1e9))
			area := new(big.Rat).Mul(d, new(big.Rat).SetInt64(int64(g.From)))
			half := new(big.Rat).Mul(slope, new(big.Rat).Mul(d, d))
			area.Add(area, half.Mul(half, big.NewRat(1, 2)))
			got, _ := area.Float64()
			want := float64(k) / float64(n) * g.area()
			if math.Abs(got-want) > 5001e-9+1e-9*want {
				t.Fatalf("%+v: arrival %d of %d stands at area %v, want %v", g, k, n, got, want)
			}
		}
	})
}

func TestEveryScheduleOwesExactlyItsCountInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := schedules().Draw(t, "schedule")
		got := all(s, rapid.Uint64().Draw(t, "seed"))
		if int64(len(got)) != s.Count() {
			t.Fatalf("gave %d arrivals, Count says %d", len(got), s.Count())
		}
		for i, at := range got {
			if at < 0 || at > s.Len() {
				t.Fatalf("arrival %d at %v, outside 0 to %v", i, at, s.Len())
			}
			if i > 0 && at < got[i-1] {
				t.Fatalf("arrival %d at %v, before the %v of the one before", i, at, got[i-1])
			}
		}
	})
}

func TestPoissonArrivalsAreUniformAndSeeded(t *testing.T) {
	s := Constant(1000, 10*time.Second, Poisson)
	a, b, c := all(s, 7), all(s, 7), all(s, 8)
	worst, same := 0.0, 0
	for i := range a {
		if a[i] != b[i] {
			t.Fatalf("the same seed gave %v and %v as arrival %d", a[i], b[i], i)
		}
		if a[i] == c[i] {
			same++
		}
		worst = max(worst, math.Abs(a[i].Seconds()/10-float64(i)/float64(len(a))))
	}
	if same > len(a)/100 {
		t.Errorf("another seed gave %d of %d equal moments", same, len(a))
	}
	// Kolmogorov–Smirnov: 1.95/√n is passed by chance once in a thousand; the seed is fixed, so this is exact.
	if limit := 1.95 / math.Sqrt(float64(len(a))); worst > limit {
		t.Errorf("largest distance from the uniform distribution %.4f, want at most %.4f", worst, limit)
	}
	if worst < 0.1/math.Sqrt(float64(len(a))) {
		t.Errorf("distance %.5f: too even for chance", worst)
	}
}

func TestScheduleRefusesWhatCannotBeSent(t *testing.T) {
	for _, c := range []struct {
		says string
		s    Schedule
	}{
		{"no segments", Schedule{}},
		{"a negative rate", Schedule{Segments: []Segment{{From: -1, To: 1, Len: 1}}}},
		{"a rate that is no number", Schedule{Segments: []Segment{{From: math.NaN(), To: 1, Len: 1}}}},
		{"an endless rate", Schedule{Segments: []Segment{{From: math.Inf(1), To: 1, Len: 1}}}},
		{"more arrivals than a trial may owe", Constant(1e9, time.Hour, Even)},
		{"a process of another name", Schedule{Process: "steady", Segments: []Segment{{Burst: 1}}}},
	} {
		if c.s.Validate() == nil {
			t.Errorf("%s: accepted", c.says)
		}
	}
	if err := Constant(100, time.Second, Poisson).Validate(); err != nil {
		t.Errorf("100/s for a second: %v", err)
	}
}

func TestStreamMergesActorsInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tr := Trial{Seed: 3}
		for range rapid.IntRange(1, 4).Draw(t, "actors") {
			tr.Actors = append(tr.Actors, Actor{Schedule: schedules().Draw(t, "schedule")})
		}
		st, n, last, by := tr.Stream(), int64(0), time.Duration(0), make([]int64, len(tr.Actors))
		for a, ok := st.Next(); ok; a, ok = st.Next() {
			if a.Due < last {
				t.Fatalf("arrival due at %v after one due at %v", a.Due, last)
			}
			n, last = n+1, a.Due
			by[a.Actor]++
		}
		if n != tr.Count() {
			t.Fatalf("stream gave %d arrivals, Count says %d", n, tr.Count())
		}
		for i, a := range tr.Actors {
			if by[i] != a.Schedule.Count() {
				t.Fatalf("actor %d owed %d, got %d", i, a.Schedule.Count(), by[i])
			}
		}
	})
}

func BenchmarkDues(b *testing.B) {
	for _, p := range []Process{Even, Poisson} {
		b.Run(string(p), func(b *testing.B) {
			b.ReportAllocs()
			d := Constant(1e6, time.Hour/4, p).Dues(1)
			for b.Loop() {
				d.Next()
			}
		})
	}
}

func schedules() *rapid.Generator[Schedule] {
	return rapid.Custom(func(t *rapid.T) Schedule {
		s := Schedule{Process: rapid.SampledFrom([]Process{Even, Poisson, Clump, ""}).Draw(t, "process")}
		for range rapid.IntRange(1, 4).Draw(t, "segments") {
			s.Segments = append(s.Segments, Segment{From: rapid.Float64Range(0, 300).Draw(t, "from"), To: rapid.Float64Range(0, 300).Draw(t, "to"),
				Len: time.Duration(rapid.IntRange(0, 2500).Draw(t, "ms")) * time.Millisecond, Burst: rapid.IntRange(0, 5).Draw(t, "burst")})
		}
		return s
	})
}

// The slow twin: the arrivals due at one moment, counted one by one.
func TestCrowdsAreWhatIsDueAtOneMoment(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := schedules().Draw(t, "schedule")
		got, want := map[time.Duration]int64{}, map[time.Duration]int64{}
		for _, c := range s.Crowds() {
			got[c.At] += c.Size
		}
		for _, at := range all(s, 1) {
			want[at]++
		}
		if s.Process == Clump {
			if !maps.Equal(got, want) {
				t.Fatalf("crowds %v, want %v", got, want)
			}
			return
		}
		bursts := int64(0)
		for at, n := range got {
			if bursts += n; n > want[at] {
				t.Fatalf("a crowd of %d at %v, where %d are due", n, at, want[at])
			}
		}
		for _, g := range s.Segments {
			bursts -= int64(g.Burst)
		}
		if bursts != 0 {
			t.Fatalf("crowds of %v more than the bursts", bursts)
		}
	})
}

func all(s Schedule, seed uint64) (out []time.Duration) {
	for d, at := s.Dues(seed), time.Duration(0); ; {
		var ok bool
		if at, ok = d.Next(); !ok {
			return out
		}
		out = append(out, at)
	}
}

func ms(v ...float64) (out []time.Duration) {
	for _, x := range v {
		out = append(out, time.Duration(x*1e6))
	}
	return out
}
