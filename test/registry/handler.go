package registry

import (
	"net/http"
	"strings"
)

// target is what a request under /v2/ is about.
type target struct {
	repository string
	// kind is "manifests", "blobs" or something else the protocol has, such as "tags".
	kind string
}

// parseTarget reads /v2/<repository>/<kind>/<identifier>; ok is false for the ping and what is no request of the protocol.
func parseTarget(path string) (target, bool) {
	rest, ok := strings.CutPrefix(path, "/v2/")
	if !ok {
		return target{}, false
	}
	parts := strings.Split(rest, "/")
	for i := len(parts) - 2; i > 0; i-- {
		switch parts[i] {
		case "manifests", "blobs", "tags", "referrers":
			return target{repository: strings.Join(parts[:i], "/"), kind: parts[i]}, true
		}
	}
	return target{}, false
}

// ServeHTTP implements http.Handler, also for a server with TLS of a test's own.
func (r *Registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	switch req.URL.Path {
	case "/_stats":
		r.serveStats(w, req)
		return
	case "/token":
		r.count("token", req.Method, w, func(w http.ResponseWriter) { r.serveToken(w, req) })
		return
	}
	asked, ok := parseTarget(req.URL.Path)
	if !ok {
		r.count("ping", req.Method, w, func(w http.ResponseWriter) { r.serve(w, req, asked) })
		return
	}
	r.count(asked.repository+" "+asked.kind, req.Method, w, func(w http.ResponseWriter) { r.serve(w, req, asked) })
}

func (r *Registry) serve(w http.ResponseWriter, req *http.Request, asked target) {
	if fault, ok := r.faultFor(req.URL.Path); ok {
		fault.serve(w, req, r.store)
		return
	}
	// Uploads are the test's own: they need no credential.
	if isPull(req.Method) && !r.authorized(req, asked.repository) {
		r.challenge(w, req, asked.repository)
		return
	}
	if asked.kind == "tags" && req.Method == http.MethodGet {
		r.serveTags(w, req)
		return
	}
	r.store.ServeHTTP(w, req)
}

func isPull(method string) bool { return method == http.MethodGet || method == http.MethodHead }
