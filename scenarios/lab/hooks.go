package lab

import (
	"net/http"
	"time"

	"github.com/plimsoll-load/plimsoll/limits/model"
)

// hooks are where a fault takes hold of a gateway. A nil hook changes nothing. All but say, tell and refuse are called under the
// gateway's lock, so that they may keep a state of their own.
type hooks struct {
	backend  func(*BackendConfig)                                                                  // changes the service behind
	config   func(*GatewayConfig)                                                                  // changes what is enforced
	apart    bool                                                                                  // instances do not share what they count
	limiter  func(l Limit, honest model.Limiter) model.Limiter                                     // takes the place of an account's
	pass     func(*http.Request) bool                                                              // lets a request by
	charge   func(name string, r *http.Request) string                                             // names another account than the key's
	stranger func(g *Gateway, in *instance, secret string, at time.Duration) (welcome bool)        // rules on a key that is not known
	stage    func(a *account, stage model.Limiter, at time.Duration) (ok bool, wait time.Duration) // where the stage has room
	open     func(at time.Duration, a *account) bool                                               // lets in what would be refused
	describe func(*decision, *account)                                                             // changes what is told of the limit
	say      func(h http.Header, now time.Time)                                                    // changes what is told of the limit once it stands in headers
	tell     func(h http.Header, d *decision, now time.Time)                                       // changes what is told to who is refused
	refuse   func(w http.ResponseWriter, r *http.Request, d decision, next http.Handler) (on bool) // comes before a refusal, or takes its place
}
