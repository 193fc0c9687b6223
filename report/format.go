package report

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/plimsoll-load/plimsoll/analyze"
)

// Number is v with thousands set apart; one digit behind the point below 100, where it says something.
func Number(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "–"
	}
	digits := 0
	if math.Abs(v) < 99.95 && math.Abs(v-math.Round(v)) > 0.04 {
		digits = 1
	}
	s := strconv.FormatFloat(math.Abs(v), 'f', digits, 64)
	whole, rest, _ := strings.Cut(s, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if rest != "" {
		whole += "." + rest
	}
	if v < 0 && strings.Trim(whole, "0.,") != "" {
		return "−" + whole
	}
	return whole
}

// Latency is a time in ms as people say it: 8.2 ms, 41 ms, 1.4 s, 12 s.
func Latency(ms float64) string {
	switch {
	case math.IsNaN(ms) || math.IsInf(ms, 0):
		return "–"
	case ms >= 9950:
		return strconv.FormatFloat(ms/1000, 'f', 0, 64) + " s"
	case ms >= 999.5:
		return strconv.FormatFloat(ms/1000, 'f', 1, 64) + " s"
	case ms >= 9.95:
		return strconv.FormatFloat(ms, 'f', 0, 64) + " ms"
	case ms >= 0.1 || ms == 0:
		return strconv.FormatFloat(ms, 'f', 1, 64) + " ms"
	}
	return strconv.FormatFloat(ms*1000, 'f', 0, 64) + " µs"
}

// Percent is a share (0..1) in per cent, with as many digits as say something.
func Percent(share float64) string {
	p := share * 100
	switch {
	case p == 0 || p == 100:
		return strconv.FormatFloat(p, 'f', 0, 64) + " %"
	case p < 0.01:
		return "<0.01 %"
	case p > 99.99:
		return ">99.99 %"
	case p < 1 || p > 99:
		return strconv.FormatFloat(p, 'f', 2, 64) + " %"
	case p < 10:
		return strconv.FormatFloat(p, 'f', 1, 64) + " %"
	}
	return strconv.FormatFloat(p, 'f', 0, 64) + " %"
}

// round is a share as a whole per cent, for margins and confidences.
func round(share float64) string { return strconv.FormatFloat(share*100, 'f', -1, 64) + " %" }

// interval is an estimate's doubt in words, "" when it has none.
func interval(e *analyze.Estimate) string {
	if e == nil || !(e.Hi > e.Lo) {
		return ""
	}
	s := Number(e.Lo) + " – " + Number(e.Hi)
	if e.Confidence > 0 {
		s = strconv.FormatFloat(math.Round(e.Confidence*1000)/10, 'f', -1, 64) + " % interval " + s
	}
	return s
}

// plural is a count of things: 1 check, 2 checks.
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return Number(float64(n)) + " " + thing + "s"
}

// span is a length of time to the second.
func span(d time.Duration) string { return d.Round(time.Second).String() }

// share is part of whole, 0 of nothing.
func share(part, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// wrap breaks text at spaces into lines of at most width runes; a longer word is broken where the line ends.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case len([]rune(line))+1+len([]rune(word)) <= width:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
		for r := []rune(line); len(r) > width && width > 0; r = r[width:] {
			lines, line = append(lines, string(r[:width])), string(r[width:])
		}
	}
	return append(lines, line)
}

// printable is text without what would act on a terminal, or turn around how it reads: control characters, of which those
// that part words become spaces, and marks of direction (Unicode TR 36, 3.1.1; CVE-2021-42574).
func printable(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == '\n' || c == '\r' || c == '\t' || c == '\u2028' || c == '\u2029' || c == '\u0085':
			return ' '
		case unicode.IsControl(c), c >= '\u202a' && c <= '\u202e', c >= '\u2066' && c <= '\u2069', c == '\u200e', c == '\u200f', c == '\u061c', c == utf8.RuneError:
			return -1
		}
		return c
	}, s)
}
