package controllers

import (
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

// policyKey names a policy. A ClusterImagePolicy has no namespace.
type policyKey struct{ Kind, Namespace, Name string }

func (k policyKey) String() string {
	if k.Namespace == "" {
		return k.Kind + " " + k.Name
	}
	return k.Kind + " " + k.Namespace + "/" + k.Name
}

// parsePolicyKey reads what String wrote.
func parsePolicyKey(text string) (policyKey, bool) {
	kind, path, found := strings.Cut(text, " ")
	key := policyKey{Kind: kind, Name: path}
	if kind == kindImagePolicy {
		key.Namespace, key.Name, found = strings.Cut(path, "/")
	}
	return key, found && key.Name != ""
}

func policyKeyOf(object client.Object) policyKey {
	if _, cluster := object.(*v1alpha1.ClusterImagePolicy); cluster {
		return policyKey{Kind: kindClusterImagePolicy, Name: object.GetName()}
	}
	return policyKey{Kind: kindImagePolicy, Namespace: object.GetNamespace(), Name: object.GetName()}
}

// name under which the API server has the policy.
func (k policyKey) name() client.ObjectKey {
	return client.ObjectKey{Namespace: k.Namespace, Name: k.Name}
}

// policyKeyIn is the key of a policy that judges a namespace's images.
func policyKeyIn(namespace, kind, name string) policyKey {
	key := policyKey{Kind: kind, Name: name}
	if kind == kindImagePolicy {
		key.Namespace = namespace
	}
	return key
}
