package gitlabtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/internal/pullrequest/forgetest/repository"
)

// merge is a reply about the merge request that the path names.
func (s *Server) merge(answer func(*http.Request, *repository.Pull) reply) func(*http.Request) reply {
	return func(r *http.Request) reply {
		n, _ := strconv.ParseInt(r.PathValue("iid"), 10, 64)
		p, ok := s.repository.Pull(n)
		if !ok {
			return failure(http.StatusNotFound, "")
		}
		return answer(r, p)
	}
}

// mergeBody of a merge request.
func (s *Server) mergeBody(p *repository.Pull) object {
	source, state := 1, "opened"
	if p.Fork {
		source = 2
	}
	out := object{
		"id": 1000 + p.Number, "iid": p.Number, "web_url": fmt.Sprintf("%s/%s/%s/-/merge_requests/%d", s.URL, Owner, Name, p.Number),
		"title": p.Title, "description": p.Body, "draft": isDraft(p.Title), "author": object{"username": p.Author},
		"source_branch": p.Branch, "target_branch": p.Target, "source_project_id": source, "target_project_id": 1, "project_id": 1,
		"sha": p.Head, "created_at": p.Created, "merged_at": nil, "closed_at": nil, "merge_commit_sha": nil, "squash_commit_sha": nil,
		"has_conflicts": s.repository.Conflicted(p), "labels": p.Labels,
	}
	switch {
	case p.Open:
	case !p.Merged.IsZero():
		state = "merged"
		out["merged_at"], out["merge_commit_sha"] = stamp(p.Merged), p.MergeCommit
	default:
		state = "closed"
		out["closed_at"] = stamp(p.Closed)
	}
	out["state"] = state
	return out
}

func isDraft(title string) bool {
	lower := strings.ToLower(title)
	return strings.HasPrefix(lower, "draft:") || strings.HasPrefix(lower, "[draft]") || strings.HasPrefix(lower, "(draft)")
}

func stamp(at time.Time) string { return at.Format(time.RFC3339Nano) }

func (s *Server) listMerges(r *http.Request) reply {
	query := r.URL.Query()
	all := []object{}
	for _, p := range slices.Backward(s.repository.Pulls) {
		out := s.mergeBody(p)
		if (query.Get("source_branch") == "" || query.Get("source_branch") == p.Branch) && (query.Get("state") == "all" || out["state"] == query.Get("state")) {
			all = append(all, out)
		}
	}
	return page(r, all)
}

func (s *Server) getMerge(_ *http.Request, p *repository.Pull) reply {
	return reply{status: http.StatusOK, body: s.mergeBody(p)}
}

func (s *Server) createMerge(r *http.Request) reply {
	var in struct {
		Title, Description, Labels string
		SourceBranch               string  `json:"source_branch"`
		TargetBranch               string  `json:"target_branch"`
		ReviewerIDs                []int64 `json:"reviewer_ids"`
		AssigneeIDs                []int64 `json:"assignee_ids"`
	}
	if json.NewDecoder(r.Body).Decode(&in) != nil || in.Title == "" || in.SourceBranch == "" || in.TargetBranch == "" {
		return reply{status: http.StatusBadRequest, body: object{"error": "title is missing, source_branch is missing, target_branch is missing"}}
	}
	if _, there := s.repository.Branches[in.SourceBranch]; !there {
		return reply{status: http.StatusUnprocessableEntity, body: object{"message": []string{fmt.Sprintf("Source branch %q does not exist", in.SourceBranch)}}}
	}
	for _, p := range s.repository.OpenPulls(in.SourceBranch) {
		if p.Target == in.TargetBranch {
			return reply{status: http.StatusConflict, body: object{"message": []string{fmt.Sprintf("Another open merge request already exists for this source branch: !%d", p.Number)}}}
		}
	}
	p := repository.Pull{
		Branch: in.SourceBranch, Target: in.TargetBranch, Title: in.Title, Body: in.Description, Draft: isDraft(in.Title), Author: Bot,
		Reviewers: names(in.ReviewerIDs), Assignees: names(in.AssigneeIDs),
	}
	if in.Labels != "" {
		p.Labels = strings.Split(in.Labels, ",")
	}
	return reply{status: http.StatusCreated, body: s.mergeBody(s.repository.OpenPull(p))}
}

func names(ids []int64) []string {
	var found []string
	for _, id := range ids {
		for name, number := range users {
			if number == id {
				found = append(found, name)
			}
		}
	}
	return found
}

func (s *Server) updateMerge(r *http.Request, p *repository.Pull) reply {
	var in struct {
		Title, Description *string
		StateEvent         string `json:"state_event"`
	}
	if json.NewDecoder(r.Body).Decode(&in) != nil {
		return failure(http.StatusBadRequest, "")
	}
	if in.Title != nil {
		p.Title, p.Draft = *in.Title, isDraft(*in.Title)
	}
	if in.Description != nil {
		p.Body = *in.Description
	}
	if in.StateEvent == "close" && p.Open {
		s.repository.ClosePull(p)
	}
	return s.getMerge(r, p)
}

// accept merges once the pipeline succeeds. Without a pipeline it refuses.
func (s *Server) accept(r *http.Request, p *repository.Pull) reply {
	var in struct {
		AutoMerge bool `json:"auto_merge"`
		SHA       string
	}
	if json.NewDecoder(r.Body).Decode(&in) != nil {
		return failure(http.StatusBadRequest, "")
	}
	switch {
	case in.SHA != "" && in.SHA != p.Head:
		return failure(http.StatusConflict, "SHA does not match HEAD of source branch: "+p.Head)
	case !p.Open || isDraft(p.Title) || !in.AutoMerge || s.pipeline == "":
		return failure(http.StatusMethodNotAllowed, "")
	case s.repository.Conflicted(p):
		return failure(http.StatusUnprocessableEntity, "Branch cannot be merged")
	case s.pipeline == "success":
		s.repository.Merge(p, bot, bot)
	default:
		p.AutoMerge = true
	}
	return s.getMerge(r, p)
}

func (s *Server) addNote(r *http.Request, p *repository.Pull) reply {
	var in struct{ Body string }
	if json.NewDecoder(r.Body).Decode(&in) != nil || in.Body == "" {
		return reply{status: http.StatusBadRequest, body: object{"error": "body is missing"}}
	}
	p.Comments = append(p.Comments, in.Body)
	return reply{status: http.StatusCreated, body: object{"id": len(p.Comments), "body": in.Body}}
}
