package controllers

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/plimsoll-dev/plimsoll/internal/inventory"
)

const repository = "r.example.com/shop/api"

// pullSecret holds the password "of-<namespace>-<name>" for r.example.com.
func pullSecret(namespace, name string, kind corev1.SecretType) *corev1.Secret {
	auth := base64.StdEncoding.EncodeToString([]byte("u:of-" + namespace + "-" + name))
	key, content := corev1.DockerConfigJsonKey, fmt.Sprintf(`{"auths":{"r.example.com":{"auth":%q}}}`, auth)
	if kind == corev1.SecretTypeDockercfg {
		key, content = corev1.DockerConfigKey, fmt.Sprintf(`{"r.example.com":{"auth":%q}}`, auth)
	}
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Type: kind, Data: map[string][]byte{key: []byte(content)}}
}

func serviceAccount(namespace, name string, secrets ...string) *corev1.ServiceAccount {
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	for _, s := range secrets {
		account.ImagePullSecrets = append(account.ImagePullSecrets, corev1.LocalObjectReference{Name: s})
	}
	return account
}

// asked notes what a reader is asked for, and fails what faults names.
type asked struct {
	namespaces []string
	faults     map[string]error
}

func (a *asked) reader(objects ...client.Object) client.Reader {
	note := func(namespace, name string) error {
		a.namespaces = append(a.namespaces, namespace)
		return a.faults[namespace+"/"+name]
	}
	return fake.NewClientBuilder().WithObjects(objects...).
		WithIndex(&corev1.Secret{}, "type", func(o client.Object) []string { return []string{string(o.(*corev1.Secret).Type)} }).
		WithInterceptorFuncs(interceptor.Funcs{
			Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
				if err := note(key.Namespace, key.Name); err != nil {
					return err
				}
				return c.Get(ctx, key, o, opts...)
			},
			List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
				o := &client.ListOptions{}
				o.ApplyOptions(opts)
				if err := note(o.Namespace, "*"); err != nil {
					return err
				}
				return c.List(ctx, list, opts...)
			},
		}).Build()
}

var forbidden = apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "x", errors.New("no role"))

func TestKeychain(t *testing.T) {
	const own, shop, secret = "plimsoll-system", "shop", "closed"
	objects := []client.Object{
		pullSecret(shop, "pod", corev1.SecretTypeDockerConfigJson), pullSecret(shop, "old", corev1.SecretTypeDockercfg),
		pullSecret(shop, "account", corev1.SecretTypeDockerConfigJson), serviceAccount(shop, "api", "account"),
		serviceAccount(shop, "default"),
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: shop, Name: "broken"}, Data: map[string][]byte{corev1.DockerConfigJsonKey: []byte("{hunter2")}},
		pullSecret(secret, "pod", corev1.SecretTypeDockerConfigJson), serviceAccount(secret, "api", "pod"),
		pullSecret(own, "mine", corev1.SecretTypeDockerConfigJson),
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: own, Name: "tls"}, Type: corev1.SecretTypeTLS},
	}
	pull := func(namespace, account, secrets string) inventory.Pull {
		return inventory.Pull{Namespace: namespace, ServiceAccount: account, Secrets: secrets}
	}
	tests := map[string]struct {
		pulls   []inventory.Pull
		faults  map[string]error
		want    []string
		wantErr string
	}{
		"the operator's own for every image":  {want: []string{"of-plimsoll-system-mine"}},
		"the pod's, the account's, the own":   {pulls: []inventory.Pull{pull(shop, "api", "pod,old")}, want: []string{"of-shop-pod", "of-shop-old", "of-shop-account", "of-plimsoll-system-mine"}},
		"of a pod in the operator's":          {pulls: []inventory.Pull{pull(own, "", "mine")}, want: []string{"of-plimsoll-system-mine", "of-plimsoll-system-mine"}},
		"not of a namespace that is not read": {pulls: []inventory.Pull{pull(secret, "api", "pod")}, want: []string{"of-plimsoll-system-mine"}},
		"of those pods that may be read":      {pulls: []inventory.Pull{pull(secret, "api", "pod"), pull(shop, "default", "pod")}, want: []string{"of-shop-pod", "of-plimsoll-system-mine"}},
		"a secret that is missing":            {pulls: []inventory.Pull{pull(shop, "api", "gone")}, want: []string{"of-shop-account", "of-plimsoll-system-mine"}},
		"an account that is missing":          {pulls: []inventory.Pull{pull(shop, "gone", "pod")}, want: []string{"of-shop-pod", "of-plimsoll-system-mine"}},
		"a secret that is forbidden": {
			pulls: []inventory.Pull{pull(shop, "api", "pod")}, faults: map[string]error{"shop/pod": forbidden},
			want: []string{"of-shop-account", "of-plimsoll-system-mine"},
		},
		"an account that is forbidden": {
			pulls: []inventory.Pull{pull(shop, "api", "pod")}, faults: map[string]error{"shop/api": forbidden},
			want: []string{"of-shop-pod", "of-plimsoll-system-mine"},
		},
		"its own that are forbidden": {faults: map[string]error{own + "/*": forbidden}},
		"a secret that does not parse does not hide the others": {
			pulls: []inventory.Pull{pull(shop, "default", "broken,pod")}, want: []string{"of-shop-pod", "of-plimsoll-system-mine"}, wantErr: "it is not a Docker configuration",
		},
		"an API server that is away": {
			pulls: []inventory.Pull{pull(shop, "api", "pod")}, faults: map[string]error{"shop/pod": errors.New("away")}, wantErr: "get Secret shop/pod: away",
		},
		"away for the account": {
			pulls: []inventory.Pull{pull(shop, "api", "pod")}, faults: map[string]error{"shop/api": errors.New("away")}, wantErr: "get ServiceAccount shop/api: away",
		},
		"away for its own": {faults: map[string]error{own + "/*": errors.New("away")}, wantErr: "list the Secrets of namespace plimsoll-system: away"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			a := &asked{faults: tc.faults}
			k := keychain{reader: a.reader(objects...), secrets: PullSecrets{Namespace: own, Namespaces: []string{shop}}, pulls: tc.pulls}
			credentials, err := k.Credentials(t.Context(), repository)
			if (err == nil) != (tc.wantErr == "") || (err != nil && !strings.Contains(err.Error(), tc.wantErr)) {
				t.Errorf("error %v, want %q", err, tc.wantErr)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error tells a secret: %v", err)
			}
			var passwords []string
			for _, c := range credentials {
				passwords = append(passwords, c.Password)
			}
			if diff := cmp.Diff(tc.want, passwords); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if slices.Contains(a.namespaces, secret) {
				t.Errorf("asked namespaces %v, of which %s may not be read", a.namespaces, secret)
			}
		})
	}
}
