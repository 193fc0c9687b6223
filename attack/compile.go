package attack

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"sort"
	"strings"
	"text/template"
)

// Rows are the lines of a CSV, each by the names of its columns. The arrival with number seq sees row seq mod rows.
type Rows []map[string]string

// Draw gives the request of the arrival with this number. A fixed one, without templates, is the same pointer every time, so
// that what is made of it can be kept. Requests are read only. A Draw is safe for use by several goroutines.
type Draw func(seq int64) (r *Request, fixed bool, err error)

// fill is what templates see.
type fill struct {
	Seq  int64  // number of the arrival, from 0
	Rand uint64 // a number of its own, the same for the same seed
	CSV  map[string]string
}

// part is a request with its templates parsed; nil stands for text without any.
type part struct {
	request     *Request
	url, body   *template.Template
	header      map[string][]*template.Template
	templated   bool
	weightSoFar float64
	rows        Rows
	seed        uint64
}

// Compile reads the target's templates and returns the draw of its requests: by weight, the same for the same seed and
// number. Bad templates and columns that the rows do not have are errors here, not later.
func (t Target) Compile(seed uint64, rows Rows) (Draw, error) {
	if err := t.Validate(); err != nil {
		return nil, err
	}
	parts, total := make([]*part, len(t.Requests)), 0.0
	_, of := t.endpoints()
	for i := range t.Requests {
		p, err := t.Requests[i].compile(seed, rows)
		if err != nil {
			return nil, fmt.Errorf("request %d of the target: %w", i+1, err)
		}
		p.request.Endpoint = of[i]
		total += p.request.weight()
		p.weightSoFar = total
		parts[i] = p
	}
	return func(seq int64) (*Request, bool, error) {
		u := float64(mix(seed, uint64(seq), 1)>>11) / (1 << 53) * total
		i := sort.Search(len(parts)-1, func(i int) bool { return u < parts[i].weightSoFar })
		r, err := parts[i].expand(seq)
		return r, !parts[i].templated, err
	}, nil
}

func (r *Request) compile(seed uint64, rows Rows) (*part, error) {
	own := *r
	own.Method = r.verb()
	p := &part{request: &own, templated: r.templated(), rows: rows, seed: seed}
	if !p.templated {
		return p, nil
	}
	if err := p.parse(); err != nil {
		return nil, err
	}
	for seq := range max(len(rows), 1) {
		filled, err := p.expand(int64(seq))
		if err != nil {
			return nil, err
		}
		if err := filled.validate(); err != nil {
			return nil, fmt.Errorf("filled in for arrival %d: %w", seq, err)
		}
	}
	return p, nil
}

func (p *part) parse() (err error) {
	if p.url, err = parseTemplate("URL", p.request.URL); err != nil {
		return err
	}
	if p.body, err = parseTemplate("body", string(p.request.Body)); err != nil {
		return err
	}
	p.header = map[string][]*template.Template{}
	for name, values := range p.request.Header {
		for _, v := range values {
			tmpl, err := parseTemplate("header "+name, v)
			if err != nil {
				return err
			}
			p.header[name] = append(p.header[name], tmpl)
		}
	}
	return nil
}

// templated tells a text with an action in it.
func templated(text string) bool { return strings.Contains(text, "{{") }

func (r Request) templated() bool {
	if templated(r.URL) || templated(string(r.Body)) {
		return true
	}
	for _, values := range r.Header {
		if slices.ContainsFunc(values, templated) {
			return true
		}
	}
	return false
}

// In an action, csv.column means the field CSV of what the template sees, wherever the dot stands.
var (
	action = regexp.MustCompile(`(?s)\{\{.*?\}\}`)
	column = regexp.MustCompile(`(^|[^.$"\w])csv\.`)
)

func parseTemplate(where, text string) (*template.Template, error) {
	if !templated(text) {
		return nil, nil
	}
	text = action.ReplaceAllStringFunc(text, func(a string) string { return column.ReplaceAllString(a, "$1$$.CSV.") })
	tmpl, err := template.New(where).Option("missingkey=error").Parse(text)
	if err != nil {
		return nil, fmt.Errorf("template in the %s: %w (use {{.Seq}}, {{.Rand}} or {{csv.column}})", where, err)
	}
	return tmpl, nil
}

// expand fills the templates in for one arrival.
func (p *part) expand(seq int64) (*Request, error) {
	if !p.templated {
		return p.request, nil
	}
	in := fill{Seq: seq, Rand: mix(p.seed, uint64(seq), 2)}
	if n := int64(len(p.rows)); n > 0 {
		in.CSV = p.rows[seq%n]
	}
	out := *p.request
	var err error
	if out.URL, err = in.into(p.url, p.request.URL); err != nil {
		return nil, err
	}
	if p.body != nil {
		body, err := in.into(p.body, "")
		if err != nil {
			return nil, err
		}
		out.Body = []byte(body)
	}
	if out.Header, err = p.expandHeader(in); err != nil {
		return nil, err
	}
	return &out, nil
}

func (p *part) expandHeader(in fill) (map[string][]string, error) {
	header := maps.Clone(p.request.Header)
	for name, tmpls := range p.header {
		values := make([]string, len(tmpls))
		for i, tmpl := range tmpls {
			var err error
			if values[i], err = in.into(tmpl, p.request.Header[name][i]); err != nil {
				return nil, err
			}
		}
		header[name] = values
	}
	return header, nil
}

// into runs a template over the arrival's values; without one it is the plain text.
func (in fill) into(tmpl *template.Template, plain string) (string, error) {
	if tmpl == nil {
		return plain, nil
	}
	var b strings.Builder
	if err := tmpl.Execute(&b, in); err != nil {
		return "", explain(tmpl.Name(), err, in.CSV)
	}
	return b.String(), nil
}

// unknownField is how text/template tells of a field that there is none of.
var unknownField = regexp.MustCompile(`at <([^>]*)>: can't evaluate field`)

// explain says what to do about a template that does not run.
func explain(where string, err error, row map[string]string) error {
	if m := unknownField.FindStringSubmatch(err.Error()); m != nil {
		return fmt.Errorf("template in the %s: {{%s}} is not known, want {{.Seq}}, {{.Rand}} or {{csv.column}}", where, m[1])
	}
	if row == nil {
		return fmt.Errorf("template in the %s: %w; there is no CSV, and {{csv.…}} needs one", where, err)
	}
	return fmt.Errorf("template in the %s: %w; the CSV's columns are %s", where, err, strings.Join(slices.Sorted(maps.Keys(row)), ", "))
}

// mix is a number that looks drawn by lot and depends on its arguments alone: SplitMix64 (Steele, Lea, Flood: Fast
// Splittable Pseudorandom Number Generators, OOPSLA 2014), fed with each in turn.
func mix(words ...uint64) uint64 {
	var z uint64
	for _, w := range words {
		z += w + 0x9e3779b97f4a7c15
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		z ^= z >> 31
	}
	return z
}
