package export

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/plimsoll-load/plimsoll/limits"
)

var (
	haproxySection = regexp.MustCompile(`^(global|defaults|frontend|backend|listen|peers|resolvers|userlist|cache|program|mailers|ring|http-errors)\b\s*(\S*)`)
	haproxyStore   = regexp.MustCompile(`^stick-table\b.*\bhttp_req_rate\((\d+(?:us|ms|s|m|h|d)?)\)`)
	haproxyTrack   = regexp.MustCompile(`^(?:http-request|tcp-request \w+) track-sc(\d)\b(?:.*\btable\s+(\S+))?`)
	haproxyRefusal = regexp.MustCompile(`^http-request\s+(?:deny|return|tarpit|reject|silent-drop)\b`)
	haproxyTable   = regexp.MustCompile(`\btable_http_req_rate\(([^)\s,]*)\)\s+(?:-m\s+int\s+)?(ge|gt)\s+(\d+)`)
	haproxyCounter = regexp.MustCompile(`\bsc(?:_http_req_rate\((\d)(?:,([^)\s]*))?\)|(\d)_http_req_rate(?:\(([^)\s]*)\))?)\s+(?:-m\s+int\s+)?(ge|gt)\s+(\d+)`)
)

// haproxyFile is what was read so far.
type haproxyFile struct {
	section string                   // name of the current section
	windows map[string]time.Duration // of the tables, by section
	tracked map[string]int           // tables that the current section has tracked, and where
	sticky  map[string]string        // table that a counter of the current section tracks
	rules   []haproxyRule
}

// haproxyRule refuses what is more than the bound of a table.
type haproxyRule struct {
	table string
	bound int
	line  int
	late  bool // the request was counted before the look
}

// haproxyRead finds the limits by request rate: each rule that refuses on the rate of a stick table.
func haproxyRead(r io.Reader) ([]Found, error) {
	f := haproxyFile{windows: map[string]time.Duration{}}
	lines := bufio.NewScanner(io.LimitReader(r, readMax))
	lines.Buffer(nil, 1<<16)
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" || text[0] == '#' {
			continue
		}
		if err := f.line(strings.Join(strings.Fields(text), " "), n); err != nil {
			return nil, err
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	return f.found()
}

func (f *haproxyFile) line(text string, n int) error {
	if m := haproxySection.FindStringSubmatch(text); m != nil {
		f.section, f.tracked, f.sticky = m[2], map[string]int{}, map[string]string{}
		return nil
	}
	if m := haproxyStore.FindStringSubmatch(text); m != nil {
		window, err := haproxyParseTime(m[1])
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		f.windows[f.section] = window
	}
	if m := haproxyTrack.FindStringSubmatch(text); m != nil && f.tracked != nil {
		table := m[2]
		if table == "" {
			table = f.section
		}
		f.tracked[table], f.sticky[m[1]] = n, table
	}
	if !haproxyRefusal.MatchString(text) {
		return nil
	}
	return f.refusal(text, n)
}

// refusal reads the conditions of a rule that refuses. "ge n" refuses the request that finds n, "gt n" the one after.
func (f *haproxyFile) refusal(text string, n int) error {
	for _, m := range haproxyTable.FindAllStringSubmatch(text, -1) {
		if err := f.rule(m[1], m[2], m[3], n); err != nil {
			return err
		}
	}
	for _, m := range haproxyCounter.FindAllStringSubmatch(text, -1) {
		table := m[2] + m[4]
		if table == "" {
			table = f.sticky[m[1]+m[3]]
		}
		if err := f.rule(table, m[5], m[6], n); err != nil {
			return err
		}
	}
	return nil
}

func (f *haproxyFile) rule(table, op, bound string, n int) error {
	b, err := strconv.Atoi(bound)
	if err != nil || b > burstMax {
		return fmt.Errorf("line %d: a bound of %s requests", n, bound)
	}
	if table == "" {
		table = f.section
	}
	_, late := f.tracked[table]
	if op == "gt" {
		b++
	}
	if late {
		b-- // the request itself is in the count
	}
	f.rules = append(f.rules, haproxyRule{table, b, n, late})
	return nil
}

func (f *haproxyFile) found() (found []Found, err error) {
	for _, r := range f.rules {
		window, ok := f.windows[r.table]
		if !ok {
			return nil, fmt.Errorf("line %d: table %q stores no http_req_rate in this file", r.line, oneLine(r.table))
		}
		l := Found{Name: bare(r.table), Ours: ours(r.table), Line: r.line, Limit: limits.Limit{Rate: float64(r.bound) / window.Seconds(), Burst: r.bound}}
		if r.late {
			l.Flaw = "requests are tracked before they are refused: refused ones count, and a steady overload is refused whole"
		}
		found = append(found, l)
	}
	return found, nil
}

func haproxyParseTime(s string) (time.Duration, error) {
	digits := strings.TrimRight(s, "usmhd")
	unit, ok := map[string]time.Duration{"": time.Millisecond, "us": time.Microsecond, "ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}[s[len(digits):]]
	n, err := strconv.ParseInt(digits, 10, 32)
	if !ok || err != nil || n < 1 {
		return 0, fmt.Errorf("%q is no window", s)
	}
	return time.Duration(n) * unit, nil
}
