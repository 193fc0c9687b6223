package live

import (
	"math"
	"strings"
	"unicode/utf8"
)

// paint colours text, or leaves it.
type paint struct{ dim, strong, good, warn, bad, accent func(string) string }

func style(on bool) paint {
	sgr := func(code string) func(string) string {
		return func(s string) string {
			if !on || s == "" {
				return s
			}
			return "\x1b[" + code + "m" + s + "\x1b[0m"
		}
	}
	return paint{dim: sgr("2"), strong: sgr("1"), good: sgr("32"), warn: sgr("33"), bad: sgr("31"), accent: sgr("36")}
}

// bar fills share (0..1) of n cells, in eighths.
func bar(share float64, n int) string {
	if math.IsNaN(share) {
		share = 0
	}
	eighths := int(min(max(share, 0), 1)*float64(n)*8 + .5)
	s := strings.Repeat("█", eighths/8)
	if eighths%8 > 0 {
		s += string([]rune("▏▎▍▌▋▊▉")[eighths%8-1])
	}
	return pad(s, n)
}

// spark draws the last n values on a log scale, one cell each.
func spark(values []float64, n int) string {
	values = last(values, n)
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if v > 0 {
			lo, hi = min(lo, math.Log(v)), max(hi, math.Log(v))
		}
	}
	var b strings.Builder
	for _, v := range values {
		level := 0
		if v > 0 && hi > lo {
			level = int((math.Log(v) - lo) / (hi - lo) * 7.999)
		}
		b.WriteRune([]rune("▁▂▃▄▅▆▇█")[level])
	}
	return b.String()
}

// track shows where a range and a moment stand between 0 and top, in n cells.
func track(lo, hi, here, top float64, n int, p paint) string {
	if n < 1 {
		return ""
	}
	at := func(v float64) int { return min(int(v/top*float64(n)), n-1) }
	var b strings.Builder
	for i := range n {
		switch {
		case here > 0 && i == at(here):
			b.WriteString(p.strong("●"))
		case lo > 0 && i <= at(lo):
			b.WriteString(p.good("━"))
		case hi > 0 && i >= at(hi):
			b.WriteString(p.bad("━"))
		default:
			b.WriteString(p.dim("┄"))
		}
	}
	return b.String()
}

// pad fills s up to n cells on the right, padLeft on the left.
func pad(s string, n int) string     { return s + strings.Repeat(" ", max(0, n-cells(s))) }
func padLeft(s string, n int) string { return strings.Repeat(" ", max(0, n-cells(s))) + s }

// cells is the width of s without what colours it.
func cells(s string) int {
	n := 0
	for s != "" {
		if rest, ok := escape(s); ok {
			s = rest
			continue
		}
		_, size := utf8.DecodeRuneInString(s)
		s = s[size:]
		n++
	}
	return n
}

// escape takes a colour from the front of s.
func escape(s string) (rest string, ok bool) {
	if !strings.HasPrefix(s, "\x1b[") {
		return s, false
	}
	i := strings.IndexByte(s, 'm')
	return s[i+1:], i > 0
}

// cut shortens s to n cells, colours kept.
func cut(s string, n int) string {
	if cells(s) <= n {
		return s
	}
	var b strings.Builder
	for left := max(n-1, 0); s != ""; {
		if rest, ok := escape(s); ok {
			b.WriteString(s[:len(s)-len(rest)])
			s = rest
			continue
		}
		_, size := utf8.DecodeRuneInString(s)
		if left == 0 {
			break
		}
		b.WriteString(s[:size])
		s = s[size:]
		left--
	}
	if n > 0 {
		b.WriteString("…")
	}
	if strings.Contains(b.String(), "\x1b[") {
		b.WriteString("\x1b[0m")
	}
	return b.String()
}

// clean makes text from elsewhere safe for a terminal: what would move the cursor becomes a space.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, s)
}
