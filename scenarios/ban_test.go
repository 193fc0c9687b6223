package scenarios_test

import (
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/limits/model"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// banning is a throttle of 200/s and 60 at once that bans whoever it refuses.
func banning(long time.Duration, renewed bool) func() model.Limiter {
	return func() model.Limiter { return model.NewBan(model.NewBucket(200, 60), long, renewed) }
}

// A ban passes as declared, whether asking on renews it or not, and with it everything else; without the declaration, or
// with another length, it fails.
func TestADeclaredBan(t *testing.T) {
	for _, row := range []struct {
		says  string
		ban   string // declared; "" for none
		make  func() model.Limiter
		fails string
		why   string
	}{
		{"a ban as declared", "ban=2s", banning(2*time.Second, false), "", "asking on does not renew"},
		{"a ban that is renewed", "ban=2s", banning(2*time.Second, true), "", "every refused request renews"},
		{"a ban that nobody declared", "", banning(2*time.Second, false), "V01 V22", "of it was served"},
		{"no ban", "ban=2s", func() model.Limiter { return model.NewBucket(200, 60) }, "V01 V22", "or there is none"},
		{"half of it", "ban=2s", banning(time.Second, false), "V01 V22", "shorter than declared"},
		{"half of it, renewed", "ban=2s", banning(time.Second, true), "V01 V22", "shorter than declared"},
		{"half as long again", "ban=2s", banning(3*time.Second, false), "V01 V22", "longer than declared"},
		{"half as long again, renewed", "ban=2s", banning(3*time.Second, true), "V01 V22", "longer than declared"},
		{"twice it", "ban=2s", banning(4*time.Second, false), "V01 V22", "longer than declared"},
		{"a third more", "ban=2s", banning(2600*time.Millisecond, false), "V01 V22", "longer than declared"},
		{"twice the burst and a ban", "ban=2s", func() model.Limiter { return model.NewBan(model.NewBucket(200, 120), 2*time.Second, false) }, "V02", "larger than 60"},
	} {
		for seed := range uint64(2) {
			conf := config(200, 60)
			conf.Seed, conf.Only = seed+1, strings.Fields("V01 V02 V03 V04 V05 V08 V09 V15 V22 V28")
			if row.ban != "" {
				if err := conf.Expect(row.ban); err != nil {
					t.Fatal(err)
				}
			}
			_, vs := play(t, conf, onePast(row.make(), 200))
			fails := by(vs, scenarios.Fail)
			if got := fails; !between(got, row.fails, allowed(row.fails)) || !strings.Contains(whys(vs), row.why) && row.why != "" && row.fails != "" {
				t.Errorf("%s, seed %d: fails %q, want %q and %q\n%s", row.says, conf.Seed, got, row.fails, row.why, tell(vs))
			}
			if row.fails == "" && (by(vs, scenarios.Inconclusive) != "" || !strings.Contains(tell(vs), row.why)) {
				t.Errorf("%s, seed %d: inconclusive %q, want none, and %q\n%s", row.says, conf.Seed, by(vs, scenarios.Inconclusive), row.why, tell(vs))
			}
		}
	}
}

// allowed are the checks that may follow from a fault of the ban: who is shut out longer is also refused later.
func allowed(fails string) string {
	if fails == "" {
		return ""
	}
	return "V03 V04 V08 V09 V15"
}

func TestBansThatCannotBeSeen(t *testing.T) {
	for _, row := range []struct {
		ban  time.Duration
		rate float64
		says string
	}{{100 * time.Millisecond, 200, "want 500ms to 30s"}, {time.Hour, 200, "want 500ms to 30s"}, {time.Second, 2, "cannot be told from the wait for a token"}} {
		conf := config(row.rate, 10)
		conf.Ban = row.ban
		if _, err := scenarios.New(conf); err == nil || !strings.Contains(err.Error(), row.says) {
			t.Errorf("a ban of %v at %v/s: %v, want %q", row.ban, row.rate, err, row.says)
		}
	}
	for _, text := range []string{"ban", "ban=", "ban=soon", "ban=-2s", "ban=0"} {
		var conf scenarios.Config
		if err := conf.Expect(text); err == nil || !strings.Contains(err.Error(), "as 2s") {
			t.Errorf("%s: %v, want an error that tells how a time is written", text, err)
		}
	}
}
