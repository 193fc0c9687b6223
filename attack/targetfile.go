package attack

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// The longest line of a target file, in bytes: a JSON line holds its body.
const maxTargetLine = 16 << 20

// ParseTarget reads a target file in one of vegeta's two formats and tells them apart by the first line that says
// anything: JSON lines begin with a brace. body reads the files that @file lines name. Errors name the line.
//
// The http format is a line "METHOD URL", then header lines "Name: value", then perhaps a line "@file" for the body; an
// empty line, or the next method, ends a request; # begins a comment. In the json format each line is an object with
// method, url, and perhaps header (lists of values) and body (base64).
func ParseTarget(src io.Reader, body func(path string) ([]byte, error)) (Target, error) {
	p := parser{body: body}
	lines := bufio.NewScanner(src)
	lines.Buffer(nil, maxTargetLine)
	for lines.Scan() {
		p.line++
		if err := p.read(strings.TrimSpace(strings.TrimPrefix(lines.Text(), "\ufeff"))); err != nil {
			return Target{}, fmt.Errorf("target file, line %d: %w", p.line, err)
		}
	}
	if err := lines.Err(); err != nil {
		return Target{}, fmt.Errorf("read target file after line %d: %w", p.line, err)
	}
	if len(p.target.Requests) == 0 {
		return Target{}, errors.New("target file is empty: it needs at least one line like GET http://host/path")
	}
	return p.target, nil
}

type parser struct {
	body   func(string) ([]byte, error)
	target Target
	line   int
	json   bool
	inside bool // a request of the http format that may have more lines
}

// method tells a line that begins a request, as vegeta does: a word in capitals and a blank.
var method = regexp.MustCompile(`^[A-Z]+\s`)

func (p *parser) read(line string) error {
	if len(p.target.Requests) == 0 && strings.HasPrefix(line, "{") {
		p.json = true
	}
	switch {
	case line == "":
		p.inside = false
		return nil
	case p.json:
		return p.readJSON(line)
	case strings.HasPrefix(line, "#"):
		return nil
	case method.MatchString(line):
		verb, rest, _ := strings.Cut(line, " ")
		p.inside = true
		return p.add(Request{Method: verb, URL: strings.TrimSpace(rest)})
	case !p.inside:
		return fmt.Errorf("want METHOD URL, as in GET http://host/path; got %q", firstWord(line))
	case strings.HasPrefix(line, "@"):
		return p.readBody(strings.TrimSpace(line[1:]))
	}
	return p.readHeader(line)
}

// firstWord keeps what an error shows of a line short, and secrets out of it.
func firstWord(line string) string {
	word, _, _ := strings.Cut(line, " ")
	return RedactURL(word)
}

func (p *parser) add(r Request) error {
	if len(p.target.Requests) == MaxRequests {
		return fmt.Errorf("more than %s; put what varies into a CSV", Plural(MaxRequests, "request"))
	}
	if err := r.validate(); err != nil {
		return err
	}
	p.target.Requests = append(p.target.Requests, r)
	return nil
}

func (p *parser) readHeader(line string) error {
	name, value, has := strings.Cut(line, ":")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	if !has || name == "" || value == "" {
		return errors.New("want a header like Name: value")
	}
	r := &p.target.Requests[len(p.target.Requests)-1]
	if r.Header == nil {
		r.Header = map[string][]string{}
	}
	r.Header[name] = append(r.Header[name], value) // as written: some servers tell cases apart
	return r.validate()
}

func (p *parser) readBody(path string) (err error) {
	p.inside = false
	r := &p.target.Requests[len(p.target.Requests)-1]
	if r.Body, err = p.body(path); err != nil {
		return fmt.Errorf("body of the request: %w", err)
	}
	return nil
}

func (p *parser) readJSON(line string) error {
	var in struct {
		Method string              `json:"method"`
		URL    string              `json:"url"`
		Header map[string][]string `json:"header"`
		Body   []byte              `json:"body"`
		Name   string              `json:"name"`
		Weight float64             `json:"weight"`
	}
	dec := json.NewDecoder(bytes.NewReader([]byte(line)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&in); err != nil {
		return fmt.Errorf("want one JSON object with method, url, header, body: %w", err)
	}
	switch {
	case dec.More():
		return errors.New("more than one JSON object in the line")
	case in.Method == "":
		return errors.New("method is missing")
	case in.URL == "":
		return errors.New("url is missing")
	}
	return p.add(Request{Name: in.Name, Weight: in.Weight, Method: in.Method, URL: in.URL, Header: in.Header, Body: in.Body})
}
