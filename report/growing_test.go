package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// A growing page says what the page of a report says, and needs of it only what Assets hold.
func TestGrowingIsThePageWithoutItsPaint(t *testing.T) {
	for name, entries := range runsInShort() {
		var page bytes.Buffer
		if err := Growing(&page, Fold(entries)); err != nil {
			t.Fatal(err)
		}
		whole, body := sheetNamed(t, name).page, func(s string) string {
			_, s, _ = strings.Cut(s, "<main>")
			s, _, _ = strings.Cut(s, "<script>")
			before, after, has := strings.Cut(s, "<noscript><img")
			if has {
				_, after, _ = strings.Cut(after, "</noscript>")
			}
			return before + after
		}
		if got, want := body(page.String()), body(whole); got != want {
			t.Errorf("%s: the growing page differs from the page: %d and %d bytes", name, len(got), len(want))
		}
		for _, paint := range []string{"<style", "data:image/png", "uPlot.iife", "use strict"} {
			if strings.Contains(page.String(), paint) {
				t.Errorf("%s: the growing page holds %q", name, paint)
			}
		}
	}
	for name, text := range Assets() {
		if text == "" {
			t.Errorf("%s is empty", name)
		}
	}
}

func TestRunThatGoesOnWasNotCutOff(t *testing.T) {
	r := Fold(fixtures()["whole"])
	r.End, r.Capacities, r.Storms, r.Limits = nil, nil, nil, nil
	if !strings.Contains(r.Headline(), "cut off") || len(r.Warnings()) == 0 || r.Warnings()[0].Code != "unfinished" {
		t.Errorf("a journal without an end: %q, %v", r.Headline(), r.Warnings())
	}
	r.Going = true
	if strings.Contains(r.Headline(), "cut off") || len(r.Warnings()) > 0 && r.Warnings()[0].Code == "unfinished" || strings.Contains(r.Tiles()[0].Detail, "did not end") {
		t.Errorf("a run that goes on: %q, %v", r.Headline(), r.Warnings())
	}
	r.Run.Command = "demo"
	if tile := r.Tiles()[2]; tile.Detail != "the search goes on" {
		t.Errorf("the limit of a demo that goes on: %+v", tile)
	}
	r = Fold(fixtures()["begun"])
	r.Going = true
	if !strings.Contains(r.Headline(), "the first trial is under way") {
		t.Errorf("a run that has just begun: %q", r.Headline())
	}
}

func TestStormsThatGoOnDecideNothing(t *testing.T) {
	r := Fold(makeFixtures()["whole"])
	r.Going = true
	for i := range r.Storms {
		r.Storms[i].Outcome = scenarios.Inconclusive
		for k := range r.Storms[i].Checks {
			r.Storms[i].Checks[k].Outcome = map[bool]scenarios.Outcome{true: scenarios.Pass, false: scenarios.Inconclusive}[k%2 == 0]
		}
	}
	tile := r.Tiles()[3]
	if !strings.HasSuffix(r.Headline(), "its throttle is being tried") || tile.Tone != "" || !strings.Contains(tile.Detail, "go on") {
		t.Errorf("%q and %+v while storms are sent, want no verdict", r.Headline(), tile)
	}
	r.Storms[0].Outcome, r.Storms[0].Checks[0].Outcome = scenarios.Fail, scenarios.Fail
	if tile := r.Tiles()[3]; !strings.Contains(r.Headline(), "does not hold") || tile.Tone != Bad {
		t.Errorf("%q and %+v, want that a failure is told at once", r.Headline(), tile)
	}
}

func TestNowChart(t *testing.T) {
	if NowChart(nil) != nil {
		t.Error("a chart of nothing")
	}
	c := NowChart([]Moment{
		{From: 1, To: 2, Tick: attack.Tick{Due: 100, OK: 60, Throttled: 30}},
		{From: 2, To: 2.5, Tick: attack.Tick{Due: 50, OK: 50}},
		{From: 4, To: 5, Tick: attack.Tick{Due: 200, OK: 20, Failed: 4}}, // after a pause
	})
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"xs":[1,2,2.5,4,5]`, `"label":"ok","colour":"ok","ys":[60,100,null,20,20]`, `"label":"throttled","colour":"warn","ys":[30,0,null,0,0]`,
		`"label":"failed","colour":"bad","ys":[0,0,null,4,4]`, `"label":"offered","colour":"ink","ys":[100,100,null,200,200]`, `"min":1,"max":5`, `"max":300`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("chart %s, want %s in it", b, want)
		}
	}
}
