package registry

import (
	"encoding/json"
	"maps"
	"net/http"
	"strings"
)

// Stats counts what was asked for and served since the start or the last reset. Uploads are not counted.
type Stats struct {
	// Pings are requests for /v2/, Tokens those for a token.
	Pings  int `json:"pings"`
	Tokens int `json:"tokens"`
	// Repositories by name.
	Repositories map[string]RepositoryStats `json:"repositories"`
}

// RepositoryStats of one repository.
type RepositoryStats struct {
	Manifests Count `json:"manifests"`
	Blobs     Count `json:"blobs"`
	// Tags are lists of tags, by page. They are no pull.
	Tags Count `json:"tags"`
}

// Count of requests, whether they succeeded or not, and of body bytes served.
type Count struct {
	Heads int   `json:"heads"`
	Gets  int   `json:"gets"`
	Bytes int64 `json:"bytes"`
}

func newStats() Stats { return Stats{Repositories: map[string]RepositoryStats{}} }

// Stats returns the counts so far.
func (r *Registry) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.stats
	s.Repositories = maps.Clone(s.Repositories)
	return s
}

// Requests returns the number of all pulls' requests: manifests and blobs, HEAD and GET.
func (s Stats) Requests() int {
	n := 0
	for _, repository := range s.Repositories {
		n += repository.Manifests.Heads + repository.Manifests.Gets + repository.Blobs.Heads + repository.Blobs.Gets
	}
	return n
}

// Bytes returns the number of all body bytes served for manifests and blobs.
func (s Stats) Bytes() int64 {
	var n int64
	for _, repository := range s.Repositories {
		n += repository.Manifests.Bytes + repository.Blobs.Bytes
	}
	return n
}

// ResetStats sets all counts to 0.
func (r *Registry) ResetStats() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats = newStats()
}

// serveStats answers GET with the counts as JSON and resets them on DELETE.
func (r *Registry) serveStats(w http.ResponseWriter, req *http.Request) {
	switch req.Method {
	case http.MethodGet:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(r.Stats())
	case http.MethodDelete:
		r.ResetStats()
		w.WriteHeader(http.StatusNoContent)
	default:
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}

// count serves a request and counts it when it begins and its bytes as they go, so that
// whoever saw the answer's end finds it counted.
func (r *Registry) count(what, method string, w http.ResponseWriter, serve func(http.ResponseWriter)) {
	if !isPull(method) {
		serve(w)
		return
	}
	r.add(what, func(c *Count) {
		if method == http.MethodHead {
			c.Heads++
		} else {
			c.Gets++
		}
	})
	serve(&countingWriter{ResponseWriter: w, add: func(n int) {
		if method != http.MethodHead {
			r.add(what, func(c *Count) { c.Bytes += int64(n) })
		}
	}})
}

func (r *Registry) add(what string, change func(*Count)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var c Count
	repository, kind, _ := strings.Cut(what, " ")
	stats := r.stats.Repositories[repository]
	switch {
	case what == "ping":
		change(&c)
		r.stats.Pings += c.Gets
		return
	case what == "token":
		change(&c)
		r.stats.Tokens += c.Gets
		return
	case kind == "manifests":
		change(&stats.Manifests)
	case kind == "blobs":
		change(&stats.Blobs)
	case kind == "tags":
		change(&stats.Tags)
	default:
		return
	}
	r.stats.Repositories[repository] = stats
}

// countingWriter counts bytes before it writes them.
type countingWriter struct {
	http.ResponseWriter
	add func(int)
}

func (w *countingWriter) Write(p []byte) (int, error) {
	w.add(len(p))
	return w.ResponseWriter.Write(p)
}

// Unwrap lets a fault hijack the connection.
func (w *countingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
