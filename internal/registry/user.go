package registry

import (
	"context"
	"errors"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
)

// userKeychain holds the credentials of whoever runs the program.
type userKeychain struct{}

// UserKeychain returns the keychain of the user's own Docker configuration
// (DOCKER_CONFIG, ~/.docker/config.json, Podman's auth.json), with its
// credential helpers, which it runs.
func UserKeychain() Keychain { return userKeychain{} }

// Credentials implements Keychain. Errors of the configuration's reader are not
// passed on: they quote it.
func (userKeychain) Credentials(ctx context.Context, repository string) ([]Credential, error) {
	named, err := name.NewRepository(repository)
	if err != nil {
		return nil, errors.New("it is not the name of a repository")
	}
	found, err := authn.Resolve(ctx, authn.DefaultKeychain, named)
	if err != nil {
		return nil, errors.New("the Docker configuration or its credential helper cannot be used")
	}
	config, err := authn.Authorization(ctx, found)
	if err != nil {
		return nil, errors.New("the Docker configuration's credential helper cannot be used")
	}
	credential := Credential{Username: config.Username, Password: config.Password, Token: config.IdentityToken, RegistryToken: config.RegistryToken}
	if credential == (Credential{}) {
		return nil, nil
	}
	return []Credential{credential}, nil
}
