package export

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/plimsoll-load/plimsoll/limits"
)

// directive is one statement of nginx: its words, and the line on which it begins.
type directive struct {
	words []string
	line  int
}

// nginxDirectives reads statements, those inside blocks as well as the heads of blocks. It knows comments and quotes.
func nginxDirectives(r io.Reader) (all []directive, err error) {
	in, line := bufio.NewReader(r), 1
	var d directive
	var word strings.Builder
	var quote rune
	begun, comment := false, false
	end := func() { // of a word
		if begun {
			if len(d.words) == 0 {
				d.line = line
			}
			d.words = append(d.words, word.String())
			word.Reset()
			begun = false
		}
	}
	for {
		c, _, err := in.ReadRune()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		switch {
		case comment:
			comment = c != '\n'
		case c == '\\':
			next, _, _ := in.ReadRune()
			word.WriteRune(next)
			begun = true
		case quote != 0:
			if c == quote {
				quote = 0
			} else {
				word.WriteRune(c)
			}
		case (c == '"' || c == '\'') && !begun:
			quote, begun = c, true
		case c == '#' && !begun:
			comment = true
		case c == ';' || c == '{' || c == '}':
			if end(); len(d.words) > 0 {
				all = append(all, d)
			}
			d = directive{}
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			end()
		default:
			word.WriteRune(c)
			begun = true
		}
		if c == '\n' {
			line++
		}
	}
	if quote != 0 || begun || len(d.words) > 0 {
		return nil, fmt.Errorf("line %d: the file ends within a statement", max(d.line, 1))
	}
	return all, nil
}

// zone is a limit_req_zone.
type zone struct {
	key  string
	rate float64
	line int
	used bool
}

// nginxRead finds the limits of limit_req: one for each use of a zone.
func nginxRead(r io.Reader) (found []Found, err error) {
	all, err := nginxDirectives(r)
	if err != nil {
		return nil, err
	}
	zones, order, named, dry := map[string]*zone{}, []string(nil), false, false
	for _, d := range all {
		switch d.words[0] {
		case "limit_req_zone":
			name, z, err := nginxZone(d)
			if err != nil {
				return nil, err
			}
			zones[name], order = z, append(order, name)
		case "server_name":
			named = named || len(d.words) > 1 && d.words[1] != ""
		case "limit_req_dry_run":
			dry = dry || len(d.words) > 1 && d.words[1] == "on"
		}
	}
	for _, d := range all {
		if d.words[0] != "limit_req" {
			continue
		}
		l, err := nginxUse(d, zones)
		if err != nil {
			return nil, err
		}
		switch {
		case dry:
			l.Flaw = "limit_req_dry_run is on: nothing is refused"
		case !named && l.key == "$server_name":
			l.Flaw = "its key $server_name is empty, as no server_name is set: nothing is limited"
		case l.key == "":
			l.Flaw = "its key is empty: nothing is limited"
		}
		found = append(found, l.Found)
	}
	for _, name := range order {
		if z := zones[name]; !z.used {
			found = append(found, Found{Name: bare(name), Ours: ours(name), Limit: limits.Limit{Rate: z.rate, Burst: 1}, Line: z.line, Flaw: "no limit_req uses its zone: nothing is limited"})
		}
	}
	return found, nil
}

func nginxZone(d directive) (name string, z *zone, err error) {
	if len(d.words) < 4 {
		return "", nil, fmt.Errorf("line %d: limit_req_zone wants a key, a zone and a rate", d.line)
	}
	z = &zone{key: d.words[1], line: d.line}
	for _, w := range d.words[2:] {
		if v, ok := strings.CutPrefix(w, "zone="); ok {
			name, _, _ = strings.Cut(v, ":")
		}
		if v, ok := strings.CutPrefix(w, "rate="); ok {
			per := 1.0
			if minute, ok := strings.CutSuffix(v, "r/m"); ok {
				v, per = minute, 60
			}
			n, err := strconv.ParseInt(strings.TrimSuffix(v, "r/s"), 10, 64)
			if err != nil || n < 1 {
				return "", nil, fmt.Errorf("line %d: rate %q of limit_req_zone, want 10r/s or 10r/m", d.line, w)
			}
			z.rate = float64(n) / per
		}
	}
	if name == "" || z.rate == 0 {
		return "", nil, fmt.Errorf("line %d: limit_req_zone wants a zone and a rate", d.line)
	}
	return name, z, nil
}

type nginxUsed struct {
	Found
	key string
}

func nginxUse(d directive, zones map[string]*zone) (l nginxUsed, err error) {
	burst, nodelay := 0, false
	for _, w := range d.words[1:] {
		if v, ok := strings.CutPrefix(w, "zone="); ok {
			z := zones[v]
			if z == nil {
				return l, fmt.Errorf("line %d: limit_req names zone %q, which no limit_req_zone in the file defines", d.line, oneLine(v))
			}
			z.used = true
			l = nginxUsed{Found{Name: bare(v), Ours: ours(v), Limit: limits.Limit{Rate: z.rate}, Line: d.line}, z.key}
		}
		if v, ok := strings.CutPrefix(w, "burst="); ok {
			if burst, err = strconv.Atoi(v); err != nil || burst < 0 || burst > burstMax {
				return l, fmt.Errorf("line %d: burst %q of limit_req", d.line, oneLine(v))
			}
		}
		nodelay = nodelay || w == "nodelay"
	}
	if l.Line == 0 {
		return l, fmt.Errorf("line %d: limit_req names no zone", d.line)
	}
	l.Limit.Burst = burst + 1
	if burst > 0 && !nodelay {
		l.Flaw = "without nodelay it holds requests back instead of refusing them"
	}
	return l, nil
}

// Names that this program writes begin with plimsoll_.
const ourPrefix = "plimsoll_"

func ours(name string) bool   { return strings.HasPrefix(name, ourPrefix) }
func bare(name string) string { return oneLine(strings.TrimPrefix(name, ourPrefix)) }
