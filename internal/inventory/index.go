package inventory

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
)

// ScanKey names what is pulled and read once: a digest as the kubelet reports
// it, for the platform of the nodes that run it.
type ScanKey struct {
	Digest   image.Digest
	Platform image.Platform
}

// ReportKey names what is reported: an image as one namespace runs it.
type ReportKey struct {
	Namespace  string
	Repository string
	Digest     image.Digest
	Platform   image.Platform
}

// Scan returns the key of the scan that the report follows.
func (k ReportKey) Scan() ScanKey { return ScanKey{Digest: k.Digest, Platform: k.Platform} }

// Image is what one namespace's pods say of an image. All lists are sorted and
// without duplicates.
type Image struct {
	References []image.Reference
	Workloads  []Workload
	Pulls      []Pull
	// Hosts from which a kubelet says that it has the image.
	Hosts []string
	// Bare says that the digest is a configuration's, which cannot be pulled.
	Bare bool
}

// Workload that uses an image.
type Workload struct {
	Owner Owner
	// Running says whether one of its pods with this image has not ended.
	Running    bool
	Containers []v1alpha1.WorkloadContainer
	// Variants of its pods: one for all that policies cannot tell apart.
	Variants []Variant
}

// Variant of a workload's pods that use an image.
type Variant struct {
	Labels map[string]string
	// Tags of the references under which they use it, and the names of the
	// containers that run it, both sorted.
	Tags       []string
	Containers []string
	Security   Security
}

// Pull is where the kubelet would find credentials for an image.
type Pull struct {
	Namespace      string
	ServiceAccount string
	// Secrets named by the pod, joined by commas.
	Secrets string
}

type podKey struct{ namespace, name string }

// Index of pods by the images that they use. It is safe for concurrent use.
type Index struct {
	mu      sync.RWMutex
	pods    map[podKey]Pod
	reports map[ReportKey]map[podKey]struct{}
	scans   map[ScanKey]map[ReportKey]struct{}
	owners  map[namespacedOwner]map[podKey]struct{}
}

type namespacedOwner struct {
	namespace string
	owner     Owner
}

// New returns an empty index.
func New() *Index {
	return &Index{
		pods:    map[podKey]Pod{},
		reports: map[ReportKey]map[podKey]struct{}{},
		scans:   map[ScanKey]map[ReportKey]struct{}{},
		owners:  map[namespacedOwner]map[podKey]struct{}{},
	}
}

// Set records a pod and returns the reports that it concerns, now or before;
// none if nothing of it has changed.
func (x *Index) Set(pod Pod) []ReportKey {
	x.mu.Lock()
	defer x.mu.Unlock()
	key := podKey{pod.Namespace, pod.Name}
	if before, ok := x.pods[key]; ok && reflect.DeepEqual(before, pod) {
		return nil
	}
	touched := x.remove(key)
	x.pods[key] = pod
	if !pod.Pending {
		insert(x.owners, namespacedOwner{pod.Namespace, pod.Owner}, key)
	}
	for _, report := range pod.reports() {
		insert(x.reports, report, key)
		insert(x.scans, report.Scan(), report)
		touched[report] = struct{}{}
	}
	return slices.Collect(maps.Keys(touched))
}

// Delete forgets a pod and returns the reports that it concerned.
func (x *Index) Delete(namespace, name string) []ReportKey {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Collect(maps.Keys(x.remove(podKey{namespace, name})))
}

func (x *Index) remove(key podKey) map[ReportKey]struct{} {
	touched := map[ReportKey]struct{}{}
	pod, ok := x.pods[key]
	if !ok {
		return touched
	}
	delete(x.pods, key)
	remove(x.owners, namespacedOwner{pod.Namespace, pod.Owner}, key)
	for _, report := range pod.reports() {
		touched[report] = struct{}{}
		if remove(x.reports, report, key) {
			remove(x.scans, report.Scan(), report)
		}
	}
	return touched
}

func insert[K, V comparable](m map[K]map[V]struct{}, key K, value V) {
	if m[key] == nil {
		m[key] = map[V]struct{}{}
	}
	m[key][value] = struct{}{}
}

// remove reports whether the key is gone.
func remove[K, V comparable](m map[K]map[V]struct{}, key K, value V) bool {
	delete(m[key], value)
	if len(m[key]) == 0 {
		delete(m, key)
		return true
	}
	return false
}

// reports returns the distinct reports of a pod.
func (p Pod) reports() []ReportKey {
	var keys []ReportKey
	for _, use := range p.Uses {
		key := p.report(use)
		if !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

func (p Pod) report(use Use) ReportKey {
	return ReportKey{Namespace: p.Namespace, Repository: use.Reference.Repository, Digest: use.Digest, Platform: p.Platform}
}

// Scans returns every digest and platform that a pod uses.
func (x *Index) Scans() []ScanKey {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return slices.Collect(maps.Keys(x.scans))
}

// Reports returns the reports that follow a scan.
func (x *Index) Reports(key ScanKey) []ReportKey {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return slices.SortedFunc(maps.Keys(x.scans[key]), compareReports)
}

// ReportsOfRepository returns all reports of a repository, whatever the namespace.
func (x *Index) ReportsOfRepository(repository string) []ReportKey {
	x.mu.RLock()
	defer x.mu.RUnlock()
	var keys []ReportKey
	for key := range x.reports {
		if key.Repository == repository {
			keys = append(keys, key)
		}
	}
	return keys
}

// ReportsIn returns the reports of a namespace, or all with an empty name.
func (x *Index) ReportsIn(namespace string) []ReportKey {
	x.mu.RLock()
	defer x.mu.RUnlock()
	var keys []ReportKey
	for key := range x.reports {
		if namespace == "" || key.Namespace == namespace {
			keys = append(keys, key)
		}
	}
	return keys
}

// Unresolved counts the running containers that cannot be tied to a digest.
func (x *Index) Unresolved() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	n := 0
	for _, pod := range x.pods {
		if pod.Running {
			n += len(pod.Unresolved)
		}
	}
	return n
}

// HasPods says whether a workload has any pod, of whatever image. Those that are
// pending do not count: what they will run is not known.
func (x *Index) HasPods(namespace string, owner Owner) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return len(x.owners[namespacedOwner{namespace, owner}]) > 0
}

// Image returns what a namespace's pods say of an image, or false if none uses it.
func (x *Index) Image(key ReportKey) (Image, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	pods, ok := x.reports[key]
	if !ok {
		return Image{}, false
	}
	var img Image
	workloads := map[Owner]*Workload{}
	seen := map[variantKey]bool{}
	for _, pk := range sortedPods(pods) {
		pod := x.pods[pk]
		w := workloads[pod.Owner]
		if w == nil {
			w = &Workload{Owner: pod.Owner}
			workloads[pod.Owner] = w
		}
		w.Running = w.Running || pod.Running
		img.addPull(pod)
		variant := Variant{Labels: sharedLabels(pod.Labels), Security: pod.Security}
		for _, use := range pod.Uses {
			if pod.report(use) == key {
				img.addUse(w, use)
				variant.addUse(use)
			}
		}
		w.addVariant(seen, variant)
	}
	for _, w := range workloads {
		slices.SortFunc(w.Containers, compareContainers)
		img.Workloads = append(img.Workloads, *w)
	}
	slices.SortFunc(img.Workloads, func(a, b Workload) int { return compareOwners(a.Owner, b.Owner) })
	slices.SortFunc(img.References, func(a, b image.Reference) int { return cmp.Compare(a.String(), b.String()) })
	slices.SortFunc(img.Pulls, comparePulls)
	slices.Sort(img.Hosts)
	return img, true
}

func (i *Image) addUse(w *Workload, use Use) {
	i.Bare = i.Bare || use.Bare
	if !slices.Contains(i.References, use.Reference) {
		i.References = append(i.References, use.Reference)
	}
	if use.Host != "" && !slices.Contains(i.Hosts, use.Host) {
		i.Hosts = append(i.Hosts, use.Host)
	}
	container := v1alpha1.WorkloadContainer{Name: use.Name, Type: use.Type}
	if !slices.Contains(w.Containers, container) {
		w.Containers = append(w.Containers, container)
	}
}

func (i *Image) addPull(pod Pod) {
	pull := Pull{Namespace: pod.Namespace, ServiceAccount: pod.ServiceAccount, Secrets: strings.Join(pod.PullSecrets, ",")}
	if !slices.Contains(i.Pulls, pull) {
		i.Pulls = append(i.Pulls, pull)
	}
}

// ofOnePod are labels that controllers give each pod, or each run, its own
// value of. No policy can mean them, and a workload would have as many sets of
// labels as pods.
var ofOnePod = []string{
	"apps.kubernetes.io/pod-index", "statefulset.kubernetes.io/pod-name",
	"batch.kubernetes.io/controller-uid", "controller-uid",
	"batch.kubernetes.io/job-name", "job-name", "batch.kubernetes.io/job-completion-index",
}

func sharedLabels(pod map[string]string) map[string]string {
	shared := maps.Clone(pod)
	for _, name := range ofOnePod {
		delete(shared, name)
	}
	return shared
}

func (v *Variant) addUse(use Use) {
	if use.Reference.Tag != "" {
		v.Tags = append(v.Tags, use.Reference.Tag)
	}
	if use.Type != v1alpha1.ContainerTypeVolume {
		v.Containers = append(v.Containers, use.Name)
	}
}

// addVariant adds a variant unless seen has it for the workload.
func (w *Workload) addVariant(seen map[variantKey]bool, v Variant) {
	slices.Sort(v.Tags)
	v.Tags = slices.Compact(v.Tags)
	slices.Sort(v.Containers)
	key := variantKey{
		owner: w.Owner, labels: labels.Set(v.Labels).String(), security: v.Security,
		tags: strings.Join(v.Tags, ","), containers: strings.Join(v.Containers, ","),
	}
	if seen[key] {
		return
	}
	seen[key] = true
	w.Variants = append(w.Variants, v)
}

type variantKey struct {
	owner                    Owner
	labels, tags, containers string
	security                 Security
}

func sortedPods(pods map[podKey]struct{}) []podKey {
	return slices.SortedFunc(maps.Keys(pods), func(a, b podKey) int {
		return cmp.Or(cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.name, b.name))
	})
}

func compareContainers(a, b v1alpha1.WorkloadContainer) int {
	return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name))
}

func compareOwners(a, b Owner) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Group, b.Group))
}

func comparePulls(a, b Pull) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.ServiceAccount, b.ServiceAccount), cmp.Compare(a.Secrets, b.Secrets))
}

func compareReports(a, b ReportKey) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Repository, b.Repository))
}
