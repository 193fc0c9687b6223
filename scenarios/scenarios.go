// Package scenarios holds the storms that a throttled endpoint is put through, as data, and their judge: it plans the
// trials of the scenarios chosen (Script) and turns what was measured into verdicts.
//
// It is pure. It sends nothing, and it knows a limiter only by the answers in a trial's log.
package scenarios

// Outcome is what a check or a verdict came to.
type Outcome string

const (
	Pass         Outcome = "pass"
	Fail         Outcome = "fail"
	Inconclusive Outcome = "inconclusive" // the evidence is too thin to tell
)

// Check is one expectation, judged.
type Check struct {
	ID      string  `json:"id"` // stable: V01 … V29
	Name    string  `json:"name"`
	Outcome Outcome `json:"outcome"`
	Want    string  `json:"want"`
	Got     string  `json:"got"`
	Why     string  `json:"why"` // one sentence: what was measured and, when it failed, what that means

	Table    *Table    `json:"table,omitempty"`    // what was measured, where it is more than a figure
	Evidence []Exhibit `json:"evidence,omitempty"` // a few of the requests that it rests on
}

// Table is a few measured numbers in rows.
type Table struct {
	Columns []string   `json:"columns"`
	Rows    [][]string `json:"rows"` // as many cells each as there are columns
}

// Skipped is a check that has no outcome, and is no part of a verdict: what was measured gave it nothing to look at, or the run
// ended before it was asked.
type Skipped struct {
	Scenario string `json:"scenario"`
	ID       string `json:"id"`
	Name     string `json:"name"`
	Why      string `json:"why,omitempty"` // "" when the run ended before
}

// Verdict is the checks of one scenario.
type Verdict struct {
	Scenario string  `json:"scenario"`
	Title    string  `json:"title"` // the scenario in a sentence
	Outcome  Outcome `json:"outcome"`
	Checks   []Check `json:"checks"`
	Trials   []int   `json:"trials"` // numbers of the trials it rests on
}

// Sum is the outcome of several: any fail beats inconclusive, which beats pass; nothing at all is inconclusive.
func Sum(outcomes ...Outcome) Outcome {
	sum := Inconclusive
	for i, o := range outcomes {
		switch {
		case o == Fail:
			return Fail
		case i == 0:
			sum = o
		case o == Inconclusive:
			sum = Inconclusive
		}
	}
	return sum
}

// Proven tells whether verdicts prove the limit itself: its rate (V01 sustained-rate) or its places (V54 places) passed, and
// neither these nor V04, that no interval admits more, came out otherwise. Other checks are of what a throttle does beside.
func Proven(vs []Verdict) bool {
	proven := false
	for _, v := range vs {
		for _, c := range v.Checks {
			switch {
			case c.ID != "V01" && c.ID != "V04" && c.ID != "V54":
			case c.Outcome != Pass:
				return false
			case c.ID != "V04":
				proven = true
			}
		}
	}
	return proven
}
