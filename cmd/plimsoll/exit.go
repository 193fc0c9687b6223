package main

import (
	"errors"
	"fmt"
)

// What the program's exit codes mean. DESIGN: any failure beats inconclusive.
const (
	exitKept        = 0   // promise kept
	exitBroken      = 1   // broken: a check failed, a goal was missed
	exitMisuse      = 2   // flags or spec
	exitUndecided   = 3   // not enough evidence
	exitUnmeasured  = 4   // the generator was the limit, or the target could not be reached
	exitHarm        = 5   // the harm guard stopped the run
	exitInterrupted = 130 // interrupted; the partial report is written all the same
)

// failure is an error with the exit code it means and a hint at the way out.
type failure struct {
	code int
	hint string
	err  error
	key  string // of a spec, that says what is wrong; where it is "", the flag that err begins with tells
}

func (f *failure) Error() string {
	if f.hint == "" {
		return f.err.Error()
	}
	return f.err.Error() + "\n  " + f.hint
}

func (f *failure) Unwrap() error { return f.err }

func misuse(format string, args ...any) error {
	return &failure{code: exitMisuse, err: fmt.Errorf(format, args...)}
}

func misuseHint(hint, format string, args ...any) error {
	return &failure{code: exitMisuse, hint: hint, err: fmt.Errorf(format, args...)}
}

func unmeasured(hint, format string, args ...any) error {
	return &failure{code: exitUnmeasured, hint: hint, err: fmt.Errorf(format, args...)}
}

// exitCode is the code that err means; an error of no declared kind is one of flags or spec only when cobra made it, so
// whatever reaches here undeclared could not be measured.
func exitCode(err error) int {
	var f *failure
	switch {
	case err == nil:
		return exitKept
	case errors.As(err, &f):
		return f.code
	}
	return exitUnmeasured
}
