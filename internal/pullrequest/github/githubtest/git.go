package githubtest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/internal/pullrequest/forgetest/repository"
)

const (
	maxContents = 1 << 20
	// maxTree is how many entries a recursive tree has at most.
	maxTree = 100_000
)

func (s *Server) getRepository(*http.Request) (int, any) {
	visibility := "private"
	if s.repository.Public {
		visibility = "public"
	}
	return http.StatusOK, object{
		"id": 1, "name": Name, "full_name": Owner + "/" + Name, "default_branch": s.repository.DefaultBranch,
		"private": !s.repository.Public, "visibility": visibility, "archived": s.repository.Archived,
		"allow_merge_commit": true, "allow_squash_merge": true, "allow_rebase_merge": false, "allow_auto_merge": true,
	}
}

func ref(branch, sha string) object {
	return object{"ref": "refs/heads/" + branch, "object": object{"type": "commit", "sha": sha}}
}

func (s *Server) getRef(r *http.Request) (int, any) {
	branch := r.PathValue("branch")
	sha, ok := s.repository.Branches[branch]
	if !ok {
		return http.StatusNotFound, failure("Not Found")
	}
	return http.StatusOK, ref(branch, sha)
}

func (s *Server) createRef(r *http.Request) (int, any) {
	var in struct{ Ref, SHA string }
	if json.NewDecoder(r.Body).Decode(&in) != nil {
		return http.StatusBadRequest, failure("Problems parsing JSON")
	}
	branch, ok := strings.CutPrefix(in.Ref, "refs/heads/")
	_, there := s.repository.Branches[branch]
	_, known := s.repository.Resolve(in.SHA)
	switch {
	case !ok:
		return http.StatusUnprocessableEntity, failure("Reference name must start with 'refs/'.")
	case there:
		return http.StatusUnprocessableEntity, failure("Reference already exists")
	case s.repository.Protected[branch]:
		return http.StatusUnprocessableEntity, failure("Repository rule violations found\n\nCannot create ref due to creations being restricted.\n\n")
	case !known:
		return http.StatusUnprocessableEntity, failure("Object does not exist")
	}
	s.repository.Branches[branch] = in.SHA
	return http.StatusCreated, ref(branch, in.SHA)
}

func (s *Server) updateRef(r *http.Request) (int, any) {
	var in struct {
		SHA   string
		Force bool
	}
	if json.NewDecoder(r.Body).Decode(&in) != nil {
		return http.StatusBadRequest, failure("Problems parsing JSON")
	}
	branch := r.PathValue("branch")
	head, there := s.repository.Branches[branch]
	_, known := s.repository.Resolve(in.SHA)
	switch {
	case !there:
		return http.StatusUnprocessableEntity, failure("Reference does not exist")
	case s.repository.Protected[branch]:
		return http.StatusUnprocessableEntity, failure("Cannot force-push to this branch")
	case !known:
		return http.StatusUnprocessableEntity, failure("Object does not exist")
	case !in.Force && len(s.repository.Between(in.SHA, head)) > 0:
		return http.StatusUnprocessableEntity, failure("Update is not a fast forward")
	}
	s.move(branch, in.SHA)
	return http.StatusOK, ref(branch, in.SHA)
}

// move moves a branch. Pull requests that have nothing left to merge are closed.
func (s *Server) move(branch, sha string) {
	s.repository.Move(branch, sha)
	for _, p := range s.repository.OpenPulls(branch) {
		if len(s.repository.Between(s.repository.Branches[p.Target], sha)) == 0 {
			s.repository.ClosePull(p)
		}
	}
}

func (s *Server) deleteRef(r *http.Request) (int, any) {
	branch := r.PathValue("branch")
	switch _, there := s.repository.Branches[branch]; {
	case !there:
		return http.StatusUnprocessableEntity, failure("Reference does not exist")
	case s.repository.Protected[branch]:
		return http.StatusUnprocessableEntity, failure("Cannot delete this protected branch")
	}
	delete(s.repository.Branches, branch)
	for _, p := range s.repository.OpenPulls(branch) {
		s.repository.ClosePull(p)
	}
	return http.StatusNoContent, nil
}

func (s *Server) getTree(r *http.Request) (int, any) {
	c, ok := s.repository.Resolve(r.PathValue("ref"))
	if !ok {
		return http.StatusNotFound, failure("Not Found")
	}
	var entries []object
	folders := map[string]bool{}
	for _, path := range slices.Sorted(maps.Keys(c.Files)) {
		for i, char := range path {
			if folder := path[:i]; char == '/' && !folders[folder] {
				folders[folder] = true
				entries = append(entries, object{"path": folder, "mode": "040000", "type": "tree", "sha": repository.Hash(folder)})
			}
		}
		file := c.Files[path]
		entry := object{"path": path, "mode": file.Mode, "type": "blob", "sha": repository.Hash(file.Content), "size": len(file.Content)}
		if file.Mode == repository.ModeSubmodule {
			delete(entry, "size")
			entry["type"] = "commit"
		}
		entries = append(entries, entry)
	}
	truncated := s.truncate || len(entries) > maxTree
	return http.StatusOK, object{"sha": c.SHA, "tree": entries[:min(len(entries), maxTree)], "truncated": truncated}
}

func (s *Server) getContents(r *http.Request) (int, any) {
	c, ok := s.repository.Resolve(r.URL.Query().Get("ref"))
	if !ok {
		return http.StatusNotFound, failure("No commit found for the ref " + r.URL.Query().Get("ref"))
	}
	path := r.PathValue("path")
	file, ok := c.Files[path]
	if !ok {
		return s.getFolder(c, path)
	}
	body := object{"type": "file", "path": path, "size": len(file.Content), "encoding": "base64", "content": fold(file.Content)}
	switch {
	case file.Mode == repository.ModeLink:
		body = object{"type": "symlink", "path": path, "size": len(file.Content), "target": file.Content}
	case file.Mode == repository.ModeSubmodule:
		body = object{"type": "submodule", "path": path, "size": 0}
	case len(file.Content) > maxContents:
		body["encoding"], body["content"] = "none", ""
	}
	return http.StatusOK, body
}

func (s *Server) getFolder(c *repository.Commit, path string) (int, any) {
	var entries []object
	for name := range c.Files {
		if strings.HasPrefix(name, path+"/") {
			entries = append(entries, object{"type": "file", "path": name})
		}
	}
	if entries == nil {
		return http.StatusNotFound, failure("Not Found")
	}
	return http.StatusOK, entries
}

// fold encodes content in lines of 60 characters, as GitHub does.
func fold(content string) string {
	var folded strings.Builder
	for encoded := range slices.Chunk([]byte(base64.StdEncoding.EncodeToString([]byte(content))), 60) {
		folded.Write(encoded)
		folded.WriteByte('\n')
	}
	return folded.String()
}

func (s *Server) compare(r *http.Request) (int, any) {
	base, head, _ := strings.Cut(r.PathValue("spec"), "...")
	from, known := s.repository.Resolve(base)
	to, also := s.repository.Resolve(head)
	if !known || !also {
		return http.StatusNotFound, failure("Not Found")
	}
	found := s.repository.Between(from.SHA, to.SHA)
	slices.Reverse(found)
	all := []object{}
	for _, c := range found {
		all = append(all, object{"sha": c.SHA, "commit": object{
			"message": c.Message, "author": signature(c.Author, c.Time), "committer": signature(c.Committer, c.Time),
		}})
	}
	page, next := pageOf(r, all)
	body := object{"total_commits": len(all), "commits": page}
	if next != "" {
		return http.StatusOK, paged{body: body, next: next}
	}
	return http.StatusOK, body
}

func signature(by repository.Identity, at time.Time) object {
	return object{"name": by.Name, "email": by.Email, "date": at}
}

// pageOf cuts the page out of a list that the request asks for, and returns the URL of the next one.
func pageOf(r *http.Request, all []object) ([]object, string) {
	size := number(r.URL.Query(), "per_page", 30)
	size = min(size, 100)
	page := number(r.URL.Query(), "page", 1)
	from := min((page-1)*size, len(all))
	to := min(from+size, len(all))
	if to == len(all) {
		return all[from:to], ""
	}
	next := *r.URL
	query := next.Query()
	query.Set("page", strconv.Itoa(page+1))
	next.RawQuery = query.Encode()
	return all[from:to], fmt.Sprintf("http://%s%s", r.Host, next.String())
}

func number(query url.Values, name string, standard int) int {
	if n, err := strconv.Atoi(query.Get(name)); err == nil && n > 0 {
		return n
	}
	return standard
}
