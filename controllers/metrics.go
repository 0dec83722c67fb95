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
	databaseSwaps = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "plimsoll_database_swaps_total",
		Help: "Changes from one vulnerability database to the next.",
	})
	databaseBuilt = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "plimsoll_database_built_timestamp_seconds",
		Help: "When the vulnerability database in use was built.",
	})
	reportsPending = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "plimsoll_database_reports_pending",
		Help: "Reports that do not yet follow the vulnerability database in use.",
	})
)

func init() {
	metrics.Registry.MustRegister(scansTotal, registryBytes, reportWrites, reportDeletes, images,
		databaseFailures, databaseSwaps, databaseBuilt, reportsPending)
}
