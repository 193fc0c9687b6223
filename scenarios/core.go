package scenarios

// core is what every throttle is asked: steady and bursty clients below, at and beyond its limit.
var core = []scenario{
	{name: "steady", title: "A client just below its limit", checks: []check{
		{id: "V28", name: "no-false-refusal", asks: "nobody below the limit is refused",
			stages: []string{"steady"}, look: showing(falseRefusals, theRefused)},
	}},
	{name: "flash-crowd", title: "A crowd at once after a silence", checks: []check{
		{id: "V02", name: "burst", asks: "a full bucket admits the burst, and no more",
			stages: []string{"flash"}, sure: true, look: showing(burstFromFull, theEdge)},
		{id: "V11", name: "limit-headers", asks: "limit and remaining add up",
			stages: []string{"flash"}, extra: []string{"overload"}, sure: true, form: true, look: showing(remaining, theEdge)},
		{id: "V12", name: "reset-header", asks: "the reset is a time at which more is to be had",
			stages: []string{"flash"}, form: true, look: showing(reset, theEdge)},
	}},
	{name: "overload", title: "Five times and twice the limit, sustained", checks: []check{
		{id: "V01", name: "sustained-rate", asks: "the rate admitted is the limit",
			stages: []string{"overload"}, extra: []string{"ban"}, sure: true, look: sustainedRate},
		{id: "V04", name: "no-over-admission", asks: "no interval admits more than burst + rate × its length",
			stages: []string{"overload"}, sure: true, look: showing(overAdmission, theWorst)},
		{id: "V05", name: "refused-properly", asks: "excess is refused, with the one status that says so",
			stages: []string{"overload"}, sure: true, look: showing(properRefusals, theWrong)},
		{id: "V06", name: "retry-after-present", asks: "every refusal tells when to come back",
			stages: []string{"overload"}, sure: true, form: true, look: showing(retryAfterPresent, theUntold)},
		{id: "V07", name: "retry-after-well-formed", asks: "Retry-After is whole seconds from 1, or an HTTP date",
			stages: []string{"overload"}, sure: true, form: true, look: showing(retryAfterWellFormed, theUntold)},
		{id: "V13", name: "refusals-cheap", asks: "a refusal costs little time",
			stages: []string{"rest", "overload"}, look: showing(cheapRefusals, theSlowest(refused))},
		{id: "V14", name: "backend-spared", asks: "what is refused does not reach the backend",
			stages: []string{"overload"}, sure: true, look: backendSpared, lacks: uncounted},
		{id: "V22", name: "no-starvation", asks: "the limit is served however much is asked",
			stages: []string{"overload"}, extra: []string{"ban"}, look: starvation},
		{id: "V29", name: "admitted-latency", asks: "whoever is let in is served in time",
			stages: []string{"rest", "overload"}, extra: repeats, look: showing(admittedLatency, theSlowest(admitted))},
	}},
	{name: "refill", title: "Drained, silent for a while, and asked again", checks: []check{
		{id: "V03", name: "refill", asks: "silence fills the bucket at the rate, up to the burst",
			stages: []string{"refill"}, sure: true, look: showing(refill, theEdge)},
	}},
}

var coreStages = []stage{
	{name: "rest", tries: 2, build: restTrial},
	{name: "steady", tries: 2, build: steadyTrial},
	{name: "flash", tries: 4, build: flashTrial, thin: scattered},
	{name: "overload", tries: 3, floods: true, build: overloadTrial},
	{name: "refill", tries: 2, build: refillTrial, thin: straddled},
	{name: "ban", tries: 2, build: banTrial},
}
