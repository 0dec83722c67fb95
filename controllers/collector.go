package controllers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/plimsoll-dev/plimsoll/internal/store"
)

// collectEvery is how often the store and the ledgers are rid of what nothing uses.
const collectEvery = time.Hour

// collector removes what no report needs any more: images from the store, the
// clocks of repositories that are gone, and the outboxes of policies that are.
type collector struct {
	*shared
	store   *store.Store
	ledgers *ledgers
}

// Start implements manager.Runnable. A failure is no reason to stop the
// operator: the next round tries again.
func (c *collector) Start(ctx context.Context) error {
	ticker := time.NewTicker(collectEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if err := errors.Join(c.collectImages(), c.collectLedgers(ctx), c.notifications.collect(ctx)); err != nil {
				log.FromContext(ctx).Error(err, "Garbage was not collected")
			}
		}
	}
}

// collectImages leaves everything in place while the scan of any image is not
// settled: its content may be in the store under a digest that is not known yet.
func (c *collector) collectImages() error {
	for _, key := range c.inventory.Scans() {
		if _, known := c.catalogue.get(key); !known {
			return nil
		}
	}
	if _, err := c.store.Collect(c.catalogue.uses); err != nil {
		return fmt.Errorf("collect images in the store: %w", err)
	}
	return nil
}

// collectLedgers lets the clocks of repositories without any report run out.
func (c *collector) collectLedgers(ctx context.Context) error {
	objects, err := c.allReportObjects(ctx)
	if err != nil {
		return err
	}
	used := map[string]bool{}
	for i := range objects {
		used[objects[i].Spec.Repository] = true
	}
	for _, key := range c.inventory.ReportsIn("") {
		used[key.Repository] = true
	}
	return c.ledgers.collect(ctx, used, c.now())
}
