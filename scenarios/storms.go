package scenarios

// etiquette is how a throttle refuses, beside its status; it looks at storms that are sent anyhow.
var etiquette = []scenario{
	{name: "etiquette", title: "What a refusal costs, and whether what it tells holds", checks: []check{
		{id: "V30", name: "refusal-body-bounded", asks: "a refusal is small",
			stages: []string{"overload"}, sure: true, form: true, look: showing(refusalBody, theLargest)},
		{id: "V31", name: "refusal-not-cacheable", asks: "no cache may keep a refusal",
			stages: []string{"overload"}, sure: true, form: true, look: showing(notCacheable, theStorable)},
		{id: "V32", name: "refusal-keeps-connection", asks: "a refusal leaves its connection open",
			stages: []string{"overload"}, sure: true, form: true, look: showing(keepsConnection, theClosing)},
		{id: "V33", name: "header-dialect", asks: "limit headers are of a dialect that clients know",
			stages: []string{"flash"}, sure: true, form: true, look: showing(dialect, theEdge)},
		{id: "V34", name: "retry-after-counts-down", asks: "the wait that is told falls as time passes",
			stages: []string{"overload"}, sure: true, form: true, look: countsDown},
		{id: "V35", name: "retry-after-does-not-grow", asks: "a hundred refusals later the wait is no longer",
			stages: []string{"overload"}, sure: true, form: true, look: doesNotGrow},
	}},
}

// storms are loads beyond the limit, each of another shape. A throttle that bans is seen by its ban alone.
var storms = []scenario{
	{name: "shed-curve", title: "From once to ten times the limit, step by step", when: normal, lacks: nobodyBanned, checks: []check{
		{id: "V37", name: "shed-curve", asks: "what is served, and how fast, does not fall as more is asked",
			stages: []string{"shed"}, look: shedCurve},
	}},
	{name: "spike-train", title: "Bursts in a row, each when the bucket is full again", when: normal, lacks: plainBucket, checks: []check{
		{id: "V38", name: "spike-train", asks: "every spike is let in as the first was",
			stages: []string{"spikes"}, sure: true, look: showing(tracks("spike"), theRefused)},
	}},
	{name: "sawtooth", title: "Demand that climbs to three times the limit and drops, again and again", when: normal, lacks: plainBucket, checks: []check{
		{id: "V39", name: "sawtooth", asks: "through climbs and drops, what is let in is what the limit allows",
			stages: []string{"sawtooth"}, look: tracks("second")},
	}},
	{name: "slow-ramp", title: "A slow climb from a third of the limit to twice as much as it", when: normal, lacks: plainBucket, checks: []check{
		{id: "V50", name: "slow-ramp", asks: "refusals begin at the limit, and not before",
			stages: []string{"ramp"}, look: tracks("second")},
	}},
	{name: "metastability", title: "A pulse of clients that retry, and then a watch on the rest of the day", when: normal, lacks: nobodyBanned, checks: []check{
		{id: "V51", name: "metastability", asks: "when a pulse is over, so is its harm",
			stages: []string{"pulse"}, look: metastable},
	}},
	{name: "backend-health", title: "The backend beside the gateway, while storms run", checks: []check{
		{id: "V52", name: "backend-health", asks: "what stands behind the throttle stays well through every storm",
			stages: []string{"overload"}, sure: true, look: backendHealth},
	}},
}

// nobodyBanned is what storms lack that cannot tell a ban from a fault.
func nobodyBanned(c Config) string {
	if c.Ban > 0 {
		return "a throttle that bans nobody"
	}
	return ""
}

// plainBucket is what storms lack that are held against a bucket. Windows are judged at their edges (V27).
func plainBucket(c Config) string {
	if c.algorithm() != TokenBucket {
		return "a token bucket"
	}
	return nobodyBanned(c)
}

var stormStages = []stage{
	{name: "shed", tries: 3, floods: true, build: shedTrial},
	{name: "spikes", tries: 3, build: spikesTrial, thin: scatteredSpikes},
	{name: "sawtooth", tries: 2, floods: true, build: sawtoothTrial},
	{name: "ramp", tries: 2, build: rampTrial},
	{name: "pulse", tries: 2, floods: true, build: pulseTrial},
}
