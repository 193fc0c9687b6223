package engine

import (
	"runtime"
	"testing"
)

func TestQuotas(t *testing.T) {
	for name, row := range map[string]struct {
		text    string
		cores   float64
		limited bool
	}{
		"half a core":            {"50000 100000\n", .5, true},
		"two cores":              {"200000 100000\n", 2, true},
		"no quota":               {"max 100000\n", 0, false},
		"a period of nothing":    {"100000 0\n", 0, false},
		"another kernel's words": {"100000\n", 0, false},
		"nothing":                {"", 0, false},
	} {
		if cores, limited := parseQuota(row.text); cores != row.cores || limited != row.limited {
			t.Errorf("%s: parseQuota(%q) = %v, %v; want %v, %v", name, row.text, cores, limited, row.cores, row.limited)
		}
	}
}

func TestTheGroupOfThisProcess(t *testing.T) {
	for text, want := range map[string]string{
		"0::/user.slice/a.scope\n":          "/user.slice/a.scope",
		"12:cpu:/old\n0::/new\n":            "/new",
		"12:cpu:/old\n":                     "/",
		"0::/../../outside the namespace\n": "/outside the namespace",
		"":                                  "/",
	} {
		if got := groupOf(text); got != want {
			t.Errorf("groupOf(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestUsableCoresAreSome(t *testing.T) {
	if got := usableCores(); !(got > 0) || got > float64(runtime.GOMAXPROCS(0)) {
		t.Errorf("usableCores = %v, want more than 0 and at most GOMAXPROCS, %d", got, runtime.GOMAXPROCS(0))
	}
}
