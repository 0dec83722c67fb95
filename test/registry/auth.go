package registry

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// user may pull from the repositories whose names begin with prefix.
type user struct {
	prefix, name, password string
}

// Protect lets only that user pull from repositories whose names begin with
// prefix. Called more than once for a prefix, it lets in all those users.
func (r *Registry) Protect(prefix, name, password string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.users = append(r.users, user{prefix: prefix, name: name, password: password})
}

// authorized says whether the request may pull from the repository. For the
// ping (no repository) any credential will do where there are protected repositories.
func (r *Registry) authorized(req *http.Request, repository string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.users) == 0 {
		return true
	}
	if repository == "" {
		return req.Header.Get("Authorization") != ""
	}
	name, protected := r.caller(req), false
	for _, u := range r.users {
		if !strings.HasPrefix(repository, u.prefix) {
			continue
		}
		if u.name == name {
			return true
		}
		protected = true
	}
	return !protected
}

// caller returns the name of the user who sent the request, "" where nobody known did.
func (r *Registry) caller(req *http.Request) string {
	if token, ok := strings.CutPrefix(req.Header.Get("Authorization"), "Bearer "); ok {
		return r.tokens[token]
	}
	name, password, _ := req.BasicAuth()
	for _, u := range r.users {
		if !r.bearer && u.name == name && u.password == password {
			return name
		}
	}
	return ""
}

func (r *Registry) challenge(w http.ResponseWriter, req *http.Request, repository string) {
	challenge := `Basic realm="plimsoll test registry"`
	if r.bearer {
		challenge = fmt.Sprintf(`Bearer realm="%s://%s/token",service="test"`, scheme(req), req.Host)
		if repository != "" {
			challenge += fmt.Sprintf(`,scope="repository:%s:pull"`, repository)
		}
	}
	w.Header().Set("WWW-Authenticate", challenge)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusUnauthorized)
	_, _ = w.Write([]byte(`{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`))
}

func scheme(req *http.Request) string {
	if req.TLS != nil {
		return "https"
	}
	return "http"
}

// serveToken gives a token to a known user, and to whoever names no user one that opens nothing protected.
func (r *Registry) serveToken(w http.ResponseWriter, req *http.Request) {
	token, ok := r.newToken(req)
	if !ok {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{"token": token})
}

func (r *Registry) newToken(req *http.Request) (string, bool) {
	name, password, named := req.BasicAuth()
	r.mu.Lock()
	defer r.mu.Unlock()
	known := !named
	for _, u := range r.users {
		known = known || u.name == name && u.password == password
	}
	token := rand.Text()
	if known {
		r.tokens[token] = name
	}
	return token, known
}
