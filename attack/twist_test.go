package attack_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/plimsoll-load/plimsoll/attack"
)

func TestTwistsOfAPath(t *testing.T) {
	for _, row := range []struct {
		twist     attack.Twist
		from, to  string
		sentAsGet bool
	}{
		{attack.Twist{}, "http://h/a%2Fb?q=1", "http://h/a%2Fb?q=1", true},
		{attack.Twist{Prefix: "/"}, "http://h/a", "http://h//a", true},
		{attack.Twist{Suffix: "/"}, "http://h/a?q=1", "http://h/a/?q=1", true},
		{attack.Twist{Case: true}, "http://h/aPi/x%2f", "http://h/ApI/X%2f", true},
		{attack.Twist{Suffix: "%20"}, "http://h/a", "http://h/a%20", true},
		{attack.Twist{Prefix: "/."}, "http://h", "http://h/./", true},
		{attack.Twist{Query: "p=1"}, "http://h/a", "http://h/a?p=1", true},
		{attack.Twist{Query: "p=1"}, "http://h/a?q=1", "http://h/a?q=1&p=1", true},
		{attack.Twist{Base: "https://other:8443"}, "http://h/a?q=1", "https://other:8443/a?q=1", true},
		{attack.Twist{Method: "POST"}, "http://h/a", "http://h/a", false},
	} {
		if err := row.twist.Validate(); err != nil {
			t.Errorf("%+v is said to be wrong: %v", row.twist, err)
		}
		u, err := url.Parse(row.from)
		if err != nil {
			t.Fatal(err)
		}
		method := row.twist.Apply("GET", u, map[string][]string{})
		if u.String() != row.to || (method == "GET") != row.sentAsGet {
			t.Errorf("%+v makes %s %s of %s, want %s", row.twist, method, u, row.from, row.to)
		}
	}
}

func TestATwistTakesTheHeadersOfItsNames(t *testing.T) {
	h := map[string][]string{"x-forwarded-for": {"1.2.3.4"}, "Accept": {"*/*"}}
	attack.Twist{Header: map[string]attack.Secret{"X-Forwarded-For": "10.0.0.7"}}.Apply("GET", &url.URL{}, h)
	if len(h) != 2 || h["X-Forwarded-For"][0] != "10.0.0.7" || h["Accept"][0] != "*/*" {
		t.Errorf("headers %v, want the given address and Accept as it was", h)
	}
}

func TestImpossibleTwistsAreTold(t *testing.T) {
	for _, twist := range []attack.Twist{{Method: "GE T"}, {Base: "ftp://x"}, {Base: "10.0.0.7"}, {Prefix: "/ "}, {Suffix: "#x"}, {Query: "a=b c"},
		{Header: map[string]attack.Secret{"Host": "x"}}, {Header: map[string]attack.Secret{"X": "a\r\nb"}}, {Header: map[string]attack.Secret{"": "x"}}} {
		if twist.Validate() == nil {
			t.Errorf("%+v is allowed", twist)
		}
		trial := attack.Trial{Serial: &attack.Serial{Max: 1, Twist: twist}}
		if trial.Validate() == nil {
			t.Errorf("a serial order with %+v is allowed", twist)
		}
		trial = attack.Trial{Actors: []attack.Actor{{Schedule: attack.Schedule{Segments: []attack.Segment{{Burst: 1, Len: 1}}}, Twist: twist}}}
		if trial.Validate() == nil {
			t.Errorf("an actor with %+v is allowed", twist)
		}
	}
}

func TestNoSecretOfATwistIsWritten(t *testing.T) {
	text, err := json.Marshal(attack.Trial{Actors: []attack.Actor{{Name: "x", Twist: attack.Twist{Method: "HEAD", Query: "token=s3cret", Header: map[string]attack.Secret{"X-Internal": "s3cret"}}}, {Name: "plain"}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := string(text); strings.Contains(got, "s3cret") || !strings.Contains(got, "X-Internal") || !strings.Contains(got, "HEAD") || strings.Count(got, "twist") != 1 {
		t.Errorf("written as %s", got)
	}
}
