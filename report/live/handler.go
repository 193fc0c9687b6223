package live

import (
	"crypto/subtle"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/plimsoll-load/plimsoll/report"
)

//go:embed assets
var assets embed.FS

var shell = template.Must(template.ParseFS(assets, "assets/live.html"))

// The policy of the page: nothing but what this server gives, no script or style within the page, no place in a frame.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// handler answers for the page, its files, its events, and the button that ends the run.
func (w *Web) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", w.page)
	mux.HandleFunc("GET /events", w.events)
	mux.HandleFunc("POST /stop", w.halt)
	for name, text := range files() {
		mux.HandleFunc("GET /"+name, func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", contentTypes[path.Ext(name)])
			_, _ = rw.Write([]byte(text)) // whoever is gone needs no file
		})
	}
	return known(hostOf(w.o.Address), strict(http.NewCrossOriginProtection().Handler(mux)))
}

var contentTypes = map[string]string{".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}

// files are what the page asks for: the report's own style, script and library, and what is added to them here.
func files() map[string]string {
	all := report.Assets()
	for _, name := range []string{"live.css", "live.js"} {
		b, err := assets.ReadFile("assets/" + name)
		if err != nil {
			panic("live: " + err.Error()) // embedded when the program was built
		}
		all[name] = string(b)
	}
	return all
}

// strict tells the browser to keep to itself whatever it gets here.
func strict(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func (w *Web) page(rw http.ResponseWriter, _ *http.Request) {
	w.mu.Lock()
	command, name := w.state.run.Command, report.Report{Run: w.state.run}.Name()
	w.mu.Unlock()
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = shell.Execute(rw, struct { // whoever is gone needs no page
		Token, Command, Name string
		Stop                 bool
	}{w.token, command, name, w.o.Stop != nil})
}

// halt ends the run, for somebody who has read the page: the token stands there, and no other page can read it.
func (w *Web) halt(rw http.ResponseWriter, r *http.Request) {
	switch {
	case w.o.Stop == nil:
		http.Error(rw, "this run has ended", http.StatusConflict)
	case subtle.ConstantTimeCompare([]byte(r.Header.Get("X-Plimsoll-Token")), []byte(w.token)) != 1:
		http.Error(rw, "only the page of this run may end it", http.StatusForbidden)
	default:
		w.o.Stop()
		rw.WriteHeader(http.StatusNoContent)
	}
}

// How a stream of events is kept.
const (
	slowest   = 5 * time.Second  // a reader who does not take what it is sent for so long is dropped
	heartbeat = 15 * time.Second // so that a reader who is gone is found out about
)

// events streams snapshots, beginning after the one that the reader saw last.
func (w *Web) events(rw http.ResponseWriter, r *http.Request) {
	if !w.hub.enter() {
		rw.Header().Set("Retry-After", "10")
		http.Error(rw, fmt.Sprintf("%d look on already", viewersMax), http.StatusServiceUnavailable)
		return
	}
	defer w.hub.leave()
	rw.Header().Set("Content-Type", "text/event-stream")
	seen := w.seen(r.Header.Get("Last-Event-ID"))
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	text := "retry: 1000\n\n"
	for {
		news, changed, over := w.hub.since(seen)
		for _, s := range news {
			text += fmt.Sprintf("id: %s-%d\nevent: %s\ndata: %s\n\n", w.name, s.id, s.kind, s.data)
			seen = s.id
			over = over || s.kind == kindEnd
		}
		if !send(rw, text) || over {
			return
		}
		text = ""
		select {
		case <-changed:
		case <-beat.C:
			text = ":\n\n"
		case <-r.Context().Done():
			return
		}
	}
}

// seen is the number of the last snapshot that a reader saw of this showing.
func (w *Web) seen(id string) int64 {
	text, ours := strings.CutPrefix(id, w.name+"-")
	n, err := strconv.ParseInt(text, 10, 64)
	if !ours || err != nil {
		return 0
	}
	return n
}

// send writes to a reader, or tells that it is too slow or gone.
func send(rw http.ResponseWriter, text string) bool {
	c := http.NewResponseController(rw)
	if c.SetWriteDeadline(time.Now().Add(slowest)) != nil {
		return false
	}
	_, err := rw.Write([]byte(text))
	return err == nil && c.Flush() == nil
}
