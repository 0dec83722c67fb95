package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/google/go-containerregistry/pkg/crane"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/test/controlplane"
	"github.com/plimsoll-dev/plimsoll/test/recipe"
)

// running is an image that a Deployment runs.
type running struct {
	namespace, name string
	reference       image.Reference
	architecture    string
}

// pushImages bakes the recipes and, where the machine can, images of real packages.
func (d *demo) pushImages(ctx context.Context) error {
	say("Baking images and pushing them to the registry at %s", registryAddress)
	var base image.Reference
	for _, r := range append(recipe.Demo(), realRecipes()...) {
		artifact, err := r.Build(ctx)
		if errors.Is(err, recipe.ErrUnavailable) {
			fmt.Printf("    left out %s: %v\n", r.Name, err)
			continue
		}
		if err != nil {
			return fmt.Errorf("bake %s: %w", r.Name, err)
		}
		if r.Name == builtName {
			artifact = onBase(artifact, base)
		}
		ref, err := d.pusher.Push(ctx, r.Repository+":"+r.Tag, artifact)
		if err != nil {
			return err
		}
		if r.Repository == baseName {
			base = ref
		}
		fmt.Printf("    %s\n", ref)
		for _, platform := range r.Platforms {
			name := r.Name
			if len(r.Platforms) > 1 {
				name += "-" + platform.Architecture
			}
			d.images = append(d.images, running{namespace: "shop", name: name, reference: ref, architecture: platform.Architecture})
		}
		if r.Name == "web" {
			// The same digest in a second namespace: pulled once, reported in both.
			d.images = append(d.images, running{namespace: "blog", name: "web", reference: ref, architecture: "amd64"})
		}
	}
	return d.addPublicImages()
}

// realRecipes are images of packages that the machine's own tools install.
func realRecipes() []recipe.Recipe {
	return []recipe.Recipe{
		{Name: "real-debian", Repository: "real/debian", Tag: "bookworm", Platforms: []image.Platform{recipe.AMD64},
			Build: func(ctx context.Context) (recipe.Artifact, error) {
				layer, err := recipe.Mmdebstrap(ctx, "bookworm")
				if err != nil {
					return nil, err
				}
				return recipe.Image(recipe.AMD64, v1.Config{Cmd: []string{"/bin/bash"}}, layer)
			}},
		{Name: "real-npm", Repository: "real/npm", Tag: "1.0.0", Platforms: []image.Platform{recipe.AMD64},
			Build: func(ctx context.Context) (recipe.Artifact, error) {
				files, err := recipe.NpmInstall(ctx, "app", recipe.Module{Name: "lodash", Version: "4.17.4"}, recipe.Module{Name: "ws", Version: "1.1.0"})
				if err != nil {
					return nil, err
				}
				layer, err := recipe.Layer(files...)
				if err != nil {
					return nil, err
				}
				return recipe.Image(recipe.AMD64, v1.Config{Cmd: []string{"node", "/app"}}, layer)
			}},
	}
}

// addPublicImages adds those that the user names in DEMO_IMAGES. The operator
// pulls them from where they are.
func (d *demo) addPublicImages() error {
	for i, name := range strings.Fields(os.Getenv("DEMO_IMAGES")) {
		ref, err := image.ParseReference(name)
		if err != nil {
			return err
		}
		digest, err := crane.Digest(name)
		if err != nil {
			fmt.Printf("    left out %s: %v\n", name, err)
			continue
		}
		ref.Digest = image.Digest(digest)
		d.images = append(d.images, running{namespace: "public", name: fmt.Sprintf("image-%d", i+1), reference: ref, architecture: "amd64"})
		fmt.Printf("    %s\n", ref)
	}
	return nil
}

// deploy applies what users write: a database, policies, and workloads.
func (d *demo) deploy(ctx context.Context) error {
	say("Applying a VulnerabilityDatabase, an ImagePolicy and %d Deployments", len(d.images))
	objects := []client.Object{
		&v1alpha1.VulnerabilityDatabase{
			ObjectMeta: metav1.ObjectMeta{Name: "default"},
			Spec: v1alpha1.VulnerabilityDatabaseSpec{
				Sources: []v1alpha1.DatabaseSource{{Reference: registryAddress + "/" + databaseRepository + ":2"}},
			},
		},
	}
	for _, namespace := range []string{"shop", "blog", "public"} {
		objects = append(objects, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})
	}
	objects = append(objects, shopPolicy())
	for _, img := range d.images {
		objects = append(objects, deployment(img))
	}
	for _, object := range objects {
		if err := d.Client.Create(ctx, object); err != nil {
			return fmt.Errorf("create %T %s: %w", object, object.GetName(), err)
		}
	}
	return nil
}

func shopPolicy() *v1alpha1.ImagePolicy {
	return &v1alpha1.ImagePolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "baseline"},
		Spec: v1alpha1.ImagePolicySpec{
			Rules: []v1alpha1.Rule{
				{Name: "no-critical", Type: v1alpha1.RuleVulnerabilities, Vulnerabilities: &v1alpha1.VulnerabilitiesRule{
					Severities: []v1alpha1.Severity{v1alpha1.SeverityCritical}, Fix: v1alpha1.FixAvailable, MaxCount: ptr.To[int32](0)}},
				{Name: "few-unknown", Type: v1alpha1.RuleVulnerabilities, Vulnerabilities: &v1alpha1.VulnerabilitiesRule{
					Severities: []v1alpha1.Severity{v1alpha1.SeverityUnknown}, Fix: v1alpha1.FixAvailable, MaxCount: ptr.To[int32](10)}},
				{Name: "high-within-30-days", Type: v1alpha1.RuleVulnerabilities, Vulnerabilities: &v1alpha1.VulnerabilitiesRule{
					Fix: v1alpha1.FixAvailable, Deadlines: []v1alpha1.Deadline{{Severity: v1alpha1.SeverityHigh, Days: 30}}}},
			},
		},
	}
}

func deployment(img running) *appsv1.Deployment {
	labels := map[string]string{"app": img.name}
	tagged := img.reference
	tagged.Digest = ""
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: img.namespace, Name: img.name},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{
					Labels: labels,
					// The fake kubelet reports what a real one would have pulled.
					Annotations: map[string]string{controlplane.ImageIDAnnotation: img.reference.WithDigest(img.reference.Digest).String()},
				},
				Spec: corev1.PodSpec{
					NodeSelector: map[string]string{corev1.LabelArchStable: img.architecture},
					Containers:   []corev1.Container{{Name: "main", Image: tagged.String()}},
				},
			},
		},
	}
}
