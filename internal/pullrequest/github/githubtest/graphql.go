package githubtest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/internal/pullrequest/forgetest/repository"
)

// refusal is a GraphQL answer with an error, whose status is 200.
func refusal(field, kind, message string) (int, any) {
	return http.StatusOK, object{
		"data": object{field: nil},
		"errors": []object{{
			"type": kind, "path": []string{field}, "message": message,
			"locations": []object{{"line": 1, "column": 48}},
		}},
	}
}

func (s *Server) graphql(r *http.Request) (int, any) {
	var in struct {
		Query     string
		Variables struct{ Input json.RawMessage }
	}
	if json.NewDecoder(r.Body).Decode(&in) != nil {
		return http.StatusBadRequest, failure("Problems parsing JSON")
	}
	switch {
	case strings.Contains(in.Query, "createCommitOnBranch("):
		return s.createCommit(r, in.Variables.Input)
	case strings.Contains(in.Query, "enablePullRequestAutoMerge("):
		return s.enableAutoMerge(in.Variables.Input)
	}
	return http.StatusOK, object{"errors": []object{{"message": "Parse error"}}}
}

// newCommit is CreateCommitOnBranchInput.
type newCommit struct {
	Branch          struct{ RepositoryNameWithOwner, BranchName string }
	ExpectedHeadOid string
	Message         struct{ Headline, Body string }
	FileChanges     struct {
		Additions []struct{ Path, Contents string }
	}
}

func (c newCommit) message() string {
	if c.Message.Body == "" {
		return c.Message.Headline
	}
	return c.Message.Headline + "\n\n" + c.Message.Body
}

// author of a commit is the account of the token.
func (s *Server) author(r *http.Request) repository.Identity {
	login, _ := s.login(r)
	if login == Bot {
		return bot
	}
	return repository.Identity{Name: login, Email: "2+" + login + "@users.noreply.github.com"}
}

func (s *Server) createCommit(r *http.Request, input json.RawMessage) (int, any) {
	const field = "createCommitOnBranch"
	var in newCommit
	if json.Unmarshal(input, &in) != nil {
		return refusal(field, "INVALID", "Variable $input of type CreateCommitOnBranchInput! was provided invalid value")
	}
	branch := in.Branch.BranchName
	head, there := s.repository.Branches[branch]
	switch {
	case in.Branch.RepositoryNameWithOwner != Owner+"/"+Name:
		return refusal(field, "NOT_FOUND", fmt.Sprintf("Could not resolve to a Repository with the name '%s'.", in.Branch.RepositoryNameWithOwner))
	case !there:
		return refusal(field, "NOT_FOUND", "No such branch in the repository")
	case s.repository.Protected[branch]:
		return refusal(field, "BRANCH_PROTECTION_RULE_VIOLATION", "Changes must be made through a pull request.")
	case head != in.ExpectedHeadOid:
		return refusal(field, "STALE_DATA", fmt.Sprintf("Expected branch to point to %q but it did not.  Pull and try again.", in.ExpectedHeadOid))
	}
	changed := map[string]repository.File{}
	for _, addition := range in.FileChanges.Additions {
		content, err := base64.StdEncoding.DecodeString(addition.Contents)
		if err != nil {
			return refusal(field, "INVALID", "contents is not valid Base64")
		}
		changed[addition.Path] = repository.File{Content: string(content)}
	}
	c := s.repository.Add(head, in.message(), s.author(r), web, changed)
	s.move(branch, c.SHA)
	return http.StatusOK, object{"data": object{field: object{"commit": object{"oid": c.SHA}}}}
}

func (s *Server) enableAutoMerge(input json.RawMessage) (int, any) {
	const field = "enablePullRequestAutoMerge"
	var in struct{ PullRequestID, MergeMethod, ExpectedHeadOid string }
	if json.Unmarshal(input, &in) != nil {
		return refusal(field, "INVALID", "Variable $input was provided invalid value")
	}
	i := slices.IndexFunc(s.repository.Pulls, func(p *repository.Pull) bool { return nodeID(p) == in.PullRequestID })
	switch {
	case i < 0:
		return refusal(field, "NOT_FOUND", fmt.Sprintf("Could not resolve to a node with the global id of '%s'", in.PullRequestID))
	case in.MergeMethod == "REBASE":
		return refusal(field, "UNPROCESSABLE", "Merge method rebase merging is not allowed on this repository")
	case s.repository.Pulls[i].Head != in.ExpectedHeadOid:
		return refusal(field, "STALE_DATA", "Head sha didn't match expected head sha")
	case s.repository.Conflicted(s.repository.Pulls[i]):
		return refusal(field, "UNPROCESSABLE", "Pull request is in dirty status")
	case !s.repository.Protected[s.repository.Pulls[i].Target]:
		return refusal(field, "UNPROCESSABLE", "Pull request is in clean status")
	}
	s.repository.Pulls[i].AutoMerge = true
	return http.StatusOK, object{"data": object{field: object{"clientMutationId": nil}}}
}
