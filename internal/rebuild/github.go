package rebuild

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/plimsoll-dev/plimsoll/internal/delivery"
)

const (
	gitHubVersion = "2022-11-28"
	// gitHubEvent is the event_type for which workflows ask by repository_dispatch.
	gitHubEvent = "plimsoll-rebuild"
	// defaultRef is the branch of a trigger that names none.
	defaultRef = "main"
)

// gitHubPlace is a repository or a workflow at GitHub or GitHub Enterprise.
type gitHubPlace struct {
	// api is where its API is, web its page.
	api, web string
}

// errGitHubURL says what is understood.
var errGitHubURL = errors.New("url: neither a repository nor a workflow at GitHub, such as https://github.com/owner/name or " +
	"https://github.com/owner/name/actions/workflows/build.yml, or the same in its API")

// parseGitHub takes the page of a repository or workflow, or its address in the API:
// api.github.com, api.<name>.ghe.com, or /api/v3 of a server.
func parseGitHub(text string) (place gitHubPlace, workflow bool, err error) {
	u, err := delivery.Address(text)
	if err != nil {
		return place, false, delivery.Refused(fmt.Errorf("url: %w", err))
	}
	path := strings.Trim(u.Path, "/")
	host, isAPI := strings.CutPrefix(u.Host, "api.")
	hosted := host == "github.com" || strings.HasSuffix(host, ".ghe.com")
	isAPI = isAPI && hosted
	if !isAPI {
		host = u.Host
		path, isAPI = strings.CutPrefix(path, "api/v3/")
	}
	if isAPI {
		repositories := false
		if path, repositories = strings.CutPrefix(path, "repos/"); !repositories {
			return place, false, delivery.Refused(errGitHubURL)
		}
		path = strings.TrimSuffix(path, "/dispatches")
	}
	owner, name, file, ok := splitGitHub(path)
	if !ok {
		return place, false, delivery.Refused(errGitHubURL)
	}
	base := u.Scheme + "://" + host
	place.web = base + "/" + owner + "/" + name + "/actions"
	place.api = base + "/api/v3"
	if hosted {
		place.api = u.Scheme + "://api." + host
	}
	place.api += "/repos/" + owner + "/" + name
	if file != "" {
		place.web += "/workflows/" + file
		place.api += "/actions/workflows/" + file
	}
	return place, file != "", nil
}

// splitGitHub splits owner/name or owner/name/actions/workflows/file.
func splitGitHub(path string) (owner, name, file string, ok bool) {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if part == "" || part == "." || part == ".." {
			return "", "", "", false
		}
		parts[i] = url.PathEscape(part)
	}
	switch {
	case len(parts) == 2:
		return parts[0], strings.TrimSuffix(parts[1], ".git"), "", true
	case len(parts) == 5 && parts[2] == "actions" && parts[3] == "workflows":
		return parts[0], parts[1], parts[4], true
	}
	return "", "", "", false
}

// sendGitHubDispatch makes a repository_dispatch event of type plimsoll-rebuild. Its payload is that of the CloudEvent: the
// parameters are below one property, as GitHub takes no more than 10 of them.
func sendGitHubDispatch(ctx context.Context, client *http.Client, r Request) (Result, error) {
	place, workflow, err := parseGitHub(r.Trigger.URL)
	if err == nil && workflow {
		err = delivery.Refused(errors.New("url: a workflow is triggered by type GitHubWorkflow"))
	}
	if err != nil {
		return Result{}, err
	}
	payload, err := r.data()
	if err != nil {
		return Result{}, err
	}
	return r.postGitHub(ctx, client, "send a repository dispatch to GitHub", place, map[string]any{
		"event_type": gitHubEvent, "client_payload": payload,
	})
}

// sendGitHubWorkflow makes a workflow_dispatch event. GitHub refuses inputs that the workflow does not
// declare, so that the key is among them only where a parameter asks for it.
func sendGitHubWorkflow(ctx context.Context, client *http.Client, r Request) (Result, error) {
	place, workflow, err := parseGitHub(r.Trigger.URL)
	if err == nil && !workflow {
		err = delivery.Refused(errors.New("url: names no workflow; a repository is triggered by type GitHubDispatch"))
	}
	if err != nil {
		return Result{}, err
	}
	inputs, err := r.parameters()
	if err != nil {
		return Result{}, err
	}
	return r.postGitHub(ctx, client, "dispatch the GitHub workflow", place, map[string]any{
		"ref": cmp.Or(r.Trigger.Ref, defaultRef), "inputs": inputs,
	})
}

func (r Request) postGitHub(ctx context.Context, client *http.Client, action string, place gitHubPlace, body any) (Result, error) {
	token, err := r.requiredToken(secretToken)
	if err != nil {
		return Result{}, err
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		return Result{}, delivery.Refused(fmt.Errorf("%s: encode the request: %w", action, err))
	}
	header := r.header("application/json")
	header.Set("Accept", "application/vnd.github+json")
	header.Set("X-GitHub-Api-Version", gitHubVersion)
	header.Set("Authorization", "Bearer "+token)
	_, err = delivery.Send(ctx, client, delivery.Request{
		Action: action, URL: place.api + "/dispatches", Header: header, Body: encoded, Secrets: []string{token},
	})
	if err != nil {
		return Result{}, gitHubLimit(err)
	}
	return Result{URL: place.web}, nil
}

// gitHubLimit knows that GitHub also says 403 where it limits requests, with the time to wait.
func gitHubLimit(err error) error {
	known := delivery.AsError(err)
	if known.Status == http.StatusForbidden && known.RetryAfter > 0 {
		return &delivery.Error{Status: http.StatusTooManyRequests, RetryAfter: known.RetryAfter, Err: known.Err}
	}
	return err
}
