package registry

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"
)

// dockerHub is the key under which docker login stores the credential for docker.io.
const dockerHub = "index.docker.io"

// dockerKeychain holds pull secrets in the order in which the kubelet would try them.
type dockerKeychain []dockerEntry

var _ Keychain = dockerKeychain(nil)

// dockerEntry is one registry of a Docker configuration.
type dockerEntry struct {
	// key is the host, which may hold globs, and the path prefix, without a scheme.
	key        string
	credential Credential
}

// DockerConfigKeychain returns a keychain of pull secrets: the values of
// .dockerconfigjson or .dockercfg, in the order of preference. Entries match as
// they do for the kubelet: by host, whose labels may be globs, and by path
// prefix, the most specific first. What cannot be read is named in the error
// and left out; the keychain holds the rest, and is never nil.
func DockerConfigKeychain(secrets ...[]byte) (Keychain, error) {
	keychain := dockerKeychain{}
	var problems []error
	for i, secret := range secrets {
		entries, err := parseDockerConfig(secret)
		if err != nil {
			problems = append(problems, fmt.Errorf("read pull secret %d of %d: %w", i+1, len(secrets), err))
		}
		keychain = append(keychain, entries...)
	}
	// Of two keys of which one begins with the other the longer is first, and a glob is behind every letter.
	slices.SortStableFunc(keychain, func(a, b dockerEntry) int { return cmp.Compare(b.key, a.key) })
	return keychain, errors.Join(problems...)
}

// Credentials implements Keychain.
func (k dockerKeychain) Credentials(_ context.Context, repository string) ([]Credential, error) {
	found := k.matching(repository)
	if rest, ok := strings.CutPrefix(repository, "docker.io/"); ok && len(found) == 0 {
		found = k.matching(dockerHub + "/" + rest)
	}
	return found, nil
}

func (k dockerKeychain) matching(repository string) []Credential {
	var found []Credential
	for _, entry := range k {
		if entry.matches(repository) {
			found = append(found, entry.credential)
		}
	}
	return found
}

// matches says whether the entry is for the repository. A glob stands for one
// label of the host or a part of it, so that *.example.com is not for example.com itself.
func (e dockerEntry) matches(repository string) bool {
	wantHost, wantPath := splitHost(repository)
	host, prefix := splitHost(e.key)
	wantName, wantPort, _ := strings.Cut(strings.ToLower(wantHost), ":")
	name, port, _ := strings.Cut(host, ":")
	labels, wantLabels := strings.Split(name, "."), strings.Split(wantName, ".")
	if port != wantPort || len(labels) != len(wantLabels) || !strings.HasPrefix(wantPath, prefix) {
		return false
	}
	for i, label := range labels {
		if ok, err := path.Match(label, wantLabels[i]); err != nil || !ok {
			return false
		}
	}
	return true
}

// splitHost splits host/path; the path keeps its slash.
func splitHost(s string) (host, rest string) {
	if i := strings.IndexByte(s, '/'); i >= 0 {
		return s[:i], s[i:]
	}
	return s, ""
}

// dockerAuth is the value of one registry in a Docker configuration.
type dockerAuth struct {
	Username      string `json:"username"`
	Password      string `json:"password"`
	Auth          string `json:"auth"`
	IdentityToken string `json:"identitytoken"`
	RegistryToken string `json:"registrytoken"`
}

// parseDockerConfig reads either form of a pull secret. Entries that cannot be
// read are left out, and named in the error by their registry, or by their place
// in alphabetical order where it cannot be read either. JSON errors are not
// passed on: they quote the secret.
func parseDockerConfig(secret []byte) ([]dockerEntry, error) {
	var config map[string]json.RawMessage
	if err := json.Unmarshal(secret, &config); err != nil {
		return nil, errors.New("it is not a Docker configuration")
	}
	if auths, ok := config["auths"]; ok {
		config = nil
		if err := json.Unmarshal(auths, &config); err != nil {
			return nil, errors.New("its auths are not an object")
		}
	}
	var entries []dockerEntry
	var problems []error
	for i, registry := range slices.Sorted(maps.Keys(config)) {
		entry, err := parseDockerEntry(registry, config[registry])
		if err != nil {
			problems = append(problems, fmt.Errorf("entry %d: %w", i+1, err))
			continue
		}
		entries = append(entries, entry)
	}
	return entries, errors.Join(problems...)
}

func parseDockerEntry(registry string, raw json.RawMessage) (dockerEntry, error) {
	key, err := dockerKey(registry)
	if err != nil {
		return dockerEntry{}, err
	}
	credential, err := parseDockerAuth(raw)
	if err != nil {
		return dockerEntry{}, fmt.Errorf("for %.100q: %w", key, err)
	}
	return dockerEntry{key: key, credential: credential}, nil
}

func parseDockerAuth(raw json.RawMessage) (Credential, error) {
	var auth dockerAuth
	if err := json.Unmarshal(raw, &auth); err != nil {
		return Credential{}, errors.New("it is not an object of strings")
	}
	if auth.Auth != "" {
		var err error
		if auth.Username, auth.Password, err = decodeAuth(auth.Auth); err != nil {
			return Credential{}, err
		}
	}
	credential := Credential{Username: auth.Username, Password: auth.Password, Token: auth.IdentityToken, RegistryToken: auth.RegistryToken}
	if credential == (Credential{}) {
		return Credential{}, errors.New("it holds no credential")
	}
	return credential, nil
}

// dockerKey takes a registry's name of any age, such as https://index.docker.io/v1/, to host/path.
func dockerKey(registry string) (string, error) {
	if !strings.HasPrefix(registry, "https://") && !strings.HasPrefix(registry, "http://") {
		registry = "https://" + registry
	}
	u, err := url.Parse(registry)
	if err != nil || u.Host == "" {
		return "", errors.New("it does not name a registry")
	}
	prefix := u.Path
	if strings.HasPrefix(prefix, "/v1/") || strings.HasPrefix(prefix, "/v2/") {
		prefix = prefix[len("/v1"):]
	}
	if prefix == "/" {
		prefix = ""
	}
	return strings.ToLower(u.Host) + prefix, nil
}

// decodeAuth decodes base64(username:password), padded or not.
func decodeAuth(auth string) (username, password string, err error) {
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.TrimSpace(auth), "="))
	if err != nil {
		return "", "", errors.New("its auth is not base64")
	}
	username, password, ok := strings.Cut(string(raw), ":")
	if !ok {
		return "", "", errors.New("its auth is not a user name and a password")
	}
	return username, strings.Trim(password, "\x00"), nil
}
