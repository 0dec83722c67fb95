package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var (
	// GroupVersion of the kinds in this package.
	GroupVersion = schema.GroupVersion{Group: "plimsoll.dev", Version: "v1alpha1"}

	schemeBuilder = runtime.NewSchemeBuilder(addKnownTypes)

	// AddToScheme registers the kinds of this package.
	AddToScheme = schemeBuilder.AddToScheme
)

func addKnownTypes(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion,
		&ImageReport{}, &ImageReportList{},
		&ImagePolicy{}, &ImagePolicyList{},
		&ClusterImagePolicy{}, &ClusterImagePolicyList{},
		&VulnerabilityDatabase{}, &VulnerabilityDatabaseList{},
		&ImageUpdate{}, &ImageUpdateList{},
	)
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}
