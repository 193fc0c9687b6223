package lab

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Fault is one thing that a gateway, or the service behind it, can do wrong.
type Fault struct {
	Name  string // as --fault takes it
	Title string // what is wrong, in a sentence
	Check string // the check that names it
	plant func(*hooks)
}

// faults is the table of all that can go wrong.
var faults = slices.Concat(tellingFaults, refusingFaults, headerFaults, limitFaults, keyFaults, tierFaults, backendFaults)

// Faults lists what can be planted.
func Faults() []Fault { return slices.Clone(faults) }

// plant makes the hooks of a fault that is known, or none.
func plant(name string) (h hooks) {
	if f, err := ParseFault(name); err == nil && f.plant != nil {
		f.plant(&h)
	}
	return h
}

// ParseFault finds a fault by name; the empty name is the fault of doing nothing wrong.
func ParseFault(name string) (Fault, error) {
	if name == "" {
		return Fault{}, nil
	}
	names := make([]string, len(faults))
	for i, f := range faults {
		if f.Name == name {
			return f, nil
		}
		names[i] = f.Name
	}
	near := slices.MinFunc(names, func(a, b string) int { return cmp.Compare(distance(name, a), distance(name, b)) })
	if distance(name, near) <= len(near)/2 {
		return Fault{}, fmt.Errorf("fault %q is not known: did you mean %s", name, near)
	}
	return Fault{}, fmt.Errorf("fault %q is not known: use one of %s", name, strings.Join(names, ", "))
}

// distance is Levenshtein's: the fewest letters to add, drop or change.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
