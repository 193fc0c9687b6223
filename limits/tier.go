package limits

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/plimsoll-load/plimsoll/analyze"
	"github.com/plimsoll-load/plimsoll/attack"
)

// TierSpec is a tier as it is asked for: its share of the rate, and perhaps a quota.
type TierSpec struct {
	Name   string
	Share  float64 // of the whole rate, 0..1
	Quota  int64   // requests in a period, 0 for none
	Period string  // day, week or month; empty without a quota
}

var periods = map[string]time.Duration{"day": 24 * time.Hour, "week": 7 * 24 * time.Hour, "month": 30 * 24 * time.Hour}

// ParseTier reads name=share[,quota/period]: premium=60%,100k/day.
func ParseTier(s string) (TierSpec, error) {
	fail := func(format string, args ...any) (TierSpec, error) {
		return TierSpec{}, fmt.Errorf("tier %q: "+format+" (premium=60%%,100k/day)", append([]any{s}, args...)...)
	}
	name, rest, ok := strings.Cut(s, "=")
	name = strings.TrimSpace(name)
	if !ok || name == "" {
		return fail("want name=share")
	}
	share, quota, has := strings.Cut(rest, ",")
	part, err := analyze.ParsePercent(share)
	if err != nil {
		return fail("share %w", err)
	}
	if part == 0 {
		return fail("a share of 0%% admits nothing")
	}
	t := TierSpec{Name: name, Share: part}
	if !has {
		return t, nil
	}
	count, period, ok := strings.Cut(strings.TrimSpace(quota), "/")
	if _, known := periods[period]; !ok || !known {
		return fail("quota %q needs a period, day, week or month", quota)
	}
	t.Period = period
	if t.Quota, err = parseCount(count); err != nil {
		return fail("quota %w", err)
	}
	return t, nil
}

// parseCount reads a whole number, perhaps with k or M.
func parseCount(s string) (int64, error) {
	text, mul := strings.ReplaceAll(strings.TrimSpace(s), "_", ""), 1.0
	if num, ok := strings.CutSuffix(text, "k"); ok {
		text, mul = num, 1e3
	} else if num, ok := strings.CutSuffix(text, "M"); ok {
		text, mul = num, 1e6
	}
	v, err := strconv.ParseFloat(text, 64)
	v *= mul
	if err != nil || !(v >= 1) || v > 1e15 || v != math.Trunc(v) {
		return 0, fmt.Errorf("%q is no number of requests", s)
	}
	return int64(v), nil
}

// Split is a limit that was given, not recommended, with its tiers.
func Split(l Limit, tiers []TierSpec) (Recommendation, error) {
	r := Recommendation{Limit: l}
	err := r.split(tiers)
	return r, err
}

// split gives each tier its share of rate and burst, and names what the shares add up to.
func (r *Recommendation) split(specs []TierSpec) error {
	if len(specs) == 0 {
		return nil
	}
	r.Tiers = map[string]Tier{}
	sum := 0.0
	for _, s := range specs {
		if _, twice := r.Tiers[s.Name]; twice {
			return fmt.Errorf("tier %q is named twice", s.Name)
		}
		t := Tier{Share: s.Share, Quota: s.Quota, Period: s.Period}
		t.Rate = roundDown(s.Share * r.Rate)
		t.Burst = max(1, int(s.Share*float64(r.Burst)+1e-9))
		r.Tiers[s.Name] = t
		sum += s.Share
		r.because("tier %s: %s of the rate and burst, %s and %d at once", s.Name, percent(s.Share), attack.Rate(t.Rate), t.Burst)
		r.quota(s.Name, t)
	}
	r.oversubscribed(sum)
	return nil
}

func (r *Recommendation) oversubscribed(sum float64) {
	switch {
	case sum > 1+1e-9:
		r.note("oversubscribed", "the tiers' shares add up to %s: when all are busy they ask for %s and %.0f at once; keep a limit of %s and %d over all tiers, which then refuses some requests that their tier allows",
			percent(sum), attack.Rate(sum*r.Rate), math.Ceil(sum*float64(r.Burst)), attack.Rate(r.Rate), r.Burst)
	case sum < 1-1e-9:
		r.note("unassigned", "the tiers' shares add up to %s: %s belong to no tier", percent(sum), attack.Rate((1-sum)*r.Rate))
	}
}

// quota holds a tier's quota against its rate.
func (r *Recommendation) quota(name string, t Tier) {
	if t.Quota == 0 || t.Rate <= 0 {
		return
	}
	long := periods[t.Period].Seconds()
	mean, spent := float64(t.Quota)/long, float64(t.Quota)/t.Rate
	if spent >= long {
		r.note("quota-idle", "tier %s can never use up %d a %s: its rate allows %.0f", name, t.Quota, t.Period, t.Rate*long)
		return
	}
	r.because("tier %s: %d a %s are %.3g/s on average; at its full rate they are spent in %s", name, t.Quota, t.Period, mean, time.Duration(spent*1e9).Round(time.Second))
}
