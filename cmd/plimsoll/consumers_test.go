package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// declared is what a verify spec tells the script, or the error.
func declared(t *testing.T, v VerifySpec) (scenarios.Config, string, error) {
	t.Helper()
	var said bytes.Buffer
	a := &app{spec: newSpec(), err: &said}
	watch := a.spec.Verify.Watch
	a.spec.Target.URL, a.spec.Verify = "http://127.0.0.1:1/", v
	a.spec.Verify.Watch = watch
	limit, err := a.verifyLimit()
	if err != nil {
		return scenarios.Config{}, said.String(), err
	}
	c, err := a.scenarioConfig(limit)
	return c, said.String(), err
}

func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLimitsInOthersWords(t *testing.T) {
	for _, row := range []struct {
		text      string
		want      limits.Limit
		algorithm scenarios.Algorithm
		profile   scenarios.Profile
		window    time.Duration
		says      string
	}{
		{"100/2s", limits.Limit{Rate: 50, Burst: 100}, "", "", 2 * time.Second, ""},
		{"nginx:rate=10r/s,burst=20,nodelay", limits.Limit{Rate: 10, Burst: 21}, "", "", 0, "21 at once from rest (burst + 1)"},
		{"nginx:rate=10r/s,burst=20", limits.Limit{Rate: 10, Burst: 21}, scenarios.LeakyQueue, "", 0, "held up to 2s"},
		{"nginx:rate=600r/m", limits.Limit{Rate: 10, Burst: 1}, "", "", 0, "1 at once"},
		{"apigateway:rate=2000,burst=5000", limits.Limit{Rate: 2000, Burst: 5000}, "", scenarios.BestEffort, 0, "best-effort"},
		{"envoy:max_tokens=100,tokens_per_fill=20,fill_interval=100ms", limits.Limit{Rate: 200, Burst: 100}, "", "", 0, "filled 20 every 100ms"},
	} {
		c, said, err := declared(t, VerifySpec{Limit: row.text})
		if err != nil || c.Limit != row.want || c.Algorithm != row.algorithm || c.Profile != row.profile || c.Window != row.window || !strings.Contains(said, row.says) {
			t.Errorf("%s: %+v, %q, %q, %v, %q, %v; want %+v and %q", row.text, c.Limit, c.Algorithm, c.Profile, c.Window, said, err, row.want, row.says)
		}
	}
	for text, want := range map[string]string{
		"nginx:rate=10": "", "nginx:burst=2": `rate=""`, "nginx:rate=10r/s,bust=2": "bust is not known", "apigateway:rate=x,burst=1": `rate="x"`, "haproxy:rate=1": "not known",
		"envoy:max_tokens=1,fill_interval=1ms": "at least 50ms", "envoy:max_tokens=1,fill_interval=1s,max_tokens=2": "named twice", "1000/h": "cannot be watched to turn",
	} {
		if _, _, err := declared(t, VerifySpec{Limit: text}); want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

const keysYAML = `
- {name: ann, secret: "${PLIMSOLL_TEST_KEY}"}
- {name: bob, secret: s3cret-bob, tier: gold}
- {name: ops, secret: s3cret-ops, exempt: true, header: X-Internal}
`

func TestKeysOfAFile(t *testing.T) {
	t.Setenv("PLIMSOLL_TEST_KEY", "s3cret-ann")
	for name, text := range map[string]string{"keys.yaml": keysYAML, "keys.csv": "name,secret,tier,exempt,header\nann,${PLIMSOLL_TEST_KEY},,,\nbob,s3cret-bob,gold,false,\nops,s3cret-ops,,true,X-Internal\n"} {
		c, _, err := declared(t, VerifySpec{Limit: "200/s", Burst: 100, Keys: file(t, name, text), KeyHeader: "Authorization: Bearer ", Tiers: []string{"gold=400/s,200,1M/day"}, Stage: "1000/s,500"})
		if err != nil || len(c.Keys) != 3 {
			t.Fatalf("%s: %d keys, %v", name, len(c.Keys), err)
		}
		ann, bob, ops := c.Keys[0], c.Keys[1], c.Keys[2]
		if ann.Identity.Header != "Authorization" || ann.Identity.Value.Reveal() != "Bearer s3cret-ann" || c.Identity != ann.Identity || bob.Identity.Tier != "gold" || !ops.Exempt ||
			ops.Identity.Header != "X-Internal" || ops.Identity.Value.Reveal() != "s3cret-ops" {
			t.Errorf("%s: %v %v %v as %v", name, ann, bob, ops, c.Identity)
		}
		if g := c.Tiers[0]; g.Limit != (limits.Limit{Rate: 400, Burst: 200}) || g.Quota != 1_000_000 || g.Period != 24*time.Hour || c.Stage != (limits.Limit{Rate: 1000, Burst: 500}) {
			t.Errorf("%s: tier %+v, stage %+v", name, g, c.Stage)
		}
	}
}

func TestTheFirstKeysTierIsProven(t *testing.T) {
	keys := file(t, "keys.csv", "name,secret,tier\nbob,b,gold\n")
	c, _, err := declared(t, VerifySpec{Keys: keys, Tiers: []string{"gold=400/s,50"}})
	if err != nil || c.Limit != (limits.Limit{Rate: 400, Burst: 50}) || c.Identity.Name != "bob" {
		t.Errorf("limit %+v as %s, %v; want that of gold as bob", c.Limit, c.Identity.Name, err)
	}
	if _, _, err := declared(t, VerifySpec{Limit: "200/s", Burst: 10, Keys: keys, Tiers: []string{"gold=400/s,50"}}); err == nil || !strings.Contains(err.Error(), "tier gold") {
		t.Errorf("another --limit than the first key's tier: %v", err)
	}
}

// What is wrong with keys is told without a word of what stands there.
func TestBadKeysAreToldWithoutTheirSecrets(t *testing.T) {
	for name, row := range map[string]struct {
		v    VerifySpec
		want string
	}{
		"no file":         {VerifySpec{Keys: "/nonexistent.yaml"}, "--keys"},
		"no list":         {VerifySpec{Keys: file(t, "k.yaml", "s3cret: s3cret")}, "want a list of keys"},
		"unknown field":   {VerifySpec{Keys: file(t, "k.yaml", "- {name: a, key: s3cret}")}, "want a list of keys"},
		"unknown column":  {VerifySpec{Keys: file(t, "k.csv", "name,s3cret\na,s3cret\n")}, "column 2 is not known"},
		"no variable":     {VerifySpec{Keys: file(t, "k.yaml", "- {name: a, secret: 'x${PLIMSOLL_NOT_SET}s3cret'}")}, "${PLIMSOLL_NOT_SET} is not set"},
		"no secret":       {VerifySpec{Keys: file(t, "k.yaml", "- {name: a}")}, "secret is empty"},
		"the same twice":  {VerifySpec{Keys: file(t, "k.yaml", "[{name: a, secret: s3cret}, {name: b, secret: s3cret}]")}, "that of an earlier key"},
		"unknown tier":    {VerifySpec{Keys: file(t, "k.yaml", "- {name: a, secret: s3cret, tier: gold}")}, `tier "gold" is not declared`},
		"bad tier":        {VerifySpec{Tiers: []string{"gold"}}, "want name=rate,burst"},
		"bad burst":       {VerifySpec{Tiers: []string{"gold=1/s,x"}}, "is no burst"},
		"bad quota":       {VerifySpec{Tiers: []string{"gold=1/s,1,5/fortnight"}}, "want a number and a period"},
		"bad stage":       {VerifySpec{Stage: "x"}, "--stage"},
		"two places":      {VerifySpec{KeyHeader: "A", KeyQuery: "b"}, "exclude one another"},
		"no header":       {VerifySpec{KeyHeader: "A B"}, "no header name"},
		"one instance":    {VerifySpec{Instances: []string{"http://a:1"}}, "at least two"},
		"a bypass of its": {VerifySpec{Bypass: "all"}, "want safe, unsafe or off"},
	} {
		row.v.Limit, row.v.Burst = "200/s", 100
		_, _, err := declared(t, row.v)
		if err == nil || !strings.Contains(err.Error(), row.want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v, want %q and no secret", name, err, row.want)
		}
	}
}
