package lab

import (
	"math"
	"testing"
	"testing/synctest"
	"time"
)

func TestLabHasAWayInWithAndWithoutTheThrottle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, err := New(Config{Backend: Sized(500, 1), Gateway: one(1, 2)})
		if err != nil {
			t.Fatal(err)
		}
		if direct, throttled := admits(l.Direct(), "", 10), admits(l.Throttled(), "", 5); direct != 10 || throttled != 2 {
			t.Errorf("%d of 10 direct and %d of 5 throttled, want 10 and 2", direct, throttled)
		}
		for _, path := range []string{"/healthz", "/stats"} {
			if w := get(l.Throttled(), path, ""); w.Code != 200 {
				t.Errorf("%s through an empty bucket: %d, want 200", path, w.Code)
			}
		}
	})
}

func TestLabWithoutALimitIsDirectEverywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, err := New(Config{Backend: Sized(500, 1)})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		ends := storm(l.Throttled(), 2000)
		if got := 2000 / time.Since(began).Seconds(); math.Abs(got/500-1) > 0.02 || len(ends) != 2000 {
			t.Errorf("%.1f/s through a lab without a limit, want 500", got)
		}
	})
}

func TestLabNamesThePartThatIsWrong(t *testing.T) {
	rows := []struct {
		config Config
		want   string
	}{
		{Config{}, "backend: servers 0: use 1 to 10000"},
		{Config{Backend: Sized(100, 1), Gateway: one(0, 1)}, "gateway: default tier: rate 0: use requests per second, more than 0"},
	}
	for _, row := range rows {
		if _, err := New(row.config); err == nil || err.Error() != row.want {
			t.Errorf("got %v, want %s", err, row.want)
		}
	}
}
