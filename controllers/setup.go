package controllers

import (
	"context"
	"errors"
	"net/http"
	"time"

	"golang.org/x/time/rate"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/fleet"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/inventory"
	"github.com/plimsoll-dev/plimsoll/internal/match"
	"github.com/plimsoll-dev/plimsoll/internal/registry"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
	"github.com/plimsoll-dev/plimsoll/internal/scan"
	"github.com/plimsoll-dev/plimsoll/internal/store"
	"github.com/plimsoll-dev/plimsoll/internal/vulndb"
)

// Options of the operator's controllers.
type Options struct {
	// Namespace of the operator, for what it keeps in the cluster.
	Namespace string
	Now       func() time.Time

	// Program is a checksum of the running one.
	Program string

	Store *store.Store
	// StoreEphemeral says that the store does not outlive the operator's pod.
	StoreEphemeral bool
	Registry       *registry.Client
	PullSecrets    PullSecrets

	// DatabaseSources of the VulnerabilityDatabase that is made where there is none:
	// references of OCI artifacts, or absolute paths of directories.
	DatabaseSources []string
	// DatabaseDirectory keeps the database in use.
	DatabaseDirectory string
	DatabaseLimits    vulndb.Limits
	DatabaseMaxAge    time.Duration
	AllowRollback     bool

	// JavaSources of the database that names Java archives; without any there is none.
	JavaSources []vulndb.Source
	// JavaDirectory keeps it.
	JavaDirectory string

	ScanLimits      sbom.Limits
	ScanTimeout     time.Duration
	ScanConcurrency int

	// HTTP speaks to forges, pipelines and those who are notified.
	HTTP *http.Client
	// ClusterName marks what leaves the cluster.
	ClusterName string
	// BaseInterval is how often the tags of base images are looked at, ForgeInterval how often open pull requests are.
	BaseInterval  time.Duration
	ForgeInterval time.Duration
	// ArgoCDNamespaces are those in which Argo CD may be installed.
	ArgoCDNamespaces []string

	// ReportRate is how many reports are written a second.
	ReportRate      float64
	ReportRetention time.Duration
}

// RegistryBytes counts bytes read from a registry; it fits registry.Options.OnBytes.
func RegistryBytes(host string, n int64) { registryBytes.WithLabelValues(host).Add(float64(n)) }

// Setup adds the controllers to the manager.
func Setup(ctx context.Context, m manager.Manager, o Options) error {
	if err := indexReports(ctx, m); err != nil {
		return err
	}
	databases := scan.Artifacts{Client: o.Registry, Keychain: keychain{reader: m.GetAPIReader(), secrets: o.PullSecrets}}
	updater, err := vulndb.NewUpdater(o.DatabaseDirectory, databases, o.DatabaseLimits)
	if err != nil {
		return err
	}
	synced := make(chan struct{})
	s := newShared(m.GetClient(), m.GetAPIReader(), o.Now, synced)
	s.notifications = newNotifications(s, o, synced, m.GetEventRecorder("plimsoll"))
	jars := &archives{stored: o.Store}
	java := &javaDatabase{
		shared: s, archives: jars, sources: o.JavaSources, artifacts: databases, dir: o.JavaDirectory,
		after: time.After, renamed: map[image.Digest]struct{}{},
	}
	if err := java.reopen(ctx); err != nil {
		return err
	}
	projected := newProjections()
	ledgers := newLedgers(s.client, s.reader, o.Namespace)
	scanner := &scan.Scanner{Registry: o.Registry, Store: o.Store, Limits: o.ScanLimits, Timeout: o.ScanTimeout}
	return errors.Join(
		(&podReconciler{shared: s, synced: synced}).setup(m),
		(&scanReconciler{
			shared: s, scanner: scanner, archives: jars, summaries: summaries{store: o.Store, program: o.Program},
			trustHost: o.Registry.TrustHost, secrets: o.PullSecrets, concurrency: o.ScanConcurrency,
		}).setup(m),
		(&baseReconciler{shared: s, store: o.Store, names: newBaseNames(o.Registry, s.now), secrets: o.PullSecrets}).setup(m),
		(&watchReconciler{
			shared: s, registry: o.Registry, store: o.Store, secrets: o.PullSecrets, interval: o.BaseInterval,
			lists: map[string]*registry.TagList{},
		}).setup(m),
		newUpdateReconciler(s, jars, projected, o).setup(m),
		(&imageReportReconciler{
			shared: s, projections: projected, store: jars, retention: o.ReportRetention,
			ledgers: ledgers,
			limiter: rate.NewLimiter(rate.Limit(o.ReportRate), max(1, int(o.ReportRate))),
		}).setup(m),
		(&vulnerabilityDatabaseReconciler{
			shared: s, updater: updater, java: java, allowRollback: o.AllowRollback, maxAge: o.DatabaseMaxAge, ephemeral: o.StoreEphemeral,
		}).setup(m),
		newImagePolicyReconciler(s.client, s.now).setup(m),
		newClusterImagePolicyReconciler(s.client, s.now).setup(m),
		(&notificationReconciler{notifications: s.notifications}).setup(m),
		m.Add(manager.RunnableFunc(func(ctx context.Context) error {
			// Without any VulnerabilityDatabase no event would start the judging.
			s.databases.addPriority(ctx, priorityNormal, defaultDatabase)
			return nil
		})),
		m.Add(&databaseCreator{client: s.client, sources: o.DatabaseSources, retry: defaultDatabaseRetry}),
		m.Add(java),
		m.Add(&collector{shared: s, store: o.Store, ledgers: ledgers}),
	)
}

func newShared(c client.Client, reader client.Reader, now func() time.Time, synced <-chan struct{}) *shared {
	return &shared{
		client:    c,
		reader:    reader,
		now:       now,
		inventory: inventory.New(),
		fleet:     fleet.New(match.Judge),
		catalogue: newCatalogue(),
		bases:     newBases(),
		wishes:    newWishes(),
		watched:   newWatches(),
		rollout:   newRollout(now),
		scans:     newTrigger[inventory.ScanKey](synced),
		reports:   newTrigger[inventory.ReportKey](synced),
		databases: newTrigger[types.NamespacedName](synced),
		baseQueue: newTrigger[inventory.ScanKey](synced),
		policies:  newTrigger[policyKey](synced),
		watches:   newTrigger[string](synced),
	}
}

// CacheOptions keep in memory only what the controllers read.
func CacheOptions() cache.Options {
	return cache.Options{
		DefaultTransform: stripMetadata,
		ByObject: map[client.Object]cache.ByObject{
			&corev1.Pod{}:           {Transform: stripPod},
			&v1alpha1.ImageReport{}: {Transform: stripReport},
		},
	}
}

// stripMetadata leaves out who wrote what and, of objects of which no more than
// their metadata is watched, the annotations: nothing of ours is among them.
func stripMetadata(object any) (any, error) {
	if o, ok := object.(*metav1.PartialObjectMetadata); ok {
		o.Annotations = nil
	}
	return cache.TransformStripManagedFields()(object)
}

var _ toolscache.TransformFunc = stripPod

// stripPod leaves of a pod what the inventory reads.
func stripPod(object any) (any, error) {
	pod, ok := object.(*corev1.Pod)
	if !ok {
		return object, nil
	}
	stripped := &corev1.Pod{ObjectMeta: pod.ObjectMeta}
	stripped.ManagedFields = nil
	stripped.Annotations = inventory.SecurityAnnotations(pod.Annotations)
	stripped.Spec = inventory.SecuritySpec(&pod.Spec)
	stripped.Spec.NodeName = pod.Spec.NodeName
	stripped.Spec.ServiceAccountName = pod.Spec.ServiceAccountName
	stripped.Spec.ImagePullSecrets = pod.Spec.ImagePullSecrets
	for i, c := range pod.Spec.InitContainers {
		stripped.Spec.InitContainers[i].Image = c.Image
	}
	for i, c := range pod.Spec.Containers {
		stripped.Spec.Containers[i].Image = c.Image
	}
	for i, c := range pod.Spec.EphemeralContainers {
		stripped.Spec.EphemeralContainers[i].Image = c.Image
	}
	for _, v := range pod.Spec.Volumes {
		if v.Image != nil {
			stripped.Spec.Volumes = append(stripped.Spec.Volumes, corev1.Volume{Name: v.Name, VolumeSource: corev1.VolumeSource{Image: v.Image}})
		}
	}
	stripped.Status = corev1.PodStatus{
		Phase:                      pod.Status.Phase,
		InitContainerStatuses:      stripStatuses(pod.Status.InitContainerStatuses),
		ContainerStatuses:          stripStatuses(pod.Status.ContainerStatuses),
		EphemeralContainerStatuses: stripStatuses(pod.Status.EphemeralContainerStatuses),
	}
	return stripped, nil
}

func stripStatuses(statuses []corev1.ContainerStatus) []corev1.ContainerStatus {
	var out []corev1.ContainerStatus
	for _, s := range statuses {
		kept := corev1.ContainerStatus{Name: s.Name, ImageID: s.ImageID, State: s.State, LastTerminationState: s.LastTerminationState}
		for _, mount := range s.VolumeMounts {
			if mount.VolumeStatus != nil {
				kept.VolumeMounts = append(kept.VolumeMounts, mount)
			}
		}
		out = append(out, kept)
	}
	return out
}
