package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-load/plimsoll/scenarios/lab"
)

func TestLabFlagsMakeTheGateway(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.csv")
	if err := os.WriteFile(file, []byte("name,tier,secret,exempt\ncid,gold,s3,false\nops,,s4,true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l := labSpec{capacity: 800, rate: 50, burst: 20, algorithm: "sliding-log", window: 400 * time.Millisecond, tiers: []string{"gold=200/s,80", "trial=5,10,100/h"},
		keys: []string{"ann=s1", "bob=s2,gold,exempt"}, keyFile: file, keyHeader: "Authorization", stage: "300/s,150", ban: time.Second, banRenews: true, instances: 3,
		headers: "structured", retryAfter: "date", refusal: 503, fault: "forgets", seed: 1}
	got, err := l.config()
	if err != nil {
		t.Fatal(err)
	}
	want := lab.GatewayConfig{Algorithm: lab.SlidingLog, Window: 400 * time.Millisecond, Default: lab.Tier{Limit: lab.Limit{Rate: 50, Burst: 20}},
		Tiers:     map[string]lab.Tier{"gold": {Limit: lab.Limit{Rate: 200, Burst: 80}}, "trial": {Limit: lab.Limit{Rate: 5, Burst: 10}, Quota: 100, Period: time.Hour}},
		Keys:      []lab.Key{{Secret: "s1"}, {Secret: "s2", Tier: "gold", Exempt: true}, {Secret: "s3", Tier: "gold"}, {Secret: "s4", Exempt: true}},
		KeyHeader: "Authorization", Stage: lab.Limit{Rate: 300, Burst: 150}, Ban: time.Second, BanRenews: true, Instances: 3, Headers: lab.Structured, RetryAfter: lab.Date, Refusal: 503, Fault: "forgets"}
	if diff := cmp.Diff(want, got.Gateway); diff != "" {
		t.Error(diff)
	}
}

func TestLabFlagsAreRefusedWithoutTheirSecrets(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	for _, row := range []struct {
		args string
		want string
	}{
		{"--tier gold", "--tier: number 1, want name=rate,burst"},
		{"--tier gold=200/s", "--tier: gold: want a rate and a burst"},
		{"--tier gold=fast,3", "--tier: gold: \"fast\" is no rate"},
		{"--tier gold=5,x", "--tier: gold: burst \"x\" is no whole number"},
		{"--tier gold=5,3 --tier gold=5,3", "--tier: gold is named twice"},
		{"--stage 5", "--stage: want a rate and a burst"},
		{"--key hush", "--key: number 1, want name=secret"},
		{"--key ann=hush,gold", `key 1: tier "gold" is not among the tiers`},
		{"--key ann=hush --key bob=hush", "key 2 has the secret of an earlier one"},
		{"--keys " + filepath.Join(dir, "absent.csv"), "no such file"},
		{"--keys " + write("empty.csv", ""), "no header row"},
		{"--keys " + write("bare.csv", "hush,gold\nx,y\n"), "column 1 is not known"},
		{"--keys " + write("short.csv", "name,secret\nann,hush\nhush\n"), "line 3 cannot be read as CSV"},
		{"--algorithm leaky", `algorithm "leaky" is not known: use one of token-bucket, gcra`},
		{"--headers loud", `headers "loud" is not known`},
		{"--refusal-status 200", "refusals of status 200: use 400 to 599"},
		{"--instances 99", "99 instances: use 1 to 64"},
		{"--fault rate-duble", "did you mean rate-double"},
		{"--addr nowhere", "--addr"},
	} {
		var out, errs strings.Builder
		args := append([]string{"lab", "--rate", "10", "--burst", "5"}, strings.Fields(row.args)...)
		code := run(context.Background(), args, strings.NewReader(""), &out, &errs)
		if said := out.String() + errs.String(); code != exitMisuse || !strings.Contains(said, row.want) || strings.Contains(said, "hush") {
			t.Errorf("%s: exit %d, %q, want exit 2, %q and no secret", row.args, code, said, row.want)
		}
	}
}

func TestTheLabServesItsInstancesAndOddPaths(t *testing.T) {
	built, err := lab.New(lab.Config{Backend: lab.Sized(800, 1), Gateway: lab.GatewayConfig{Default: lab.Tier{Limit: lab.Limit{Rate: .1, Burst: 3}}, Instances: 2}})
	if err != nil {
		t.Fatal(err)
	}
	one, other := httptest.NewServer(serving(built.Instance(0), http.NotFoundHandler(), built).Handler), httptest.NewServer(serving(built.Instance(1), http.NotFoundHandler(), built).Handler)
	defer one.Close()
	defer other.Close()
	statuses := ""
	for _, url := range []string{one.URL + "//x", other.URL + "/x/", one.URL + "/x", other.URL + "/x", one.URL + "/healthz", one.URL + "/direct/x", one.URL + "/metrics"} {
		resp, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		statuses += fmt.Sprint(resp.StatusCode, " ")
	}
	if want := "200 200 200 429 200 200 404 "; statuses != want {
		t.Errorf("statuses %s, want %s: two instances share a bucket of 3, and //x is no other path", statuses, want)
	}
}

func TestTheLabListsItsFaults(t *testing.T) {
	var out, errs strings.Builder
	if code := run(context.Background(), []string{"lab", "--fault", "list"}, strings.NewReader(""), &out, &errs); code != 0 {
		t.Fatalf("exit %d, %s", code, errs.String())
	}
	if n := strings.Count(out.String(), "\n"); n != len(lab.Faults()) || n < 50 {
		t.Errorf("%d lines, want one for each of %d faults, at least 50", n, len(lab.Faults()))
	}
}
