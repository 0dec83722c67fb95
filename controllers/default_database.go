package controllers

import (
	"context"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

// defaultDatabaseRetry is how soon the creation is tried again.
const defaultDatabaseRetry = 10 * time.Second

// databaseCreator makes the VulnerabilityDatabase that is used where a cluster
// has none when the operator starts. From then on the object is its users': it
// is never changed, nor made again once they have deleted it.
type databaseCreator struct {
	client client.Client
	// sources are references of OCI artifacts, or absolute paths of directories.
	sources []string
	retry   time.Duration
}

var _ manager.LeaderElectionRunnable = (*databaseCreator)(nil)

// NeedLeaderElection implements manager.LeaderElectionRunnable.
func (*databaseCreator) NeedLeaderElection() bool { return true }

// Start implements manager.Runnable. It fails only for sources that the API server refuses.
func (c *databaseCreator) Start(ctx context.Context) error {
	if len(c.sources) == 0 {
		return nil
	}
	for {
		err := c.client.Create(ctx, c.object(), fieldOwner)
		switch {
		case err == nil, apierrors.IsAlreadyExists(err), ctx.Err() != nil:
			return nil
		case apierrors.IsInvalid(err):
			return fmt.Errorf("create VulnerabilityDatabase %s: %w", defaultDatabase.Name, err)
		}
		log.FromContext(ctx).Error(err, "The VulnerabilityDatabase cannot be created yet", "name", defaultDatabase.Name)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(c.retry):
		}
	}
}

func (c *databaseCreator) object() *v1alpha1.VulnerabilityDatabase {
	database := &v1alpha1.VulnerabilityDatabase{ObjectMeta: metav1.ObjectMeta{Name: defaultDatabase.Name}}
	for _, source := range c.sources {
		if strings.HasPrefix(source, "/") {
			database.Spec.Sources = append(database.Spec.Sources, v1alpha1.DatabaseSource{Directory: source})
		} else {
			database.Spec.Sources = append(database.Spec.Sources, v1alpha1.DatabaseSource{Reference: source})
		}
	}
	return database
}
