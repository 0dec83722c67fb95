package rebuild

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/plimsoll-dev/plimsoll/internal/delivery"
)

// gitLabKey is the variable that holds the idempotency key.
const gitLabKey = "PLIMSOLL_KEY"

var gitLabVariable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// gitLabTrigger is where pipelines of a project are triggered. The URL is the project's page, or its address in the
// API: /api/v4/projects/<number or escaped path>.
func gitLabTrigger(text string) (string, error) {
	u, err := delivery.Address(text)
	if err != nil {
		return "", delivery.Refused(fmt.Errorf("url: %w", err))
	}
	const api, trigger = "/api/v4/projects/", "/trigger/pipeline"
	path := strings.TrimSuffix(strings.TrimSuffix(u.EscapedPath(), "/"), trigger)
	if before, id, found := strings.Cut(path, api); found {
		if id == "" || strings.Contains(id, "/") {
			return "", delivery.Refused(errors.New("url: names no project of the API: its path has to be escaped (group%2Fproject)"))
		}
		return u.Scheme + "://" + u.Host + before + api + id + trigger, nil
	}
	project := strings.TrimSuffix(strings.Trim(u.Path, "/"), ".git")
	if !strings.Contains(project, "/") || strings.Contains(project, "/-/") {
		return "", delivery.Refused(errors.New("url: is not a project's page, such as https://gitlab.com/group/project"))
	}
	return u.Scheme + "://" + u.Host + api + url.PathEscape(project) + trigger, nil
}

// sendGitLab triggers a pipeline by a trigger token, with the parameters as variables.
func sendGitLab(ctx context.Context, client *http.Client, r Request) (Result, error) {
	address, err := gitLabTrigger(r.Trigger.URL)
	if err != nil {
		return Result{}, err
	}
	token, err := r.requiredToken(secretToken)
	if err != nil {
		return Result{}, err
	}
	variables, err := r.parameters()
	if err != nil {
		return Result{}, err
	}
	variables[gitLabKey] = r.Key
	form := url.Values{"token": {token}, "ref": {cmp.Or(r.Trigger.Ref, defaultRef)}}
	for name, value := range variables {
		if !gitLabVariable.MatchString(name) {
			return Result{}, delivery.Refused(fmt.Errorf("parameter %s: is no name of a GitLab variable", name))
		}
		form.Set("variables["+name+"]", value)
	}
	answer, err := delivery.Send(ctx, client, delivery.Request{
		Action: "trigger the GitLab pipeline", URL: address, Header: r.header("application/x-www-form-urlencoded"),
		Body: []byte(form.Encode()), Secrets: []string{token},
	})
	if err != nil {
		return Result{}, err
	}
	var pipeline struct {
		WebURL string `json:"web_url"`
	}
	if json.Unmarshal(answer.Body, &pipeline) != nil {
		// It was accepted, which is what counts.
		return Result{}, nil
	}
	return Result{URL: pageOf(pipeline.WebURL)}, nil
}

// pageOf is an address that an answer gives for people, or nothing where it is none.
func pageOf(text string) string {
	u, err := delivery.Address(text)
	if err != nil || u.User != nil {
		return ""
	}
	return u.String()
}
