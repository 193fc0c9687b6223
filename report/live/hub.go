package live

import (
	"cmp"
	"slices"
	"sync"
)

// snapshot is the newest of one kind of event. Each tells all that there is to know of its kind, so that whoever missed
// some needs only the last.
type snapshot struct {
	id   int64
	kind string
	data []byte // one line of JSON
}

// hub keeps the newest snapshot of every kind for its viewers, however slow each of them is.
type hub struct {
	mu      sync.Mutex
	id      int64
	latest  map[string]snapshot
	changed chan struct{} // closed at the next change
	viewers int
	over    bool // nothing more will come
}

func newHub() *hub { return &hub{latest: map[string]snapshot{}, changed: make(chan struct{})} }

// put replaces the snapshot of a kind.
func (h *hub) put(kind string, data []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.id++
	h.latest[kind] = snapshot{h.id, kind, data}
	h.wake()
}

// end says that nothing more will come.
func (h *hub) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.over = true
	h.wake()
}

func (h *hub) wake() {
	close(h.changed)
	h.changed = make(chan struct{})
}

// since are the snapshots after one that was seen, oldest first, and what is closed when there are more.
func (h *hub) since(id int64) (news []snapshot, changed <-chan struct{}, over bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.latest {
		if s.id > id {
			news = append(news, s)
		}
	}
	slices.SortFunc(news, func(a, b snapshot) int { return cmp.Compare(a.id, b.id) })
	return news, h.changed, h.over
}

// viewersMax bounds those who look on at the same time.
const viewersMax = 32

// enter lets one more look on, if there is room.
func (h *hub) enter() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.viewers == viewersMax {
		return false
	}
	h.viewers++
	return true
}

func (h *hub) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.viewers--
}

func (h *hub) watched() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.viewers > 0
}
