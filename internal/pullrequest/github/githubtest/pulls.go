package githubtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/plimsoll-dev/plimsoll/internal/pullrequest/forgetest/repository"
)

// pull is an answer about the pull request that the path names.
func (s *Server) pull(answer func(*http.Request, *repository.Pull) (int, any)) func(*http.Request) (int, any) {
	return func(r *http.Request) (int, any) {
		n, _ := strconv.ParseInt(r.PathValue("number"), 10, 64)
		p, ok := s.repository.Pull(n)
		if !ok {
			return http.StatusNotFound, failure("Not Found")
		}
		return answer(r, p)
	}
}

// body of a pull request as a list has it.
func (s *Server) body(p *repository.Pull) object {
	full := Owner + "/" + Name
	if p.Fork {
		// A fork of the same owner is found by the same head.
		full += "-fork"
	}
	body := object{
		"number": p.Number, "node_id": nodeID(p), "html_url": fmt.Sprintf("%s/%s/%s/pull/%d", s.URL, Owner, Name, p.Number),
		"state": "open", "title": p.Title, "body": p.Body, "draft": p.Draft, "user": object{"login": p.Author},
		"head":       object{"ref": p.Branch, "label": Owner + ":" + p.Branch, "sha": p.Head, "repo": object{"full_name": full}},
		"base":       object{"ref": p.Target, "label": Owner + ":" + p.Target, "repo": object{"full_name": Owner + "/" + Name}},
		"created_at": p.Created, "closed_at": stamp(p.Closed), "merged_at": stamp(p.Merged),
		// Of an open one it is a merge that GitHub made to see whether it can.
		"merge_commit_sha": repository.Hash("test merge of " + p.Head),
	}
	if !p.Open {
		body["state"] = "closed"
	}
	if p.MergeCommit != "" {
		body["merge_commit_sha"] = p.MergeCommit
	}
	return body
}

func nodeID(p *repository.Pull) string { return fmt.Sprintf("PR_%d", p.Number) }

// stamp is a time, or null.
func stamp(at time.Time) any {
	if at.IsZero() {
		return nil
	}
	return at
}

func (s *Server) listPulls(r *http.Request) (int, any) {
	query := r.URL.Query()
	all := []object{}
	for _, p := range slices.Backward(s.repository.Pulls) {
		body := s.body(p)
		head := body["head"].(object)["label"]
		if (query.Get("head") == "" || query.Get("head") == head) && (query.Get("state") == "all" || p.Open) {
			all = append(all, body)
		}
	}
	page, next := pageOf(r, all)
	if next != "" {
		return http.StatusOK, paged{body: page, next: next}
	}
	return http.StatusOK, page
}

func (s *Server) getPull(_ *http.Request, p *repository.Pull) (int, any) {
	body := s.body(p)
	body["mergeable"], body["mergeable_state"] = nil, "unknown"
	if p.Open {
		body["mergeable"], body["mergeable_state"] = true, "clean"
		if s.repository.Conflicted(p) {
			body["mergeable"], body["mergeable_state"] = false, "dirty"
		}
	}
	return http.StatusOK, body
}

func invalid(errors ...object) (int, any) {
	return http.StatusUnprocessableEntity, failure("Validation Failed", errors...)
}

func (s *Server) createPull(r *http.Request) (int, any) {
	var in struct {
		Title, Head, Base, Body string
		Draft                   bool
	}
	if json.NewDecoder(r.Body).Decode(&in) != nil {
		return http.StatusBadRequest, failure("Problems parsing JSON")
	}
	head, there := s.repository.Branches[in.Head]
	base, target := s.repository.Branches[in.Base]
	switch {
	case !there:
		return invalid(object{"resource": "PullRequest", "field": "head", "code": "invalid"})
	case !target:
		return invalid(object{"resource": "PullRequest", "field": "base", "code": "invalid"})
	case slices.ContainsFunc(s.repository.OpenPulls(in.Head), func(p *repository.Pull) bool { return p.Target == in.Base }):
		return invalid(object{"resource": "PullRequest", "code": "custom", "message": fmt.Sprintf("A pull request already exists for %s:%s.", Owner, in.Head)})
	case len(s.repository.Between(base, head)) == 0:
		return invalid(object{"resource": "PullRequest", "code": "custom", "message": fmt.Sprintf("No commits between %s and %s", in.Base, in.Head)})
	}
	login, _ := s.login(r)
	p := s.repository.OpenPull(repository.Pull{Branch: in.Head, Target: in.Base, Title: in.Title, Body: in.Body, Draft: in.Draft, Author: login})
	return http.StatusCreated, s.body(p)
}

func (s *Server) editPull(r *http.Request, p *repository.Pull) (int, any) {
	var in struct{ Title, Body, State *string }
	if json.NewDecoder(r.Body).Decode(&in) != nil {
		return http.StatusBadRequest, failure("Problems parsing JSON")
	}
	if in.Title != nil {
		p.Title = *in.Title
	}
	if in.Body != nil {
		p.Body = *in.Body
	}
	if in.State != nil && *in.State == "closed" && p.Open {
		s.repository.ClosePull(p)
	}
	return s.getPull(r, p)
}

func (s *Server) requestReviewers(r *http.Request, p *repository.Pull) (int, any) {
	var in struct {
		Reviewers     []string
		TeamReviewers []string `json:"team_reviewers"`
	}
	if json.NewDecoder(r.Body).Decode(&in) != nil {
		return http.StatusBadRequest, failure("Problems parsing JSON")
	}
	for _, reviewer := range in.Reviewers {
		switch reviewer {
		case Person:
		case p.Author:
			return http.StatusUnprocessableEntity, failure("Review cannot be requested from pull request author.")
		default:
			return http.StatusUnprocessableEntity, failure("Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a collaborator of the shop/deploy repository.")
		}
	}
	p.Reviewers = append(append(p.Reviewers, in.Reviewers...), in.TeamReviewers...)
	return http.StatusCreated, s.body(p)
}

func (s *Server) addLabels(r *http.Request, p *repository.Pull) (int, any) {
	var in []string
	raw := json.NewDecoder(r.Body)
	if raw.Decode(&in) != nil {
		return http.StatusBadRequest, failure("Problems parsing JSON")
	}
	labels := []object{}
	for _, label := range in {
		if !slices.Contains(p.Labels, label) {
			p.Labels = append(p.Labels, label)
		}
		labels = append(labels, object{"name": label})
	}
	return http.StatusOK, labels
}

func (s *Server) addAssignees(r *http.Request, p *repository.Pull) (int, any) {
	var in struct{ Assignees []string }
	if json.NewDecoder(r.Body).Decode(&in) != nil {
		return http.StatusBadRequest, failure("Problems parsing JSON")
	}
	for _, assignee := range in.Assignees {
		if assignee == Person || assignee == Bot {
			p.Assignees = append(p.Assignees, assignee)
		}
	}
	return http.StatusCreated, object{"number": p.Number}
}

func (s *Server) addComment(r *http.Request, p *repository.Pull) (int, any) {
	var in struct{ Body string }
	if json.NewDecoder(r.Body).Decode(&in) != nil {
		return http.StatusBadRequest, failure("Problems parsing JSON")
	}
	p.Comments = append(p.Comments, in.Body)
	return http.StatusCreated, object{"id": len(p.Comments), "body": in.Body}
}
