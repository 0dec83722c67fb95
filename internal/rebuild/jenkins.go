package rebuild

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/plimsoll-dev/plimsoll/internal/delivery"
)

// jenkinsKey is the parameter that holds the idempotency key. Jenkins leaves out what a job does not declare.
const jenkinsKey = "PLIMSOLL_KEY"

// jenkinsJob is the address of a job.
type jenkinsJob struct {
	// root of the server, job below it; both without a slash at the end.
	root, job string
}

func parseJenkins(text string) (jenkinsJob, error) {
	u, err := delivery.Address(text)
	if err != nil {
		return jenkinsJob{}, delivery.Refused(fmt.Errorf("url: %w", err))
	}
	path := strings.TrimRight(u.EscapedPath(), "/")
	for _, action := range []string{"/build", "/buildWithParameters"} {
		if job, found := strings.CutSuffix(path, action); found && !strings.HasSuffix(job, "/job") {
			path = job
		}
	}
	before, job, found := strings.Cut(path, "/job/")
	if !found || job == "" {
		return jenkinsJob{}, delivery.Refused(errors.New("url: is not a job, such as https://jenkins.example.com/job/folder/job/name"))
	}
	root, _, _ := strings.Cut(before, "/view/")
	server := u.Scheme + "://" + u.Host
	return jenkinsJob{root: server + root, job: server + before + "/job/" + job}, nil
}

// sendJenkins queues a build with parameters, as the user whose API token the Secret has.
func sendJenkins(ctx context.Context, client *http.Client, r Request) (Result, error) {
	job, err := parseJenkins(r.Trigger.URL)
	if err != nil {
		return Result{}, err
	}
	user := clean(r.Secret[secretUser])
	if user == "" {
		return Result{}, delivery.Refused(fmt.Errorf("%w lacks the key %s", errSecret, secretUser))
	}
	token, err := r.requiredToken(secretAPIToken)
	if err != nil {
		return Result{}, err
	}
	parameters, err := r.parameters()
	if err != nil {
		return Result{}, err
	}
	parameters[jenkinsKey] = r.Key
	form := url.Values{}
	for name, value := range parameters {
		form.Set(name, value)
	}
	basic := base64.StdEncoding.EncodeToString([]byte(user + ":" + token))
	secrets := []string{token, basic}
	header := r.header("application/x-www-form-urlencoded")
	header.Set("Authorization", "Basic "+basic)
	if err := addCrumb(ctx, client, job.root, header, secrets); err != nil {
		return Result{}, err
	}
	answer, err := delivery.Send(ctx, client, delivery.Request{
		Action: "queue the Jenkins build", URL: job.job + "/buildWithParameters", Header: header, Body: []byte(form.Encode()), Secrets: secrets,
	})
	if err != nil {
		return Result{}, err
	}
	return Result{URL: queueItem(job, answer.Header.Get("Location"))}, nil
}

// queueItem is the answer's Location where it is on the same server, else the job.
func queueItem(job jenkinsJob, location string) string {
	if item := pageOf(location); strings.HasPrefix(item, job.root+"/") {
		return item
	}
	return job.job
}

var (
	crumbField = regexp.MustCompile(`^[A-Za-z0-9.-]{1,64}$`)
	crumbValue = regexp.MustCompile(`^[!-~]{1,1000}$`)
)

// addCrumb adds what a Jenkins that guards against forged requests asks for: a crumb and the session that it belongs
// to. One that does not has no crumbs (404).
func addCrumb(ctx context.Context, client *http.Client, root string, header http.Header, secrets []string) error {
	answer, err := delivery.Send(ctx, client, delivery.Request{
		Action: "get a crumb of Jenkins", Method: http.MethodGet, URL: root + "/crumbIssuer/api/json",
		Header: http.Header{"Authorization": header["Authorization"]}, Secrets: secrets,
	})
	if err != nil {
		if delivery.AsError(err).Status == http.StatusNotFound {
			return nil
		}
		return err
	}
	var crumb struct {
		Field string `json:"crumbRequestField"`
		Value string `json:"crumb"`
	}
	if json.Unmarshal(answer.Body, &crumb) != nil || !crumbField.MatchString(crumb.Field) || !crumbValue.MatchString(crumb.Value) {
		return &delivery.Error{Err: errors.New("get a crumb of Jenkins: the answer holds none")}
	}
	switch http.CanonicalHeaderKey(crumb.Field) {
	case "Authorization", "Host", "Content-Type", "Cookie", delivery.KeyHeader:
		return delivery.Refused(errors.New("get a crumb of Jenkins: it would replace another header"))
	}
	header.Set(crumb.Field, crumb.Value)
	for _, cookie := range answer.Cookies {
		header.Add("Cookie", (&http.Cookie{Name: cookie.Name, Value: cookie.Value}).String())
	}
	return nil
}
