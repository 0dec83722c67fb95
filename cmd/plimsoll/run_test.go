package main

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/cache"
)

// TestLoggers: what libraries log is in our format, and what registries could write is not logged.
func TestLoggers(t *testing.T) {
	former := log.Writer()
	t.Cleanup(func() {
		log.SetOutput(former)
		klog.ClearLogger()
	})
	log.SetOutput(os.Stderr)
	var out strings.Builder
	if err := (flags{logLevel: "info"}).setLoggers(&out); err != nil {
		t.Fatal(err)
	}
	klog.Info("from a library")
	klog.Flush()
	log.Print("Unsolicited response received on idle HTTP channel starting with \"forged\"")
	if got := out.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, `"msg":"from a library"`) {
		t.Errorf("the log is:\n%s", got)
	}
	if log.Writer() != io.Discard {
		t.Error("the standard logger still prints")
	}
}

// fakeCache is synced or waits until it is not waited for any more.
type fakeCache struct {
	cache.Cache
	synced bool
}

func (c fakeCache) WaitForCacheSync(ctx context.Context) bool {
	if !c.synced {
		<-ctx.Done()
	}
	return c.synced
}

func TestReadiness(t *testing.T) {
	request := httptest.NewRequest(http.MethodGet, "/readyz", nil)
	if err := synced(fakeCache{synced: true})(request); err != nil {
		t.Errorf("synced: %v", err)
	}
	if err := synced(fakeCache{})(request); err == nil {
		t.Error("ready before the caches are synced")
	}
}

func TestManagerOptions(t *testing.T) {
	f := flags{namespace: "ours", leaderElect: true, metricsAddress: ":8443", metricsSecure: true, probeAddress: ":1"}
	got := f.manager()
	if !got.LeaderElection || !got.LeaderElectionReleaseOnCancel || got.LeaderElectionNamespace != "ours" {
		t.Errorf("leader election %t, released %t, in %q", got.LeaderElection, got.LeaderElectionReleaseOnCancel, got.LeaderElectionNamespace)
	}
	if !got.Metrics.SecureServing || got.Metrics.FilterProvider == nil || got.Metrics.BindAddress != ":8443" {
		t.Errorf("metrics %+v: want only authorized users", got.Metrics)
	}
	f.metricsSecure = false
	if got := f.manager(); got.Metrics.SecureServing || got.Metrics.FilterProvider != nil {
		t.Error("metrics are protected, though they should not be")
	}
}

// TestRunNeedsCluster: a run ends where no cluster is to be found, and says so.
func TestRunNeedsCluster(t *testing.T) {
	t.Setenv("KUBECONFIG", "/no/such/kubeconfig")
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	err := run(t.Context(), withStore(t, parse(t)))
	if err == nil || errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "find the cluster: ") {
		t.Errorf("error %v", err)
	}
}
