package rebuild

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/plimsoll-dev/plimsoll/internal/delivery"
)

// The servers below answer as the documentation of each product says, as far as a trigger goes.

const (
	token = "tok-0123456789abcdef"
	user  = "robot"
)

// accepted is what a server took.
type accepted struct {
	mu         sync.Mutex
	keys       []string
	ref        string
	parameters map[string]string
}

func (a *accepted) add(r *http.Request, ref string, parameters map[string]string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.keys = append(a.keys, r.Header.Get(delivery.KeyHeader))
	a.ref, a.parameters = ref, parameters
}

// gitHub has the repository shop/api with the workflow build.yml, whose only input is BASE.
func gitHub(t *testing.T, a *accepted, prefix string) http.Handler {
	answer := func(w http.ResponseWriter, status int, message string) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"message":%q,"documentation_url":"https://docs.github.com/rest"}`, message)
	}
	authorized := func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Authorization") != "Bearer "+token {
			answer(w, http.StatusUnauthorized, "Bad credentials")
			return false
		}
		if r.Header.Get("X-GitHub-Api-Version") == "" || r.Header.Get("Accept") != "application/vnd.github+json" {
			t.Errorf("headers %v", r.Header)
		}
		return true
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+prefix+"/repos/shop/api/dispatches", func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			EventType     string                     `json:"event_type"`
			ClientPayload map[string]json.RawMessage `json:"client_payload"`
		}
		if !authorized(w, r) {
			return
		}
		err := json.NewDecoder(r.Body).Decode(&body)
		if err != nil || body.EventType == "" || len(body.EventType) > 100 {
			answer(w, http.StatusUnprocessableEntity, "Invalid request.")
			return
		}
		if n := len(body.ClientPayload); n > 10 {
			answer(w, http.StatusUnprocessableEntity, fmt.Sprintf("Invalid request.\n\nNo more than 10 properties are allowed; %d were supplied.", n))
			return
		}
		payload := map[string]string{}
		for name, value := range body.ClientPayload {
			var text string
			if json.Unmarshal(value, &text) != nil {
				text = string(value)
			}
			payload[name] = text
		}
		a.add(r, body.EventType, payload)
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST "+prefix+"/repos/shop/api/actions/workflows/build.yml/dispatches", func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Ref    string            `json:"ref"`
			Inputs map[string]string `json:"inputs"`
		}
		if !authorized(w, r) {
			return
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body.Ref == "" {
			answer(w, http.StatusUnprocessableEntity, "No ref found")
			return
		}
		for name := range body.Inputs {
			if name != "BASE" {
				answer(w, http.StatusUnprocessableEntity, `Unexpected inputs provided: ["`+name+`"]`)
				return
			}
		}
		a.add(r, body.Ref, body.Inputs)
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusNotFound, "Not Found") })
	return mux
}

// gitLab has the project group/sub/api, whose id is 42.
func gitLab(a *accepted) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := func(status int, body string) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}
		path := r.URL.EscapedPath()
		if r.Method != http.MethodPost || path != "/api/v4/projects/group%2Fsub%2Fapi/trigger/pipeline" && path != "/api/v4/projects/42/trigger/pipeline" {
			answer(http.StatusNotFound, `{"message":"404 Project Not Found"}`)
			return
		}
		if err := r.ParseForm(); err != nil || r.PostForm.Get("ref") == "" {
			answer(http.StatusBadRequest, `{"error":"ref is missing"}`)
			return
		}
		if r.PostForm.Get("token") != token {
			// GitLab hides a project from those who may not trigger it.
			answer(http.StatusNotFound, `{"message":"404 Not Found"}`)
			return
		}
		if r.PostForm.Get("ref") == "gone" {
			answer(http.StatusBadRequest, `{"message":{"base":["Reference not found"]}}`)
			return
		}
		variables := map[string]string{}
		for name := range r.PostForm {
			if key, found := strings.CutPrefix(name, "variables["); found {
				variables[strings.TrimSuffix(key, "]")] = r.PostForm.Get(name)
			}
		}
		a.add(r, r.PostForm.Get("ref"), variables)
		answer(http.StatusCreated, `{"id":7,"ref":"main","status":"created","web_url":"https://gitlab.example.com/group/sub/api/-/pipelines/7"}`)
	})
}

// jenkins has the job team/api, below /ci, and guards against forged requests where crumbs is set.
func jenkins(a *accepted, crumbs bool, location func(*http.Request) string) http.Handler {
	mux := http.NewServeMux()
	authorized := func(w http.ResponseWriter, r *http.Request) bool {
		name, password, _ := r.BasicAuth()
		if name != user || password != token {
			w.Header().Set("WWW-Authenticate", `Basic realm="Jenkins"`)
			http.Error(w, "<html><h2>HTTP ERROR 401 Unauthorized</h2></html>", http.StatusUnauthorized)
			return false
		}
		return true
	}
	mux.HandleFunc("GET /ci/crumbIssuer/api/json", func(w http.ResponseWriter, r *http.Request) {
		if !authorized(w, r) {
			return
		}
		if !crumbs {
			http.NotFound(w, r)
			return
		}
		http.SetCookie(w, &http.Cookie{Name: "JSESSIONID.1", Value: "node01"})
		fmt.Fprint(w, `{"_class":"hudson.security.csrf.DefaultCrumbIssuer","crumb":"c0ffee","crumbRequestField":"Jenkins-Crumb"}`)
	})
	mux.HandleFunc("POST /ci/job/team/job/api/buildWithParameters", func(w http.ResponseWriter, r *http.Request) {
		if !authorized(w, r) {
			return
		}
		session, _ := r.Cookie("JSESSIONID.1")
		if crumbs && (r.Header.Get("Jenkins-Crumb") != "c0ffee" || session == nil || session.Value != "node01") {
			http.Error(w, "No valid crumb was included in the request", http.StatusForbidden)
			return
		}
		if err := r.ParseForm(); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		parameters := map[string]string{}
		for name := range r.PostForm {
			parameters[name] = r.PostForm.Get(name)
		}
		a.add(r, "", parameters)
		w.Header().Set("Location", location(r))
		w.WriteHeader(http.StatusCreated)
	})
	return mux
}

// listener is Tekton's event listener, or any webhook: it checks the signature where it has a key.
func listener(t *testing.T, a *accepted, hmacKey string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if hmacKey != "" {
			mac := hmac.New(sha256.New, []byte(hmacKey))
			mac.Write(body)
			if r.Header.Get("X-Hub-Signature-256") != "sha256="+hex.EncodeToString(mac.Sum(nil)) {
				http.Error(w, "the signature does not match", http.StatusForbidden)
				return
			}
		}
		e := event.New()
		var data eventData
		if err := json.NewDecoder(bytes.NewReader(body)).Decode(&e); err != nil {
			t.Error(err)
		}
		if err := e.DataAs(&data); err != nil || e.Validate() != nil || e.ID() != data.IdempotencyKey || e.Type() != EventType {
			t.Errorf("event %s: %v", e, err)
		}
		if got := r.Header.Get("Content-Type"); got != "application/cloudevents+json" {
			t.Errorf("content type %s", got)
		}
		a.add(r, e.Source()+" "+e.Subject(), data.Parameters)
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprint(w, `{"eventListener":"listener","namespace":"ci","eventID":"14a657c3"}`)
	})
}
