package controllers

import (
	"context"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/plimsoll-dev/plimsoll/internal/inventory"
	"github.com/plimsoll-dev/plimsoll/internal/registry"
)

// PullSecrets says which Secrets the operator may read for registries. Those
// of any other namespace it never asks for.
type PullSecrets struct {
	// Namespace of the operator. Its docker configurations serve for every image.
	Namespace string
	// Namespaces whose pods' and ServiceAccounts' pull secrets may be read.
	Namespaces []string
}

// keychain finds the credentials that the kubelet would: the pod's pull
// secrets, then its ServiceAccount's, then the operator's own.
type keychain struct {
	reader  client.Reader
	secrets PullSecrets
	pulls   []inventory.Pull
}

var _ registry.Keychain = keychain{}

// Credentials implements registry.Keychain.
func (k keychain) Credentials(ctx context.Context, repository string) ([]registry.Credential, error) {
	var configs [][]byte
	for _, pull := range k.pulls {
		if !k.readable(pull.Namespace) {
			continue
		}
		names, err := k.names(ctx, pull)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if configs, err = k.read(ctx, configs, pull.Namespace, name); err != nil {
				return nil, err
			}
		}
	}
	own, err := k.own(ctx)
	if err != nil {
		return nil, err
	}
	configs = append(configs, own...)
	// A Secret that cannot be read must not hide the others: its error comes with their credentials.
	known, unread := registry.DockerConfigKeychain(configs...)
	credentials, err := known.Credentials(ctx, repository)
	return credentials, errors.Join(unread, err)
}

// own returns the docker configurations in the operator's namespace.
func (k keychain) own(ctx context.Context) ([][]byte, error) {
	var secrets corev1.SecretList
	err := k.reader.List(ctx, &secrets, client.InNamespace(k.secrets.Namespace),
		client.MatchingFields{"type": string(corev1.SecretTypeDockerConfigJson)})
	if apierrors.IsForbidden(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the Secrets of namespace %s: %w", k.secrets.Namespace, err)
	}
	configs := make([][]byte, 0, len(secrets.Items))
	for _, secret := range secrets.Items {
		configs = append(configs, secret.Data[corev1.DockerConfigJsonKey])
	}
	return configs, nil
}

func (k keychain) readable(namespace string) bool {
	for _, allowed := range k.secrets.Namespaces {
		if allowed == namespace {
			return true
		}
	}
	return namespace == k.secrets.Namespace
}

// names of the pull secrets of a pod and its ServiceAccount.
func (k keychain) names(ctx context.Context, pull inventory.Pull) ([]string, error) {
	names := strings.FieldsFunc(pull.Secrets, func(r rune) bool { return r == ',' })
	account := &corev1.ServiceAccount{}
	err := k.reader.Get(ctx, client.ObjectKey{Namespace: pull.Namespace, Name: pull.ServiceAccount}, account)
	if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
		return names, nil
	}
	if err != nil {
		return nil, fmt.Errorf("get ServiceAccount %s/%s: %w", pull.Namespace, pull.ServiceAccount, err)
	}
	for _, ref := range account.ImagePullSecrets {
		names = append(names, ref.Name)
	}
	return names, nil
}

// read appends a Secret's docker configuration. One that is missing or
// forbidden is no failure: another credential, or none, may do.
func (k keychain) read(ctx context.Context, configs [][]byte, namespace, name string) ([][]byte, error) {
	secret := &corev1.Secret{}
	err := k.reader.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, secret)
	if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
		return configs, nil
	}
	if err != nil {
		return nil, fmt.Errorf("get Secret %s/%s: %w", namespace, name, err)
	}
	for _, key := range []string{corev1.DockerConfigJsonKey, corev1.DockerConfigKey} {
		if data, ok := secret.Data[key]; ok {
			configs = append(configs, data)
		}
	}
	return configs, nil
}
