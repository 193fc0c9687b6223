package main

import (
	"bytes"
	"encoding/base64"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/plimsoll-load/plimsoll/attack"
)

// maxBody bounds a request body and a target file read into memory.
const maxBody = 64 << 20

// target is the requests that the spec asks for, and the rows that fill their templates.
func (a *app) target() (attack.Target, attack.Rows, error) {
	t := &a.spec.Target
	target, err := a.requests()
	if err != nil {
		return target, nil, err
	}
	if err := t.addCommon(&target); err != nil {
		return target, nil, err
	}
	rows, err := readRows(t.CSV)
	if err != nil {
		return target, nil, err
	}
	if err := target.Validate(); err != nil {
		return target, nil, t.wrong(err)
	}
	return target, rows, nil
}

// wrong tells of requests that cannot be sent, by the key of a spec that says them. A single URL is no request of several.
func (t TargetSpec) wrong(err error) error {
	f := &failure{code: exitMisuse, err: err}
	switch one := errors.Unwrap(err); {
	case t.URL != "" && one != nil && aboutFlag.MatchString(one.Error()):
		return flagged(one)
	case t.URL != "" && one != nil:
		f.key, f.err = "target.url", one
	case len(t.Requests) > 0:
		f.key = "target.requests"
	}
	return f
}

func (a *app) requests() (attack.Target, error) {
	t := a.spec.Target
	given := 0
	for _, is := range []bool{t.URL != "", t.File != "", len(t.Requests) > 0} {
		if is {
			given++
		}
	}
	switch {
	case given == 0:
		return attack.Target{}, misuseHint("example: plimsoll find http://127.0.0.1:8080/", "no target: give a URL, --targets FILE, or target.url in a spec")
	case given > 1:
		return attack.Target{}, misuse("more than one target: give a URL, --targets FILE or target.requests, not several of them")
	case t.File != "":
		return a.targetFile(t.File)
	case t.URL != "":
		body, err := a.body(t.Body)
		if err != nil {
			return attack.Target{}, err
		}
		return attack.Target{Requests: []attack.Request{{Method: t.Method, URL: withScheme(t.URL), Body: body}}}, nil
	}
	var out attack.Target
	for i, r := range t.Requests {
		body := r.Body
		if r.BodyFile != "" {
			body = "@" + r.BodyFile
		}
		data, err := a.body(body)
		if err != nil {
			return out, err
		}
		header, err := headerMap(r.Headers)
		if err != nil {
			return out, misuse("target.requests[%d]: %w", i, err)
		}
		out.Requests = append(out.Requests, attack.Request{Name: r.Name, Weight: r.Weight, Method: r.Method, URL: withScheme(r.URL), Header: header, Body: data})
	}
	return out, nil
}

// targetFile reads requests in one of vegeta's formats. Body files are looked for beside the target file first.
func (a *app) targetFile(path string) (attack.Target, error) {
	data, err := a.readAll(path)
	if err != nil {
		return attack.Target{}, misuse("--targets: %w", err)
	}
	target, err := attack.ParseTarget(bytes.NewReader(data), func(name string) ([]byte, error) {
		if found, err := a.readAll(filepath.Join(filepath.Dir(path), name)); err == nil && path != "-" && !filepath.IsAbs(name) {
			return found, nil
		}
		return a.readAll(name)
	})
	if err != nil {
		return target, misuse("%s: %w", path, err)
	}
	return target, nil
}

// body is the bytes of --data: the text itself, or what stands in @file.
func (a *app) body(text string) ([]byte, error) {
	name, isFile := strings.CutPrefix(text, "@")
	if !isFile {
		return []byte(text), nil
	}
	data, err := a.readAll(name)
	if err != nil {
		return nil, misuse("request body: %w", err)
	}
	return data, nil
}

func (a *app) readAll(path string) ([]byte, error) {
	in := a.in
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxBody+1))
	if err == nil && len(data) > maxBody {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxBody)
	}
	return data, err
}

// addCommon gives every request the headers, method and credentials of the flags.
func (t TargetSpec) addCommon(target *attack.Target) error {
	header, err := headerMap(t.Headers)
	if err != nil {
		return misuse("--header: %w", err)
	}
	if t.User != "" {
		header["Authorization"] = []string{"Basic " + base64.StdEncoding.EncodeToString([]byte(t.User))}
	}
	for i := range target.Requests {
		r := &target.Requests[i]
		if r.Method == "" && len(r.Body) > 0 {
			r.Method = "POST"
		}
		if r.Header == nil {
			r.Header = map[string][]string{}
		}
		for name, values := range header {
			r.Header[name] = values
		}
	}
	return nil
}

func headerMap(lines []string) (map[string][]string, error) {
	out := map[string][]string{}
	for i, line := range lines {
		name, value, ok := strings.Cut(line, ":")
		if name = strings.TrimSpace(name); !ok || name == "" {
			return nil, fmt.Errorf("number %d is no header line, want 'Name: value'", i+1) // what it is may be a secret
		}
		out[name] = append(out[name], strings.TrimSpace(value))
	}
	return out, nil
}

func withScheme(url string) string {
	if url == "" || strings.Contains(url, "://") || strings.HasPrefix(url, "{{") {
		return url
	}
	return "http://" + url
}

// maxRows bounds a CSV: its rows are held in memory.
const maxRows = 1_000_000

func readRows(path string) (attack.Rows, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, misuse("--csv: %w", err)
	}
	defer f.Close()
	in := csv.NewReader(f)
	names, err := in.Read()
	if err != nil {
		return nil, misuse("--csv %s: no header row: %w", path, err)
	}
	var rows attack.Rows
	for {
		values, err := in.Read()
		if errors.Is(err, io.EOF) && len(rows) > 0 {
			return rows, nil
		}
		if err != nil {
			return nil, misuse("--csv %s: row %d: %w", path, len(rows)+2, err)
		}
		if len(rows) == maxRows {
			return nil, misuse("--csv %s: more than %s", path, attack.Plural(maxRows, "row"))
		}
		row := make(map[string]string, len(names))
		for i, name := range names {
			row[strings.TrimSpace(name)] = values[i]
		}
		rows = append(rows, row)
	}
}

// redacted is the spec as the journal may show it.
func (s *Spec) redacted() Spec {
	out := *s
	t := &out.Target
	t.URL, t.Proxy = attack.RedactURL(t.URL), attack.RedactURL(t.Proxy)
	t.Headers = redactLines(t.Headers)
	t.Body = redactText(t.Body)
	t.User = redactText(t.User)
	t.Requests = append([]RequestSpec(nil), t.Requests...)
	for i := range t.Requests {
		r := &t.Requests[i]
		r.URL, r.Headers, r.Body = attack.RedactURL(r.URL), redactLines(r.Headers), redactText(r.Body)
	}
	out.Find.Health = attack.RedactURL(out.Find.Health)
	out.Verify.URL = attack.RedactURL(out.Verify.URL)
	out.Verify.Key = redactText(out.Verify.Key)
	out.Verify.Watch = out.Verify.Watch.redacted()
	return out
}

func redactLines(lines Headers) Headers {
	var out Headers
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ":")
		out = append(out, name+": "+attack.RedactHeader(strings.TrimSpace(name), strings.TrimSpace(value)))
	}
	return out
}

func redactText(s string) string { return attack.Secret(s).String() }
