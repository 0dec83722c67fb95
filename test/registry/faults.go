package registry

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
)

// Fault is what goes wrong with a request. The first field that is set, after Reached, decides.
type Fault struct {
	// Reached, if set, is called when a request meets the fault.
	Reached func()
	// Drop closes the connection without an answer.
	Drop bool
	// Hang gives no answer until the client goes away or the registry is closed.
	Hang bool
	// Until, if set, holds the answer back until the channel is closed; it is then a healthy one.
	Until <-chan struct{}
	// Redirect to this URL (307).
	Redirect string
	// Status to answer with, with Header and Body.
	Status int
	Header http.Header
	Body   string
	// Replace answers 200 with this body instead of the healthy one.
	Replace []byte
	// Corrupt changes a byte in the middle of the healthy body.
	Corrupt bool
	// Short sends half of the healthy body as if it were all of it.
	Short bool
	// Truncate promises all of the healthy body, sends half of it and closes the connection.
	Truncate bool
	// Stall promises all of the healthy body, sends half of it and nothing more until the client goes away.
	Stall bool
}

type prefixedFault struct {
	prefix string
	fault  Fault
}

// Fail makes every request whose URL path begins with prefix go wrong, such as
// "/v2/shop/api/blobs/" or "/v2/". Of several prefixes the longest counts, and the latest of equals.
func (r *Registry) Fail(prefix string, f Fault) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults = append(r.faults, prefixedFault{prefix: prefix, fault: f})
}

// Heal removes all faults.
func (r *Registry) Heal() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults = nil
}

func (r *Registry) faultFor(path string) (Fault, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	best := -1
	for i, f := range r.faults {
		if strings.HasPrefix(path, f.prefix) && (best < 0 || len(f.prefix) >= len(r.faults[best].prefix)) {
			best = i
		}
	}
	if best < 0 {
		return Fault{}, false
	}
	return r.faults[best].fault, true
}

func (f Fault) serve(w http.ResponseWriter, req *http.Request, store http.Handler) {
	if f.Reached != nil {
		f.Reached()
	}
	switch {
	case f.Drop:
		panic(http.ErrAbortHandler)
	case f.Hang:
		<-req.Context().Done()
	case f.Until != nil:
		select {
		case <-f.Until:
			store.ServeHTTP(w, req)
		case <-req.Context().Done():
		}
	case f.Redirect != "":
		http.Redirect(w, req, f.Redirect, http.StatusTemporaryRedirect)
	case f.Status != 0:
		for name, values := range f.Header {
			w.Header()[name] = values
		}
		w.WriteHeader(f.Status)
		_, _ = w.Write([]byte(f.Body))
	default:
		f.distort(w, req, store)
	}
}

// distort sends the healthy answer with its body changed.
func (f Fault) distort(w http.ResponseWriter, req *http.Request, healthy http.Handler) {
	if req.Method == http.MethodHead {
		healthy.ServeHTTP(w, req)
		return
	}
	recorder := httptest.NewRecorder()
	healthy.ServeHTTP(recorder, req)
	answer := recorder.Body.Bytes()
	promised := len(answer)
	half := answer[:len(answer)/2]
	switch {
	case f.Replace != nil:
		answer, promised = f.Replace, len(f.Replace)
	case f.Corrupt && len(answer) > 0:
		answer = bytes.Clone(answer)
		answer[len(answer)/2] ^= 0xff
	case f.Short:
		answer, promised = half, len(half)
	case f.Truncate, f.Stall:
		answer = half
	}
	for name, values := range recorder.Header() {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", strconv.Itoa(promised))
	w.WriteHeader(recorder.Code)
	// The server closes the connection where less is written than promised.
	_, _ = w.Write(answer)
	if f.Stall {
		_ = http.NewResponseController(w).Flush()
		<-req.Context().Done()
	}
}
