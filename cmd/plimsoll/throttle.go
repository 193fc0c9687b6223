package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-load/plimsoll/report"
)

// throttle is what a run was told of the throttle that it verified, part by part. Which checks were picked is no part of it.
func throttle(r report.RunResult) map[string]string {
	var s struct {
		Verify VerifySpec `json:"verify"`
	}
	if json.Unmarshal(r.Spec, &s) != nil {
		return nil
	}
	v, out := s.Verify, map[string]string{}
	put := func(name, value string) {
		if value != "" {
			out[name] = value
		}
	}
	sorted := func(list []string) string { return strings.Join(slices.Sorted(slices.Values(list)), " ") }
	put("limit", v.Limit)
	if v.Burst > 0 {
		put("limit", fmt.Sprintf("%s, burst %d", v.Limit, v.Burst))
	}
	if r.Limit != nil { // one limit can be written in several ways
		put("limit", fmt.Sprintf("%.6g/s, burst %d", r.Limit.Rate, r.Limit.Burst))
	}
	put("algorithm", v.Algorithm)
	if v.Window > 0 {
		put("window", v.Window.String())
	}
	put("profile", v.Profile)
	put("tiers", sorted(v.Tiers))
	put("stage", v.Stage)
	put("expect", sorted(v.Expect))
	if v.Keys != "" {
		put("keys", "given")
	}
	return out
}

// throttles gives back how to name a check of a run, so that checks of throttles that were told otherwise are never taken for one
// another: by the parts in which some of the runs that verified one differ, and not at all where they agree.
func throttles(all []report.Result) func(report.Result) string {
	var first map[string]string
	differ := map[string]bool{}
	for _, r := range all {
		if len(r.Verdicts) == 0 {
			continue
		}
		told := throttle(r.Run)
		if first == nil {
			first = told
		}
		for name := range union(first, told) {
			if first[name] != told[name] {
				differ[name] = true
			}
		}
	}
	return func(r report.Result) string {
		told := throttle(r.Run)
		var words []string
		for _, name := range []string{"limit", "algorithm", "window", "profile", "tiers", "stage", "expect", "keys"} {
			if differ[name] {
				words = append(words, name+" "+orNone(told[name]))
			}
		}
		if words == nil {
			return ""
		}
		return " (" + strings.Join(words, "; ") + ")"
	}
}
