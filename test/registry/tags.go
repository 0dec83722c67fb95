package registry

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
)

// serveTags adds to a list of tags what large registries add: a link to the next
// page where there is one, and an ETag of the page.
func (r *Registry) serveTags(w http.ResponseWriter, req *http.Request) {
	limit, err := strconv.Atoi(req.URL.Query().Get("n"))
	if err != nil || r.perPage > 0 && limit > r.perPage {
		limit = r.perPage
	}
	all := req.Clone(req.Context())
	query := all.URL.Query()
	query.Del("n")
	all.URL.RawQuery = query.Encode()
	recorder := httptest.NewRecorder()
	r.store.ServeHTTP(recorder, all)
	var list struct {
		Name string   `json:"name"`
		Tags []string `json:"tags"`
	}
	if recorder.Code != http.StatusOK || json.Unmarshal(recorder.Body.Bytes(), &list) != nil {
		w.WriteHeader(recorder.Code)
		_, _ = w.Write(recorder.Body.Bytes())
		return
	}
	if limit > 0 && limit < len(list.Tags) {
		list.Tags = list.Tags[:limit]
		next := url.Values{"n": {strconv.Itoa(limit)}, "last": {list.Tags[limit-1]}}
		w.Header().Set("Link", fmt.Sprintf("<%s?%s>; rel=\"next\"", req.URL.Path, next.Encode()))
	}
	page, err := json.Marshal(list)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	etag := fmt.Sprintf("%q", fmt.Sprintf("%x", sha256.Sum256(page)))
	w.Header().Set("ETag", etag)
	if req.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	_, _ = w.Write(page)
}
