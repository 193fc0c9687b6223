// Package watch looks at what stands beside a target while a trial loads it: the health of the backend, how many requests
// reached it, and the alarms that should ring. What it sees is kept in the measurement as sights, and judged elsewhere.
//
// It never takes part in a load: it asks at most once a second and place, gives up on what does not answer, and no look
// outlives the trial.
package watch
