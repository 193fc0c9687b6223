package attack

import "testing"

func TestNumbersAgreeWithTheirNouns(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{Plural(0, "arrival"), "0 arrivals"}, {Plural(1, "arrival"), "1 arrival"}, {Plural(int64(12), "arrival"), "12 arrivals"},
		{Were(1, "request"), "1 request was"}, {Were(int64(2), "request"), "2 requests were"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}
