// Package v1alpha1 holds the kinds of the group plimsoll.dev: their schema,
// their condition types and the reasons that those conditions give. It imports
// apimachinery only, so that other programs can depend on it.
//
// +kubebuilder:object:generate=true
// +groupName=plimsoll.dev
package v1alpha1
