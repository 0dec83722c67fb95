package controllers

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

func TestDatabaseCreator(t *testing.T) {
	mine := v1alpha1.VulnerabilityDatabaseSpec{Sources: []v1alpha1.DatabaseSource{{Reference: "registry.example.com/db:2"}}, IntervalMinutes: 5}
	for name, tc := range map[string]struct {
		sources  []string
		existing map[string]v1alpha1.VulnerabilityDatabaseSpec
		want     map[string]v1alpha1.VulnerabilityDatabaseSpec
	}{
		"no sources": {nil, nil, map[string]v1alpha1.VulnerabilityDatabaseSpec{}},
		"none exists": {[]string{"a.example/db:2", "/mnt/db"}, nil, map[string]v1alpha1.VulnerabilityDatabaseSpec{
			"default": {Sources: []v1alpha1.DatabaseSource{{Reference: "a.example/db:2"}, {Directory: "/mnt/db"}}},
		}},
		"one exists": {
			[]string{"a.example/db:2"},
			map[string]v1alpha1.VulnerabilityDatabaseSpec{"default": mine},
			map[string]v1alpha1.VulnerabilityDatabaseSpec{"default": mine},
		},
		"one exists that is not used": {
			[]string{"a.example/db:2"},
			map[string]v1alpha1.VulnerabilityDatabaseSpec{"other": mine},
			map[string]v1alpha1.VulnerabilityDatabaseSpec{
				"other": mine, "default": {Sources: []v1alpha1.DatabaseSource{{Reference: "a.example/db:2"}}},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := databaseClient(t, interceptor.Funcs{})
			for name, spec := range tc.existing {
				if err := c.Create(t.Context(), &v1alpha1.VulnerabilityDatabase{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec}); err != nil {
					t.Fatal(err)
				}
			}
			if err := (&databaseCreator{client: c, sources: tc.sources}).Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, databases(t, c)); diff != "" {
				t.Errorf("databases (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDatabaseCreatorTriesAgain(t *testing.T) {
	tries := 0
	c := databaseClient(t, interceptor.Funcs{Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
		if tries++; tries < 3 {
			return errors.New("the API server is away")
		}
		return c.Create(ctx, o, opts...)
	}})
	if err := (&databaseCreator{client: c, sources: []string{"a.example/db:2"}}).Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if tries != 3 || len(databases(t, c)) != 1 {
		t.Errorf("%d tries, databases %v", tries, databases(t, c))
	}
}

func TestDatabaseCreatorGivesUp(t *testing.T) {
	kind := v1alpha1.GroupVersion.WithKind("VulnerabilityDatabase").GroupKind()
	invalid := databaseClient(t, interceptor.Funcs{Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error {
		return apierrors.NewInvalid(kind, "default", nil)
	}})
	if err := (&databaseCreator{client: invalid, sources: []string{"?"}}).Start(t.Context()); !apierrors.IsInvalid(err) {
		t.Errorf("sources that are refused: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	away := databaseClient(t, interceptor.Funcs{Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error {
		cancel()
		return errors.New("the API server is away")
	}})
	if err := (&databaseCreator{client: away, sources: []string{"a.example/db:2"}, retry: defaultDatabaseRetry}).Start(ctx); err != nil {
		t.Errorf("the end of the process: %v", err)
	}
}

func databaseClient(t *testing.T, funcs interceptor.Funcs) client.Client {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	return fake.NewClientBuilder().WithScheme(scheme).WithInterceptorFuncs(funcs).Build()
}

func databases(t *testing.T, c client.Client) map[string]v1alpha1.VulnerabilityDatabaseSpec {
	t.Helper()
	var list v1alpha1.VulnerabilityDatabaseList
	if err := c.List(t.Context(), &list); err != nil {
		t.Fatal(err)
	}
	specs := map[string]v1alpha1.VulnerabilityDatabaseSpec{}
	for _, item := range list.Items {
		specs[item.Name] = item.Spec
	}
	return specs
}
