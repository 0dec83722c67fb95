package gitlabtest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll-dev/plimsoll/internal/pullrequest/forgetest/repository"
)

func (s *Server) getBranch(r *http.Request) reply {
	sha, ok := s.repository.Branches[r.PathValue("branch")]
	if !ok {
		return failure(http.StatusNotFound, "404 Branch Not Found")
	}
	c, _ := s.repository.Resolve(sha)
	return reply{status: http.StatusOK, body: object{
		"name": r.PathValue("branch"), "protected": s.repository.Protected[r.PathValue("branch")], "commit": body(c),
	}}
}

func (s *Server) deleteBranch(r *http.Request) reply {
	branch := r.PathValue("branch")
	switch _, there := s.repository.Branches[branch]; {
	case !there:
		return failure(http.StatusNotFound, "404 Branch Not Found")
	case s.repository.Protected[branch]:
		return failure(http.StatusBadRequest, "You are not allowed to delete protected branches from this project. Only a project maintainer or owner can delete a protected branch.")
	}
	delete(s.repository.Branches, branch)
	return reply{status: http.StatusNoContent}
}

// body of a commit.
func body(c *repository.Commit) object {
	parents := c.Parents
	if parents == nil {
		parents = []string{}
	}
	return object{
		"id": c.SHA, "short_id": c.SHA[:8], "message": c.Message, "parent_ids": parents,
		"author_name": c.Author.Name, "author_email": c.Author.Email, "authored_date": c.Time,
		"committer_name": c.Committer.Name, "committer_email": c.Committer.Email, "committed_date": c.Time,
	}
}

// getTree lists a tree by keyset pages: a page begins after the entry that its token names.
func (s *Server) getTree(r *http.Request) reply {
	query := r.URL.Query()
	c, ok := s.repository.Resolve(query.Get("ref"))
	if !ok {
		return failure(http.StatusNotFound, "404 Tree Not Found")
	}
	all := entries(c)
	from := 0
	if token := query.Get("page_token"); token != "" {
		from = 1 + slices.IndexFunc(all, func(e object) bool { return e["id"] == token })
	}
	to := min(from+min(number(query, "per_page", 20), 100), len(all))
	out := reply{status: http.StatusOK, body: all[from:to]}
	if to < len(all) {
		query.Set("page_token", all[to-1]["id"].(string))
		out.header = http.Header{"Link": {link(r, query)}}
	}
	return out
}

func entries(c *repository.Commit) []object {
	all := []object{}
	folders := map[string]bool{}
	add := func(path, kind, mode string) {
		all = append(all, object{"id": repository.Hash(path), "name": path[strings.LastIndex(path, "/")+1:], "type": kind, "path": path, "mode": mode})
	}
	for _, path := range slices.Sorted(maps.Keys(c.Files)) {
		for i, char := range path {
			if folder := path[:i]; char == '/' && !folders[folder] {
				folders[folder] = true
				add(folder, "tree", "040000")
			}
		}
		if mode := c.Files[path].Mode; mode == repository.ModeSubmodule {
			add(path, "commit", mode)
		} else {
			add(path, "blob", mode)
		}
	}
	return all
}

func (s *Server) getFile(r *http.Request) reply {
	ref, path := r.URL.Query().Get("ref"), r.PathValue("path")
	if ref == "" {
		return reply{status: http.StatusBadRequest, body: object{"error": "ref is missing, ref is empty"}}
	}
	c, ok := s.repository.Resolve(ref)
	if !ok {
		return failure(http.StatusNotFound, "404 Commit Not Found")
	}
	file, ok := c.Files[path]
	if !ok || file.Mode == repository.ModeSubmodule {
		return failure(http.StatusNotFound, "404 File Not Found")
	}
	last, blob := s.repository.LastChange(c.SHA, path), repository.Hash(file.Content)
	return reply{
		status: http.StatusOK,
		header: http.Header{
			"X-Gitlab-Blob-Id": {blob}, "X-Gitlab-Commit-Id": {c.SHA}, "X-Gitlab-Last-Commit-Id": {last}, "X-Gitlab-Encoding": {"base64"},
			"X-Gitlab-File-Path": {path}, "X-Gitlab-Ref": {ref}, "X-Gitlab-Size": {strconv.Itoa(len(file.Content))},
		},
		body: object{
			"file_path": path, "size": len(file.Content), "encoding": "base64", "content": base64.StdEncoding.EncodeToString([]byte(file.Content)),
			"ref": ref, "blob_id": blob, "commit_id": c.SHA, "last_commit_id": last, "execute_filemode": file.Mode == repository.ModeExecutable,
		},
	}
}

func (s *Server) listCommits(r *http.Request) reply {
	base, head, _ := strings.Cut(r.URL.Query().Get("ref_name"), "..")
	all := []object{}
	from, known := s.repository.Resolve(base)
	to, also := s.repository.Resolve(head)
	if known && also {
		for _, c := range s.repository.Between(from.SHA, to.SHA) {
			all = append(all, body(c))
		}
	}
	return page(r, all)
}

func (s *Server) getCommit(r *http.Request) reply {
	c, ok := s.repository.Resolve(r.PathValue("ref"))
	if !ok {
		return failure(http.StatusNotFound, "404 Commit Not Found")
	}
	return reply{status: http.StatusOK, body: body(c)}
}

// newCommit is the body of a request that makes a commit.
type newCommit struct {
	Branch        string
	CommitMessage string `json:"commit_message"`
	StartSHA      string `json:"start_sha"`
	Force         bool
	Actions       []struct {
		Action, Content, Encoding string
		FilePath                  string `json:"file_path"`
		LastCommitID              string `json:"last_commit_id"`
	}
}

func (s *Server) createCommit(r *http.Request) reply {
	var in newCommit
	if json.NewDecoder(r.Body).Decode(&in) != nil || in.Branch == "" || in.CommitMessage == "" {
		return reply{status: http.StatusBadRequest, body: object{"error": "branch is missing, commit_message is missing"}}
	}
	if s.repository.Protected[in.Branch] {
		return failure(http.StatusForbidden, "403 Forbidden - You are not allowed to push into this branch")
	}
	start, why := s.start(in)
	if why != "" {
		return failure(http.StatusBadRequest, why)
	}
	changed, why := s.changes(start, in)
	if why != "" {
		return failure(http.StatusBadRequest, why)
	}
	c := s.repository.Add(start, in.CommitMessage, bot, bot, changed)
	s.repository.Move(in.Branch, c.SHA)
	return reply{status: http.StatusCreated, body: body(c)}
}

// start is the commit that a new one follows, or why there is none.
func (s *Server) start(in newCommit) (start, why string) {
	head, there := s.repository.Branches[in.Branch]
	_, known := s.repository.Resolve(in.StartSHA)
	switch {
	case there && in.StartSHA == "":
		return head, ""
	case in.StartSHA == "":
		return "", "You can only create or edit files when you are on a branch"
	case there && !in.Force:
		return "", fmt.Sprintf("A branch called '%s' already exists. Switch to that branch in order to make changes", in.Branch)
	case !known:
		return "", "Cannot find start_sha '" + in.StartSHA + "'"
	}
	return in.StartSHA, ""
}

// changes that the actions make, or why they are refused.
func (s *Server) changes(start string, in newCommit) (map[string]repository.File, string) {
	base, _ := s.repository.Resolve(start)
	changed := map[string]repository.File{}
	for _, action := range in.Actions {
		_, there := base.Files[action.FilePath]
		content, err := base64.StdEncoding.DecodeString(action.Content)
		switch {
		case action.Action != "update":
			return nil, "Unknown action '" + action.Action + "'"
		case action.Encoding != "base64" || err != nil:
			return nil, "invalid encoding"
		case !there:
			return nil, "A file with this name doesn't exist"
		case action.LastCommitID != "" && action.LastCommitID != s.repository.LastChange(start, action.FilePath):
			return nil, "The file has changed since you started editing it: " + action.FilePath
		}
		changed[action.FilePath] = repository.File{Content: string(content)}
	}
	return changed, ""
}
