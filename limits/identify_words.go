package limits

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Words is the limiter in one line.
func (l Limiter) Words() string {
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

// Verify is the arguments that have verify hold the throttle to what was found; "" where there is no limit.
func (l Limiter) Verify() string {
	limit, ok := l.Limit()
	if !ok {
		return ""
	}
	kind := map[Algorithm]string{FixedWindow: "fixed-window", SlidingLog: "sliding-window", SlidingCounter: "sliding-window --profile window"}[l.Algorithm]
	if kind != "" && l.WindowS > 0 {
		return fmt.Sprintf("--limit %d/%v --algorithm %s", limit.Burst, l.window(), kind)
	}
	text := fmt.Sprintf("--limit %s/s --burst %d", significant(limit.Rate), limit.Burst)
	if l.Algorithm == LeakyQueue {
		text += " --algorithm leaky-queue"
	}
	return text
}

// window is the length of a window as somebody will have set it: to the ten milliseconds, from a tenth of a second on.
func (l Limiter) window() time.Duration {
	w := time.Duration(l.WindowS * 1e9)
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
