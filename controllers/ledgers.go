package controllers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/plimsoll-dev/plimsoll/internal/policy"
)

const (
	ledgerKey        = "ledger"
	ledgerRepository = "plimsoll.dev/repository"
)

// ledgers keeps, in one ConfigMap for each repository in the operator's
// namespace, when deadlines began. Only the leader writes them, so that it reads each one once.
type ledgers struct {
	client    client.Client
	reader    client.Reader
	namespace string

	mu    sync.Mutex
	known map[string]*ledger
}

type ledger struct {
	mu      sync.Mutex
	loaded  bool
	content *policy.Ledger
	// swept is when the ledger was last compared with all of the repository's images.
	swept time.Time
}

func newLedgers(c client.Client, reader client.Reader, namespace string) *ledgers {
	return &ledgers{client: c, reader: reader, namespace: namespace, known: map[string]*ledger{}}
}

// use calls do with a repository's ledger, and makes its changes durable before
// it returns: a deadline must not be told to anyone and then forgotten. What
// could not be saved is read again before the next use.
func (l *ledgers) use(ctx context.Context, repository string, do func(*policy.Ledger) (changed bool)) error {
	entry := l.entry(repository)
	entry.mu.Lock()
	defer entry.mu.Unlock()
	if !entry.loaded {
		content, err := l.load(ctx, repository)
		if err != nil {
			return err
		}
		entry.content, entry.loaded = content, true
	}
	if !do(entry.content) {
		return nil
	}
	if err := l.save(ctx, repository, entry.content); err != nil {
		entry.loaded = false
		return err
	}
	return nil
}

func (l *ledgers) entry(repository string) *ledger {
	l.mu.Lock()
	defer l.mu.Unlock()
	entry := l.known[repository]
	if entry == nil {
		entry = &ledger{}
		l.known[repository] = entry
	}
	return entry
}

// sweepEvery is how often a ledger is compared with all images of its
// repository. That reads them all, and clocks are kept for weeks after a
// finding has gone, so that there is no hurry.
const sweepEvery = time.Hour

// sweep says whether it is time for that, and takes it for done.
func (l *ledgers) sweep(repository string, now time.Time) bool {
	entry := l.entry(repository)
	entry.mu.Lock()
	defer entry.mu.Unlock()
	if now.Sub(entry.swept) < sweepEvery {
		return false
	}
	entry.swept = now
	return true
}

func ledgerName(repository string) string {
	sum := sha256.Sum256([]byte(repository))
	return "plimsoll-ledger-" + hex.EncodeToString(sum[:10])
}

// collect sweeps the ledgers of repositories that are not used, and deletes those that are empty then.
func (l *ledgers) collect(ctx context.Context, used map[string]bool, now time.Time) error {
	objects, err := managedConfigMaps(ctx, l.reader, l.namespace)
	if err != nil {
		return err
	}
	var errs []error
	for i := range objects {
		repository, ok := objects[i].Annotations[ledgerRepository]
		if !ok || used[repository] || objects[i].Name != ledgerName(repository) {
			continue
		}
		empty := false
		errs = append(errs, l.use(ctx, repository, func(content *policy.Ledger) bool {
			changed := content.Sweep(nil, now)
			empty = content.Len() == 0
			return changed && !empty
		}))
		if empty {
			errs = append(errs, client.IgnoreNotFound(l.client.Delete(ctx, &corev1.ConfigMap{ObjectMeta: objects[i].ObjectMeta})))
			l.forget(repository)
		}
	}
	return errors.Join(errs...)
}

// configMapPage is how many ConfigMaps are listed at a time.
const configMapPage = 500

// managedConfigMaps names the operator's ConfigMaps, without their content: there is a ledger for each repository, and an
// outbox for each policy that notifies.
func managedConfigMaps(ctx context.Context, reader client.Reader, namespace string) ([]metav1.PartialObjectMetadata, error) {
	var objects []metav1.PartialObjectMetadata
	for page := ""; ; {
		var list metav1.PartialObjectMetadataList
		list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("ConfigMapList"))
		err := reader.List(ctx, &list, client.InNamespace(namespace), client.MatchingLabels{managedByLabel: managedBy},
			client.Limit(configMapPage), client.Continue(page))
		if err != nil {
			return nil, fmt.Errorf("list the operator's ConfigMaps: %w", err)
		}
		objects = append(objects, list.Items...)
		if page = list.Continue; page == "" {
			return objects, nil
		}
	}
}

func (l *ledgers) forget(repository string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.known, repository)
}

func (l *ledgers) load(ctx context.Context, repository string) (*policy.Ledger, error) {
	object := &corev1.ConfigMap{}
	key := client.ObjectKey{Namespace: l.namespace, Name: ledgerName(repository)}
	err := l.reader.Get(ctx, key, object)
	if apierrors.IsNotFound(err) {
		return &policy.Ledger{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("get the deadline ledger of %s: %w", repository, err)
	}
	content, err := policy.DecodeLedger(object.BinaryData[ledgerKey])
	if err != nil {
		return nil, fmt.Errorf("read the deadline ledger of %s in ConfigMap %s: %w", repository, key, err)
	}
	return content, nil
}

func (l *ledgers) save(ctx context.Context, repository string, content *policy.Ledger) error {
	encoded, err := content.Encode()
	if err != nil {
		return fmt.Errorf("encode the deadline ledger of %s: %w", repository, err)
	}
	object := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:   l.namespace,
			Name:        ledgerName(repository),
			Labels:      map[string]string{managedByLabel: managedBy},
			Annotations: map[string]string{ledgerRepository: repository},
		},
		BinaryData: map[string][]byte{ledgerKey: encoded},
	}
	if err := apply(ctx, l.client, object); err != nil {
		return fmt.Errorf("save the deadline ledger of %s: %w", repository, err)
	}
	return nil
}
