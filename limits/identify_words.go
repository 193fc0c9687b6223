package limits

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Words is the limiter in one line.
func (l Limiter) Words() string {
	if l.Penalty != "" {
		return l.plain() + " that " + l.Penalty
	}
	return l.plain()
}

func (l Limiter) plain() string {
	if l.OnlyDelays() {
		return fmt.Sprintf("a leaky queue of %s/s, or a target at its capacity", significant(l.Slope.Value))
	}
	switch l.Algorithm {
	case NoLimiter:
		return fmt.Sprintf("no limiter up to %.4g/s", l.PeakRate)
	case Unidentified, "":
		return "a limiter that cannot be told"
	case Concurrency:
		return fmt.Sprintf("a limit of %.0f requests in flight", l.value())
	case FixedWindow, SlidingLog, SlidingCounter:
		return fmt.Sprintf("a %s of %.0f in %s", l.Kind(), l.value(), shortSeconds(l.WindowS))
	}
	words := fmt.Sprintf("a %s", l.Kind())
	if l.Rate != nil {
		words += fmt.Sprintf(" of %s/s", significant(l.Rate.Value))
	}
	if l.Burst != nil {
		words += fmt.Sprintf(" with a burst of %.0f", l.Burst.Value)
		if l.Burst.Lo < l.Burst.Hi {
			words += fmt.Sprintf(" (%.0f to %.0f)", l.Burst.Lo, l.Burst.Hi)
		}
	}
	return words
}

// Kind is the algorithm in words.
func (l Limiter) Kind() string {
	kind := strings.ReplaceAll(string(l.Algorithm), "-", " ")
	switch l.Anchor {
	case AnchorClock:
		return kind + " on the clock"
	case AnchorFirst:
		return kind + " from the first request"
	}
	return kind
}

// Declared is the limiter's kind as verify's --algorithm and --profile know it, and its window; all empty for a token bucket.
func (l Limiter) Declared() (algorithm, profile string, window time.Duration) {
	switch l.Algorithm {
	case LeakyQueue:
		return "leaky-queue", "", 0
	case FixedWindow:
		return "fixed-window", "", l.window()
	case SlidingLog:
		return "sliding-window", "", l.window()
	case SlidingCounter:
		return "sliding-window", "window", l.window()
	}
	return "", "", 0
}

// BanFor is for how long a client is shut out, as somebody will have set it; 0 where nobody is.
func (l Limiter) BanFor() time.Duration {
	if l.Ban == nil {
		return 0
	}
	return rounded(l.Ban.Value)
}

// Verify is the arguments that have verify hold the throttle to what was found; "" where there is no limit.
func (l Limiter) Verify() string {
	limit, ok := l.Limit()
	if !ok {
		return ""
	}
	kind, profile, window := l.Declared()
	text := fmt.Sprintf("--limit %s/s --burst %d", significant(limit.Rate), limit.Burst)
	if window > 0 {
		text = fmt.Sprintf("--limit %d/%v", limit.Burst, window)
	}
	for _, flag := range [][2]string{{"algorithm", kind}, {"profile", profile}} {
		if flag[1] != "" {
			text += " --" + flag[0] + " " + flag[1]
		}
	}
	if l.Ban != nil {
		text += " --expect ban=" + l.BanFor().String()
	}
	return text
}

func (l Limiter) window() time.Duration { return rounded(l.WindowS) }

// rounded is a time as somebody will have set it: to the ten milliseconds, from a tenth of a second on.
func rounded(seconds float64) time.Duration {
	w := seconds1(seconds)
	if w >= 100*time.Millisecond {
		return w.Round(10 * time.Millisecond)
	}
	return w.Round(time.Millisecond)
}

func (l Limiter) value() float64 {
	if l.Burst == nil {
		return 0
	}
	return l.Burst.Value
}

// significant is a number with four digits, in plain notation.
func significant(v float64) string {
	if v >= 1000 {
		return fmt.Sprintf("%.0f", v)
	}
	digits := 3 - int(math.Floor(math.Log10(max(v, 1e-3))))
	s := fmt.Sprintf("%.*f", max(0, digits), v)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

func shortSeconds(s float64) string { return significant(s) + " s" }
