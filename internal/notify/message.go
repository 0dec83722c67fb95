package notify

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

// Message is a batch with what a receiver has to know beside. It is the data of templates, and the JSON that
// CloudEvents and webhooks carry.
type Message struct {
	// Policy as kind and name, with the namespace where it has one.
	Policy       string `json:"policy"`
	Cluster      string `json:"cluster"`
	Notification string `json:"notification"`
	// Key is the idempotency key.
	Key    string  `json:"idempotencyKey"`
	Text   string  `json:"text"`
	Events []Event `json:"events"`
	// More counts further events, for which there was no room.
	More int `json:"more,omitempty"`
}

// NewMessage renders a batch for a notification.
func NewMessage(n v1alpha1.Notification, policy, cluster string, b Batch) (Message, error) {
	m := Message{Policy: policy, Cluster: cluster, Notification: n.Name, Key: b.Key, Events: b.Events, More: b.More}
	var err error
	m.Text, err = Render(n, m)
	return m, err
}

// Render returns the text of a message, of at most 8 KiB; what is longer is cut.
func Render(n v1alpha1.Notification, m Message) (string, error) {
	t, err := parseTemplate(cmp.Or(n.Template, defaultTemplates[n.Type]))
	if err != nil {
		return "", err
	}
	escape := escapes[n.Type]
	if escape == nil {
		escape = func(s string) string { return s }
	}
	if n.Template == "" && len(m.Events) > maxShown {
		m.More += len(m.Events) - maxShown
		m.Events = m.Events[:maxShown]
	}
	escaped := Message{
		Policy: escape(m.Policy), Cluster: escape(m.Cluster), Notification: escape(m.Notification), Key: escape(m.Key), More: m.More,
	}
	for _, e := range m.Events {
		escaped.Events = append(escaped.Events, e.mapped(escape))
	}
	out := &bounded{limit: maxMessage}
	err = t.Execute(out, escaped)
	if errors.Is(err, errFull) {
		return strings.ToValidUTF8(out.String(), "") + "…", nil
	}
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrTemplate, err)
	}
	rendered := strings.TrimSpace(out.String())
	if rendered == "" {
		return "", fmt.Errorf("%w: it says nothing", ErrTemplate)
	}
	return rendered, nil
}

// escapes keep an image's content from being read as markup: at Slack <!channel> would call everybody, at Teams
// brackets make links.
var escapes = map[v1alpha1.NotificationType]func(string) string{
	v1alpha1.NotificationSlack: strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace,
	v1alpha1.NotificationTeams: strings.NewReplacer("[", "(", "]", ")", "<", "‹", ">", "›").Replace,
}

// Check says whether a notification's template can be used, by rendering one event of each kind.
func Check(n v1alpha1.Notification) error {
	if n.Template == "" {
		return nil
	}
	_, err := Render(n, Message{Policy: "ImagePolicy shop/p", Cluster: "c", Notification: n.Name, Key: "k", Events: samples, More: 1})
	return err
}

// samples have every field that an event of their kind has.
var samples = []Event{
	{
		Kind: FindingsAdded, Image: "registry.example.com/shop/api:1", Digest: "sha256:0", Namespaces: []string{"shop"},
		Added: &Counts{Critical: 1}, Findings: []Finding{{ID: "CVE-2026-1", Package: "openssl", Severity: v1alpha1.SeverityCritical}},
	},
	{Kind: VerdictChanged, Image: "registry.example.com/shop/api:1", Namespaces: []string{"shop"}, From: "Pass", To: "Fail", Rules: []string{"r"}},
	{Kind: UpdateAvailable, Image: "docker.io/library/debian:12", From: "12.1", To: "12.2", Fixes: 2, Adds: 1, Repository: "https://git.example.com/shop/api"},
	{Kind: PullRequestOpened, Image: "docker.io/library/debian:12", From: "12.1", To: "12.2", URL: "https://git.example.com/shop/api/pulls/1"},
	{Kind: PullRequestMerged, Image: "docker.io/library/debian:12", From: "12.1", To: "12.2", URL: "https://git.example.com/shop/api/pulls/1"},
	{Kind: DatabaseStale, Built: "2026-07-01"},
}
