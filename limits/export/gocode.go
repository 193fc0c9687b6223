package export

var goCode = Format{
	Name: "go", File: "limit.go", Title: "Go middleware (golang.org/x/time/rate)", Group: Gateway, Checker: "go vet",
	Template: "limit.go.tmpl", PerProcess: true, OpenKeys: true, Correct: nil, Deltas: goDeltas,
}

func goDeltas(asked, _ Policy) []Delta {
	all := []Delta{
		{Text: "Retry-After is the true time to the next free place, in whole seconds, rounded up; who waits so long is admitted if nobody else was faster"},
	}
	if len(asked.Tiers) > 0 {
		all = append(all, Delta{Text: "each key's bucket is kept for as long as it takes to fill, and at most MaxKeys of them: beyond, keys share one bucket of their tier"},
			Delta{Text: "the quotas of the tiers are not enforced: they would have to outlive the process"})
	}
	return all
}
