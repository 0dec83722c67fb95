package controllers

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/plimsoll-dev/plimsoll/internal/notify"
)

var (
	notificationsTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "plimsoll_notifications_total",
		Help: "Tries to send a notification, by its type and result: sent, failed (to be tried again), given_up.",
	}, []string{"type", "result"})
	notificationsPending = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "plimsoll_notifications_pending",
		Help: "Changes that a policy's notifications have not told yet.",
	}, []string{"kind", "namespace", "policy"})
	notificationDeadLetters = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "plimsoll_notification_dead_letters",
		Help: "Messages of a policy that were given up, of which its outbox keeps the last 16.",
	}, []string{"kind", "namespace", "policy"})
)

func init() {
	metrics.Registry.MustRegister(notificationsTotal, notificationsPending, notificationDeadLetters)
}

func setNotificationMetrics(key policyKey, states []notify.State, dead int) {
	waiting := 0
	for _, s := range states {
		waiting += s.Waiting
	}
	notificationsPending.WithLabelValues(key.Kind, key.Namespace, key.Name).Set(float64(waiting))
	notificationDeadLetters.WithLabelValues(key.Kind, key.Namespace, key.Name).Set(float64(dead))
}

func forgetNotificationMetrics(key policyKey) {
	notificationsPending.DeleteLabelValues(key.Kind, key.Namespace, key.Name)
	notificationDeadLetters.DeleteLabelValues(key.Kind, key.Namespace, key.Name)
}
