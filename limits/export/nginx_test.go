package export_test

import (
	"strings"
	"testing"

	"github.com/plimsoll-load/plimsoll/limits/export"
)

func TestNginxReadsWhatPeopleDeploy(t *testing.T) {
	nginx, _ := export.Lookup("nginx")
	for _, c := range []struct{ file, want string }{
		{`limit_req_zone $all zone=z:1m rate=200r/s; server { location / { limit_req zone=z burst=99 nodelay; } }`, "z 200/s, 100 at once"},
		{`limit_req_zone $all zone=z:1m rate=30r/m; limit_req zone=z;`, "z 0.5/s, 1 at once"},
		{"limit_req_zone $all # rate=1r/s;\n zone=z:1m 'rate=200r/s'; limit_req zone=z burst=99;", "z 200/s, 100 at once, but without nodelay it holds requests back instead of refusing them"},
		{`limit_req_zone $server_name zone=z:1m rate=200r/s; limit_req zone=z burst=99 nodelay;`, "z 200/s, 100 at once, but its key $server_name is empty, as no server_name is set: nothing is limited"},
		{`limit_req_zone $server_name zone=z:1m rate=200r/s; server { server_name x; limit_req zone=z burst=99 nodelay; }`, "z 200/s, 100 at once"},
		{`limit_req_zone "" zone=z:1m rate=200r/s; limit_req zone=z burst=99 nodelay;`, "z 200/s, 100 at once, but its key is empty: nothing is limited"},
		{`limit_req_zone $a zone=z:1m rate=200r/s;`, "z 200/s, 1 at once, but no limit_req uses its zone: nothing is limited"},
		{`limit_req_dry_run on; limit_req_zone $a zone=z:1m rate=2r/s; limit_req zone=z burst=9 nodelay;`, "z 2/s, 10 at once, but limit_req_dry_run is on: nothing is refused"},
		{`limit_req_zone $a zone=z:1m rate=x; limit_req zone=z;`, `line 1: rate "rate=x" of limit_req_zone, want 10r/s or 10r/m`},
		{"\n\nlimit_req zone=y;", `line 3: limit_req names zone "y", which no limit_req_zone in the file defines`},
		{`limit_req zone="y`, "line 1: the file ends within a statement"},
		{`limit_req_zone`, "line 1: the file ends within a statement"},
		{`limit_req_zone a;`, "line 1: limit_req_zone wants a key, a zone and a rate"},
		{``, ""},
	} {
		found, err := nginx.Read(strings.NewReader(c.file))
		got := ""
		if err != nil {
			got = err.Error()
		} else if len(found) > 0 {
			got = found[0].String()
		}
		if got != c.want {
			t.Errorf("%s\nread as %s\n   want %s", c.file, got, c.want)
		}
	}
}
