package github

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest/exchange"
)

const (
	// proofAge is how long the App's own proof is good: GitHub takes at most ten minutes.
	proofAge = 9 * time.Minute
	// clockDrift is how far ahead of GitHub's this clock may be.
	clockDrift = time.Minute
	// renewal is how long before its end a token, which is good for an hour, is no longer used.
	renewal = 5 * time.Minute
	// maxTokenAnswer bounds the answer that holds a token, in bytes.
	maxTokenAnswer = 256 << 10
)

// installation gets tokens of a GitHub App, one at a time.
type installation struct {
	client     *http.Client
	url        string
	issuer     string
	repository string
	key        *rsa.PrivateKey
	now        func() time.Time

	mu      sync.Mutex
	token   string
	expires time.Time
}

func newInstallation(app App, repository, rest string, client *http.Client, now func() time.Time) (*installation, error) {
	key, err := parseKey(app.PrivateKey)
	if err != nil {
		return nil, err
	}
	// A copy: the client of all other requests adds the token that this one is for.
	plain := *client
	return &installation{
		client: &plain, url: fmt.Sprintf("%sapp/installations/%d/access_tokens", rest, app.InstallationID),
		issuer: strconv.FormatInt(app.ID, 10), repository: repository, key: key, now: now,
	}, nil
}

// parseKey never puts the key, or a parser's words about it, into an error.
func parseKey(text []byte) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("the private key of the GitHub App is not in PEM")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	if parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		if key, ok := parsed.(*rsa.PrivateKey); ok {
			return key, nil
		}
	}
	return nil, errors.New("the private key of the GitHub App is not an RSA key in PKCS #1 or PKCS #8")
}

// current returns a token that is good for some minutes, and whether it is one that was in use before.
func (i *installation) current(ctx context.Context) (string, bool, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.token != "" && i.now().Before(i.expires.Add(-renewal)) {
		return i.token, true, nil
	}
	if err := i.renew(ctx); err != nil {
		return "", false, err
	}
	return i.token, false, nil
}

// forget drops the token that GitHub refused, unless another took its place meanwhile.
func (i *installation) forget(token string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.token == token {
		i.token = ""
	}
}

func (i *installation) secrets() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return []string{i.token}
}

// renew asks for a token that is good for this repository only.
func (i *installation) renew(ctx context.Context) error {
	doing := "get a token for installation of GitHub App " + i.issuer
	proof, err := i.proof()
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	body, err := json.Marshal(map[string][]string{"repositories": {i.repository}})
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, i.url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	req.Header.Set("Authorization", "Bearer "+proof)
	req.Header.Set("Accept", "application/vnd.github+json")
	req.Header.Set("Content-Type", "application/json")
	resp, err := i.client.Do(req)
	if err != nil {
		return exchange.Unreachable(doing, err)
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(io.LimitReader(resp.Body, maxTokenAnswer))
	if err != nil {
		return exchange.Unreachable(doing, err)
	}
	return i.take(doing, proof, resp, content)
}

func (i *installation) take(doing, proof string, resp *http.Response, content []byte) error {
	var answer struct {
		Token     string    `json:"token"`
		ExpiresAt time.Time `json:"expires_at"`
		Message   string    `json:"message"`
	}
	err := json.Unmarshal(content, &answer)
	if resp.StatusCode != http.StatusCreated {
		e := explain(exchange.Answer{Status: resp.StatusCode, Header: resp.Header, Words: answer.Message}, doing, i.now(), proof)
		switch resp.StatusCode {
		case http.StatusUnprocessableEntity:
			// The installation does not have the repository.
			e.Reason = v1alpha1.ReasonRepositoryNotFound
		case http.StatusNotFound:
			e.Reason = v1alpha1.ReasonForgeUnauthorized
		}
		return e
	}
	if err != nil || answer.Token == "" {
		return &pullrequest.Error{Reason: v1alpha1.ReasonForgeUnavailable, Err: fmt.Errorf("%s: the answer cannot be understood", doing)}
	}
	i.token, i.expires = answer.Token, answer.ExpiresAt
	return nil
}

// proof is a JSON Web Token (RFC 7519) with which the App shows that it has its key.
func (i *installation) proof() (string, error) {
	now := i.now()
	claims, err := json.Marshal(map[string]any{
		"iss": i.issuer, "iat": now.Add(-clockDrift).Unix(), "exp": now.Add(proofAge - clockDrift).Unix(),
	})
	if err != nil {
		return "", err
	}
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + encode(claims)
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, i.key, crypto.SHA256, digest[:])
	if err != nil {
		return "", errors.New("the private key of the GitHub App cannot sign")
	}
	return signed + "." + encode(signature), nil
}
