// Package fault makes a server fail. In come faults and an http.Handler; out
// comes a handler that answers the next requests by the faults, and all others as before. It is for tests only.
package fault

import (
	"io"
	"net/http"
	"strings"
	"sync"
)

// Fault takes the place of an answer.
type Fault struct {
	// Method and Path choose requests: by the method, and by a part of the path. Empty: all.
	Method, Path string
	Status       int
	Header       http.Header
	Body         string
	// Hang gives no answer at all until the client gives up.
	Hang bool
}

// Faults to come. The zero value has none.
type Faults struct {
	mu      sync.Mutex
	waiting []*waiting
}

type waiting struct {
	Fault
	left int
}

// Next answers the next n requests that the fault chooses by it. Faults are used in the order in which they came.
func (f *Faults) Next(n int, fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiting = append(f.waiting, &waiting{Fault: fault, left: n})
}

// Left is how many faults have not been used.
func (f *Faults) Left() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, w := range f.waiting {
		n += w.left
	}
	return n
}

// Clear drops the faults that have not been used.
func (f *Faults) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiting = nil
}

// Handler is next, but for the faults.
func (f *Faults) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fault, ok := f.take(r)
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		// The server notices that its client has gone only once the body is read.
		_, _ = io.Copy(io.Discard, r.Body)
		if fault.Hang {
			<-r.Context().Done()
			return
		}
		for name, values := range fault.Header {
			w.Header()[http.CanonicalHeaderKey(name)] = values
		}
		w.WriteHeader(fault.Status)
		_, _ = io.WriteString(w, fault.Body)
	})
}

func (f *Faults) take(r *http.Request) (Fault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, w := range f.waiting {
		if w.left > 0 && (w.Method == "" || w.Method == r.Method) && strings.Contains(r.URL.Path, w.Path) {
			w.left--
			return w.Fault, true
		}
	}
	return Fault{}, false
}
