package controllers

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

var (
	scansTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "plimsoll_scans_total",
		Help: "Scans of images that ended, by reason; Scanned is success.",
	}, []string{"reason"})
	registryBytes = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "plimsoll_registry_read_bytes_total",
		Help: "Bytes of response bodies read from registries, images and databases alike.",
	}, []string{"host"})
	reportWrites = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "plimsoll_report_writes_total",
		Help: "ImageReport objects written because their content changed.",
	})
	reportDeletes = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "plimsoll_report_deletes_total",
		Help: "ImageReport objects deleted after their retention.",
	})
	images = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "plimsoll_images",
		Help: "Images that are reported, as digests per platform, by the reason of their state; Scanned is covered.",
	}, []string{"reason"})
	databaseFailures = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "plimsoll_database_failures_total",
		Help: "Failed updates of the vulnerability database, by reason.",
	}, []string{"reason"})
	javaDatabaseFailures = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "plimsoll_java_database_failures_total",
		Help: "Failed updates of the Java database, by reason.",
	}, []string{"reason"})
	databaseSwaps = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "plimsoll_database_swaps_total",
		Help: "Changes from one vulnerability database to the next.",
	})
	databaseBuilt = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "plimsoll_database_built_timestamp_seconds",
		Help: "When the vulnerability database in use was built.",
	})
	databasePublished = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "plimsoll_database_published_timestamp_seconds",
		Help: "When the last report was written that follows the vulnerability database in use.",
	})
	databaseLag = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "plimsoll_database_lag_seconds",
		Help: "From the building of the vulnerability database to the last report that follows it, as of the last one that all reports follow.",
	})
	rolloutSeconds = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "plimsoll_database_rollout_seconds",
		Help:    "From taking up a vulnerability database to the last report that follows it.",
		Buckets: []float64{0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600},
	})
	rescanSeconds = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "plimsoll_rescan_seconds",
		Help:    "From opening a vulnerability database to the list of the images that it changes.",
		Buckets: []float64{0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60},
	})
	rescanKeys = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "plimsoll_rescan_changed_keys_total",
		Help: "Packages, by name and source of advisories, that a vulnerability database judged differently from the one before.",
	})
	rescanImages = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "plimsoll_rescan_changed_images_total",
		Help: "Images whose findings a vulnerability database changed.",
	})
	reportsPending = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "plimsoll_database_reports_pending",
		Help: "Reports that do not yet follow the vulnerability database in use.",
	})
	baseFailures = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "plimsoll_base_failures_total",
		Help: "Failed looks at the tags of base images, by reason.",
	}, []string{"reason"})
	updatesByPhase = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "plimsoll_updates",
		Help: "ImageUpdates by phase; Proposed are open pull requests, Ignored those that a person closed.",
	}, []string{"phase"})
	updateTransitions = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "plimsoll_update_transitions_total",
		Help: "ImageUpdates that came into a phase.",
	}, []string{"phase"})
	remediationSeconds = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "plimsoll_remediation_seconds",
		Help:    "From the first sight of an update that is worth it to the moment when nothing ran the old version any more; its mean is the mean time to remediate.",
		Buckets: []float64{3600, 6 * 3600, 24 * 3600, 3 * 24 * 3600, 7 * 24 * 3600, 14 * 24 * 3600, 30 * 24 * 3600, 90 * 24 * 3600},
	})
	pullRequestFailures = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "plimsoll_pull_request_failures_total",
		Help: "Updates that could not be proposed, by reason.",
	}, []string{"reason"})
	rebuilds = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "plimsoll_rebuilds_total",
		Help: "Triggers of pipelines, by result.",
	}, []string{"result"})
)

func init() {
	metrics.Registry.MustRegister(scansTotal, registryBytes, reportWrites, reportDeletes, images,
		databaseFailures, javaDatabaseFailures, databaseSwaps, databaseBuilt, databasePublished, databaseLag, rolloutSeconds,
		rescanSeconds, rescanKeys, rescanImages, reportsPending,
		baseFailures, updatesByPhase, updateTransitions, remediationSeconds, pullRequestFailures, rebuilds)
}
