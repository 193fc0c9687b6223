package live

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// Listen opens an address for those who look on by network. ":0" and ":8080" are this machine's alone, and port 0 takes a
// free one; whoever wants to be seen from elsewhere names the place, as in 0.0.0.0:8080.
func Listen(address string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("%q is no address, want :port or host:port", address)
	}
	return net.Listen("tcp", net.JoinHostPort(cmp.Or(host, "127.0.0.1"), port))
}

// What a server of a view bears with, so that nobody holds it up.
const (
	headerPatience = 5 * time.Second
	writePatience  = 10 * time.Second // for one answer; streams renew their own
	idlePatience   = time.Minute
	closePatience  = 2 * time.Second // for those who are still being told the end
	headerMost     = 16 << 10
)

// server answers on a listener until it is closed.
type server struct {
	http http.Server
	done chan struct{}
}

func serve(l net.Listener, h http.Handler) *server {
	// Note: no ReadTimeout. It would end every stream of events after that time, whether anything was amiss or not.
	s := &server{done: make(chan struct{}), http: http.Server{Handler: h, ReadHeaderTimeout: headerPatience, WriteTimeout: writePatience,
		IdleTimeout: idlePatience, MaxHeaderBytes: headerMost}}
	go func() {
		defer close(s.done)
		_ = s.http.Serve(l) // it ends by close, and there is nobody to be told of another end
	}()
	return s
}

// close lets those who are being answered have it, within reason, and waits until nothing runs any more.
func (s *server) close() {
	patient, cancel := context.WithTimeout(context.Background(), closePatience)
	defer cancel()
	if s.http.Shutdown(patient) != nil {
		_ = s.http.Close()
	}
	<-s.done
}

// known refuses requests that name another host than this one: a page from elsewhere whose name was made to lead here (DNS
// rebinding) is taken by the browser for one of ours. Numbers cannot be made to lead elsewhere; of names, localhost and the
// one that the server was opened by are known.
func known(name string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		if _, err := netip.ParseAddr(trimBrackets(host)); err != nil && host != "localhost" && (name == "" || host != name) {
			http.Error(w, "this server goes by its address, not by that name", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func trimBrackets(host string) string {
	if n := len(host); n > 1 && host[0] == '[' && host[n-1] == ']' {
		return host[1 : n-1]
	}
	return host
}

// hostOf is the host part of an address that a server was opened by.
func hostOf(address string) string {
	host, _, _ := net.SplitHostPort(address)
	return host
}
