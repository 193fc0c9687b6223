package main

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

var (
	unknownField = regexp.MustCompile(`field (\S+) not found in type main\.(\w+)`)
	wrongShape   = regexp.MustCompile("cannot construct !!(\\w+)(?: `[^`]*`)? into main\\.(\\w+)")
	wrongKind    = regexp.MustCompile("cannot construct !!\\w+ `([^`]*)` into (\\S+)")
)

// kinds are the words for what a value should have been.
var kinds = map[string]string{"time.Duration": "a duration (250ms, 10s, 3m)", "bool": "true or false", "int": "a whole number", "uint64": "a whole number",
	"[]string": "a list", "[]int": "a list of numbers", "float64": "a number", "string": "text"}

// shapes are the words for what stands where keys were wanted.
var shapes = map[string]string{"seq": "a list", "str": "text", "int": "a number", "float": "a number", "bool": "true or false", "null": "nothing"}

// specFaults rewrites the decoder's errors for people: path:line:column, what is wrong, the key that was perhaps meant,
// and the line with a caret. example is what a file that says nothing might have said.
func specFaults(path, text, example string, err error) string {
	if err != nil && strings.Contains(err.Error(), "no documents in stream") {
		return fmt.Sprintf("%s is empty: %s", path, example)
	}
	var many *yaml.LoadErrors
	var one *yaml.LoadError
	switch {
	case errors.As(err, &many):
	case errors.As(err, &one):
		many = &yaml.LoadErrors{Errors: []*yaml.LoadError{one}}
	default:
		return fmt.Sprintf("%s: %v", path, err)
	}
	lines := strings.Split(text, "\n")
	var out []string
	for _, f := range many.Errors {
		line, column := f.Mark.Line, f.Mark.Column
		if line < 1 || line > len(lines) {
			out = append(out, fmt.Sprintf("%s: %s", path, specFault(f.Message)))
			continue
		}
		shown, caret := withoutValue(lines[line-1], column)
		out = append(out, fmt.Sprintf("%s:%d:%d: %s\n  %s\n  %s^", path, line, column, specFault(f.Message), shown, strings.Repeat(" ", caret)))
	}
	return strings.Join(out, "\n")
}

// keyBefore is the key whose value a column of a line in braces begins, keyAt the key that it begins itself.
var keyBefore, keyAt = regexp.MustCompile(`[{,]\s*([A-Za-z_]\w*)\s*:\s*$`), regexp.MustCompile(`^([A-Za-z_]\w*)\s*:(?:\s|$)`)

// withoutValue is a line of a spec with a key alone, because the values may be secrets, and where its caret stands: the first key
// of the line, or, of a line in braces, the one that the column belongs to.
func withoutValue(line string, column int) (shown string, caret int) {
	at := min(max(0, column-1), len(line))
	key, value, has := strings.Cut(line, ":")
	if !has || strings.TrimSpace(value) == "" {
		return line, at
	}
	indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
	switch before, is := keyBefore.FindStringSubmatch(line[:at]), keyAt.FindStringSubmatch(line[at:]); {
	case before != nil:
		key = indent + before[1]
	case is != nil && at > len(indent):
		return indent + is[1] + ": …", len(indent)
	}
	return key + ": …", min(at, utf8.RuneCountInString(key)+2)
}

func specFault(message string) string {
	if m := unknownField.FindStringSubmatch(message); m != nil {
		if near := nearest(m[1], specKeys()[m[2]]); near != "" {
			return fmt.Sprintf("unknown key %q, did you mean %q?", m[1], near)
		}
		return fmt.Sprintf("unknown key %q (known here: %s)", m[1], strings.Join(specKeys()[m[2]], ", "))
	}
	if m := wrongKind.FindStringSubmatch(message); m != nil {
		if want := kinds[m[2]]; want != "" {
			return fmt.Sprintf("%q is not %s", m[1], want)
		}
	}
	if m := wrongShape.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("want keys and their values here (%s), not %s", strings.Join(specKeys()[m[2]], ", "), shapes[m[1]])
	}
	return strings.TrimSpace(message)
}

// specKeys are the keys that each part of a spec knows, by the name of its Go type.
func specKeys() map[string][]string {
	keys := map[string][]string{}
	var walk func(t reflect.Type)
	walk = func(t reflect.Type) {
		for t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct || keys[t.Name()] != nil {
			return
		}
		for i := range t.NumField() {
			if key := t.Field(i).Tag.Get("yaml"); key != "-" {
				keys[t.Name()] = append(keys[t.Name()], key)
				walk(t.Field(i).Type)
			}
		}
	}
	walk(reflect.TypeFor[Spec]())
	walk(reflect.TypeFor[scenarioFile]())
	return keys
}

// nearest is the known word closest to got, "" when none is close enough to have been meant.
func nearest(got string, known []string) string {
	best, cost := "", max(2, len(got)/3)+1
	for _, k := range known {
		if d := distance(got, k); d < cost {
			best, cost = k, d
		}
	}
	return best
}

// distance is the Levenshtein distance of two short words, a swap of neighbours counting as two.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
