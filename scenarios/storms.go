package scenarios

// etiquette is how a throttle refuses, beside its status; it looks at storms that are sent anyhow.
var etiquette = []scenario{
	{name: "etiquette", title: "What a refusal costs, and whether what it tells holds", checks: []check{
		{id: "V30", name: "refusal-body-bounded", asks: "a refusal is small",
			stages: []string{"overload"}, sure: true, look: showing(refusalBody, theLargest)},
		{id: "V31", name: "refusal-not-cacheable", asks: "no cache may keep a refusal",
			stages: []string{"overload"}, sure: true, look: showing(notCacheable, theStorable)},
		{id: "V32", name: "refusal-keeps-connection", asks: "a refusal leaves its connection open",
			stages: []string{"overload"}, sure: true, look: showing(keepsConnection, theClosing)},
		{id: "V33", name: "header-dialect", asks: "limit headers are of a dialect that clients know",
			stages: []string{"flash"}, sure: true, look: showing(dialect, theEdge)},
		{id: "V34", name: "retry-after-counts-down", asks: "the wait that is told falls as time passes",
			stages: []string{"overload"}, sure: true, look: countsDown},
		{id: "V35", name: "retry-after-does-not-grow", asks: "a hundred refusals later the wait is no longer",
			stages: []string{"overload"}, sure: true, look: doesNotGrow},
	}},
}
