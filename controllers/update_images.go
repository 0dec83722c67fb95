package controllers

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/baseimage"
	"github.com/plimsoll-dev/plimsoll/internal/inventory"
	"github.com/plimsoll-dev/plimsoll/internal/source"
)

// selection is what a policy selects of all that runs.
type selection struct {
	images []movingImage
	// settled says that nothing of what is known of them is still to come.
	settled bool
	// unknown are the workloads, as namespace/Kind/name, of images whose scan or base is not known: it failed, or is still to come.
	unknown map[string]bool
}

// images are those that run and that the policy selects, with what is known of
// where they come from.
func (r *updateReconciler) images(ctx context.Context, p remediated) (selection, error) {
	found := selection{settled: true, unknown: map[string]bool{}}
	var reports v1alpha1.ImageReportList
	if err := r.client.List(ctx, &reports, client.InNamespace(p.key.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return found, fmt.Errorf("list the reports of %s: %w", p.key, err)
	}
	for i := range reports.Items {
		report := &reports.Items[i]
		key, err := reportKey(report)
		if err != nil || !judgedBy(report, p.key) {
			continue // Of a key that cannot be read, the report's own reconciler tells.
		}
		runs, running := r.inventory.Image(key)
		if !running && report.Status.UnusedTime != nil {
			continue
		}
		owners := ownersOf(runs, report)
		img, settled, err := r.image(ctx, p, report, key, runs, owners)
		if err != nil {
			return found, err
		}
		found.settled = found.settled && settled
		if img != nil {
			found.images = append(found.images, *img)
			continue
		}
		for _, owner := range owners {
			found.unknown[workloadPath(key, owner)] = true
		}
	}
	return found, nil
}

func judgedBy(report *v1alpha1.ImageReport, key policyKey) bool {
	for _, verdict := range report.Status.Verdicts {
		if verdict.PolicyKind == key.Kind && verdict.PolicyName == key.Name {
			return true
		}
	}
	return false
}

// image is nil where its scan or its base is not known, and not settled where that is still to come.
// One whose workload has no pods for now is used all the same.
func (r *updateReconciler) image(
	ctx context.Context, p remediated, report *v1alpha1.ImageReport, key inventory.ReportKey, runs inventory.Image, owners []inventory.Owner,
) (img *movingImage, settled bool, err error) {
	state, known := r.catalogue.get(key.Scan())
	if !state.scanned() {
		return nil, known, nil
	}
	img = &movingImage{Report: key, Pulls: r.pulls(key.Scan())}
	for _, tag := range report.Status.Tags {
		img.Tag = tag
	}
	for _, tag := range imageTags(runs.References) {
		img.Tag = tag
	}
	if img.Origin, known = r.bases.origin(state.Manifest); !known {
		return nil, false, nil
	}
	if img.Base, known = r.bases.get(state.Manifest); !known {
		return nil, false, nil
	}
	if !img.Base.Found && r.claimFails(img) {
		return nil, true, nil
	}
	for _, owner := range owners {
		img.Workloads = append(img.Workloads, workloadPath(key, owner))
	}
	img.Beside = beside(report.Status)
	if p.Remediation == nil {
		return img, true, nil
	}
	return img, true, r.locate(ctx, p, img, owners)
}

// claimFails says whether a registry's passing failure alone may be why an image has no base.
func (r *updateReconciler) claimFails(img *movingImage) bool {
	return slices.ContainsFunc(img.Origin.Claims, func(c baseimage.Claim) bool {
		state, _ := r.catalogue.get(inventory.ScanKey{Digest: c.Digest, Platform: img.Report.Platform})
		return !state.scanned() && (state.Reason == v1alpha1.ReasonRegistryUnavailable || state.Reason == v1alpha1.ReasonTooManyRequests)
	})
}

// workloadPath names a workload as an update does.
func workloadPath(key inventory.ReportKey, owner inventory.Owner) string {
	return key.Namespace + "/" + owner.Kind + "/" + owner.Name
}

// ownersOf are the workloads whose pods run the image or, where none does, those that last did.
func ownersOf(runs inventory.Image, report *v1alpha1.ImageReport) []inventory.Owner {
	var owners []inventory.Owner
	for _, w := range runs.Workloads {
		owners = append(owners, w.Owner)
	}
	if len(owners) == 0 && report.Status.Workloads != nil {
		for _, w := range report.Status.Workloads.Items {
			owners = append(owners, ownerOf(w))
		}
	}
	return owners
}

// beside is how many findings an image has beside those of its base.
func beside(status v1alpha1.ImageReportStatus) int32 {
	if status.Summary == nil || status.Base == nil || status.Base.Summary == nil {
		return 0
	}
	return status.Summary.Total - status.Base.Summary.Total
}

// locate says where in Git the image is named.
func (r *updateReconciler) locate(ctx context.Context, p remediated, img *movingImage, owners []inventory.Owner) error {
	var found []source.Location
	var base origin
	if img.Base.Found {
		base, _ = r.bases.origin(img.Base.Manifest)
	}
	label, ok, err := source.FromLabels(img.Origin.labels(), base.labels())
	if err != nil {
		img.Hints = append(img.Hints, err.Error())
	}
	if ok {
		found = append(found, label)
	}
	for _, owner := range owners {
		deployed, err := r.objects.manifests(ctx, img.Report.Namespace, owner)
		if err != nil {
			return err
		}
		found = append(found, deployed.Locations...)
		img.Hints = append(img.Hints, deployed.Reasons...)
	}
	selection, err := source.Select(p.Remediation.Repositories, img.Report.Repository, found)
	if err != nil {
		img.Hints = append(img.Hints, err.Error())
		return nil
	}
	img.Places, img.Refused = selection.Allowed, selection.Refused
	img.OnlyDeployed = r.proposals.onlyDeployed(img)
	return nil
}

func (o origin) labels() map[string]string {
	return map[string]string{source.LabelSource: o.Source, source.LabelRevision: o.Revision}
}

// sourceObjects reads the objects of Argo CD and Flux that lead from a workload
// to its manifest in Git, and remembers for a while what they say.
type sourceObjects struct {
	reader client.Reader
	argoCD []string // namespaces
	now    func() time.Time

	mu    sync.Mutex
	known map[workloadName]deployedFrom
}

type workloadName struct {
	Namespace string
	Owner     inventory.Owner
}

type deployedFrom struct {
	source.Deployed
	read time.Time
}

// deployedFor is how long it is remembered from where a workload was deployed.
const deployedFor = 10 * time.Minute

// versions of the kinds that lead to Git, in the order in which they are tried.
var sourceVersions = map[string][]string{
	"argoproj.io":                 {"v1alpha1"},
	"kustomize.toolkit.fluxcd.io": {"v1", "v1beta2"},
	"helm.toolkit.fluxcd.io":      {"v2", "v2beta2"},
	"source.toolkit.fluxcd.io":    {"v1", "v1beta2"},
}

func (o *sourceObjects) manifests(ctx context.Context, namespace string, owner inventory.Owner) (source.Deployed, error) {
	name := workloadName{namespace, owner}
	o.mu.Lock()
	was, ok := o.known[name]
	o.mu.Unlock()
	if ok && o.now().Sub(was.read) < deployedFor {
		return was.Deployed, nil
	}
	deployed, err := o.follow(ctx, name)
	if err != nil {
		return source.Deployed{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.known) > 10_000 {
		clear(o.known)
	}
	o.known[name] = deployedFrom{deployed, o.now()}
	return deployed, nil
}

func (o *sourceObjects) follow(ctx context.Context, name workloadName) (source.Deployed, error) {
	kind := schema.GroupKind{Group: name.Owner.Group, Kind: name.Owner.Kind}
	version, known := workloadKinds[kind]
	if !known && kind != (schema.GroupKind{Kind: "Pod"}) {
		return source.Deployed{}, nil
	}
	if !known {
		version = "v1"
	}
	workload := workloadMetadata(kind.WithVersion(version))
	err := o.reader.Get(ctx, client.ObjectKey{Namespace: name.Namespace, Name: name.Owner.Name}, workload)
	if apierrors.IsNotFound(err) {
		return source.Deployed{}, nil
	}
	if err != nil {
		return source.Deployed{}, fmt.Errorf("get %s %s/%s: %w", kind.Kind, name.Namespace, name.Owner.Name, err)
	}
	object := source.Object{
		GroupKind: kind, Namespace: name.Namespace, Name: name.Owner.Name, Labels: workload.Labels, Annotations: workload.Annotations,
	}
	objects := source.Objects{}
	for {
		deployed := source.DeployedFrom(object, objects, o.argoCD)
		if len(deployed.Missing) == 0 {
			return deployed, nil
		}
		for _, missing := range deployed.Missing {
			if objects[missing], err = o.read(ctx, missing); err != nil {
				return source.Deployed{}, err
			}
		}
	}
}

// read returns an object, or nil where there is none, or no such kind.
func (o *sourceObjects) read(ctx context.Context, ref source.ObjectReference) (*unstructured.Unstructured, error) {
	for _, version := range sourceVersions[ref.Group] {
		object := &unstructured.Unstructured{}
		object.SetGroupVersionKind(ref.WithVersion(version))
		err := o.reader.Get(ctx, client.ObjectKey{Namespace: ref.Namespace, Name: ref.Name}, object)
		switch {
		case err == nil:
			return object, nil
		case meta.IsNoMatchError(err):
			continue
		case apierrors.IsNotFound(err), apierrors.IsForbidden(err):
			return nil, nil
		}
		return nil, fmt.Errorf("get %s: %w", ref, err)
	}
	return nil, nil
}
