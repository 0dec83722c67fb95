package controllers

import (
	"context"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

// Priorities of work in a queue; the higher goes first.
const (
	priorityLow      = -10
	priorityNormal   = 0
	priorityHigh     = 10
	priorityCritical = 20
)

// trigger lets one reconciler add requests to the queue of another. Requests
// that are added before the other has started wait for it.
type trigger[request comparable] struct {
	started chan struct{}
	queue   workqueue.TypedRateLimitingInterface[request]
	// synced is closed when the controller may begin to work.
	synced <-chan struct{}
}

var _ source.TypedSyncingSource[string] = (*trigger[string])(nil)

func newTrigger[request comparable](synced <-chan struct{}) *trigger[request] {
	return &trigger[request]{started: make(chan struct{}), synced: synced}
}

// Start implements source.TypedSource.
func (t *trigger[request]) Start(_ context.Context, queue workqueue.TypedRateLimitingInterface[request]) error {
	t.queue = queue
	close(t.started)
	return nil
}

// WaitForSync implements source.TypedSyncingSource.
func (t *trigger[request]) WaitForSync(ctx context.Context) error {
	select {
	case <-t.synced:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// add queues requests. It returns at once with nothing queued only if ctx ends first.
func (t *trigger[request]) add(ctx context.Context, options priorityqueue.AddOpts, requests ...request) {
	if !t.await(ctx) {
		return
	}
	if queue, ok := t.queue.(priorityqueue.PriorityQueue[request]); ok {
		queue.AddWithOpts(options, requests...)
		return
	}
	for _, r := range requests {
		t.queue.AddAfter(r, options.After)
	}
}

// await returns whether the queue is there. Once it is, a context that has
// ended is no reason to lose a request.
func (t *trigger[request]) await(ctx context.Context) bool {
	select {
	case <-t.started:
		return true
	default:
	}
	select {
	case <-t.started:
		return true
	case <-ctx.Done():
		return false
	}
}

func (t *trigger[request]) addPriority(ctx context.Context, priority int, requests ...request) {
	t.add(ctx, priorityqueue.AddOpts{Priority: &priority}, requests...)
}
