package controllers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest/gitea"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest/github"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest/gitlab"
)

// forges are clients of repositories, by the Secrets that policies name. One is
// kept for as long as its Secret does not change, as a GitHub App's token is.
type forges struct {
	reader  client.Reader
	http    *http.Client
	secrets PullSecrets
	now     func() time.Time

	mu    sync.Mutex
	known map[forgeKey]pullrequest.Forge
	// pauses that forges ask for, by the Secret that they are asked with.
	pauses map[types.NamespacedName]pause
}

// pause in which a forge wants no requests.
type pause struct {
	until time.Time
	err   *pullrequest.Error
}

type forgeKey struct {
	secret     types.NamespacedName
	version    string
	repository string
}

// forgeSecret is what a Secret says of a forge.
type forgeSecret struct {
	kind, url, token string
	app              *github.App
}

// forge returns the client of a repository. Its error is a *pullrequest.Error.
func (f *forges) forge(ctx context.Context, secret types.NamespacedName, repository string) (pullrequest.Forge, error) {
	object, err := f.secret(ctx, secret)
	if err != nil {
		return nil, err
	}
	key := forgeKey{secret: secret, version: object.ResourceVersion, repository: repository}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.renew(key)
	if wait := f.pauses[secret].until.Sub(f.now()); wait > 0 {
		failure := f.pauses[secret].err
		return nil, &pullrequest.Error{Reason: failure.Reason, RetryAfter: wait, Err: failure.Err}
	}
	if forge, ok := f.known[key]; ok {
		return forge, nil
	}
	forge, err := f.open(object, repository)
	if err != nil {
		return nil, secretError(secret, err)
	}
	f.known[key] = forge
	return forge, nil
}

// renew forgets what was known by an earlier version of a Secret.
func (f *forges) renew(key forgeKey) {
	for other := range f.known {
		if other.secret == key.secret && other.version != key.version {
			delete(f.known, other)
			delete(f.pauses, key.secret)
		}
	}
}

// pause all requests with a Secret, of whatever repository, where its forge asks for that.
func (f *forges) pause(secret types.NamespacedName, err error) {
	var failure *pullrequest.Error
	if !errors.As(err, &failure) || failure.RetryAfter <= 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pauses[secret] = pause{until: f.now().Add(failure.RetryAfter), err: failure}
}

func secretError(secret types.NamespacedName, err error) error {
	return &pullrequest.Error{Reason: v1alpha1.ReasonForgeSecretInvalid, Err: fmt.Errorf("use Secret %s as forgeRef: %w", secret, err)}
}

// secret reads one Secret by its name, if its namespace may be read.
func (f *forges) secret(ctx context.Context, name types.NamespacedName) (*corev1.Secret, error) {
	if name.Namespace != f.secrets.Namespace && !slices.Contains(f.secrets.Namespaces, name.Namespace) {
		return nil, secretError(name, fmt.Errorf("the operator may read no Secrets of namespace %s; the Helm value pullSecrets.namespaces lets it", name.Namespace))
	}
	object := &corev1.Secret{}
	err := f.reader.Get(ctx, name, object)
	switch {
	case apierrors.IsNotFound(err), apierrors.IsForbidden(err):
		return nil, secretError(name, err)
	case err != nil:
		return nil, fmt.Errorf("get Secret %s: %w", name, err)
	}
	return object, nil
}

func (f *forges) open(object *corev1.Secret, repository string) (pullrequest.Forge, error) {
	s, err := readForgeSecret(object.Data)
	if err != nil {
		return nil, err
	}
	at, err := pullrequest.ParseRepositoryAt(s.url, repository)
	if err != nil {
		return nil, fmt.Errorf("key url: %w", err)
	}
	switch s.kind {
	case "GitHub":
		return github.New(github.Options{HTTPClient: f.http, URL: at.Base, Owner: at.Owner, Name: at.Name, Token: s.token, App: s.app, Now: f.now})
	case "GitLab":
		return gitlab.New(gitlab.Options{HTTPClient: f.http, URL: at.Base, Owner: at.Owner, Name: at.Name, Token: s.token, Now: f.now})
	}
	return gitea.New(gitea.Options{HTTPClient: f.http, URL: at.Base, Owner: at.Owner, Name: at.Name, Token: s.token, Now: f.now})
}

func readForgeSecret(data map[string][]byte) (forgeSecret, error) {
	text := func(key string) string { return strings.TrimSpace(string(data[key])) }
	s := forgeSecret{kind: text("type"), url: text("url"), token: text("token")}
	if !slices.Contains([]string{"GitHub", "GitLab", "Gitea"}, s.kind) {
		return s, fmt.Errorf("key type is %.20q, want GitHub, GitLab or Gitea", s.kind)
	}
	if s.url == "" {
		return s, fmt.Errorf("key url is missing")
	}
	if s.kind == "GitHub" && text("privateKey") != "" {
		id, err := strconv.ParseInt(text("appID"), 10, 64)
		if err != nil {
			return s, fmt.Errorf("key appID is not a number")
		}
		installation, err := strconv.ParseInt(text("installationID"), 10, 64)
		if err != nil {
			return s, fmt.Errorf("key installationID is not a number")
		}
		s.app = &github.App{ID: id, InstallationID: installation, PrivateKey: data["privateKey"]}
		return s, nil
	}
	if s.token == "" {
		return s, fmt.Errorf("key token is missing")
	}
	return s, nil
}
