package lab

import (
	"fmt"
	"slices"
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
	for _, f := range faults {
		if f.Name == name {
			return f, nil
		}
	}
	return Fault{}, fmt.Errorf("fault %q is not known", name)
}
