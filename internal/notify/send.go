package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/slack"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/delivery"
)

// Sender sends messages through one client.
type Sender struct {
	// HTTP is used for all connections; it decides to which addresses they may go.
	HTTP *http.Client
}

// Send sends a message once to an address, which is a secret. Its errors are *delivery.Error.
func (s Sender) Send(ctx context.Context, kind v1alpha1.NotificationType, address string, m Message) error {
	address = strings.TrimSpace(address)
	switch kind {
	case v1alpha1.NotificationSlack:
		return s.sendSlack(ctx, address, m)
	case v1alpha1.NotificationTeams:
		return s.post(ctx, "send to Teams", address, m.Key, http.Header{}, teamsCard(m.Text))
	case v1alpha1.NotificationCloudEvents:
		return s.sendCloudEvent(ctx, address, m)
	case v1alpha1.NotificationWebhook:
		return s.post(ctx, "send to the webhook", address, m.Key, http.Header{}, m)
	}
	return delivery.Refused(fmt.Errorf("notifications of type %q are not known", kind))
}

func (s Sender) post(ctx context.Context, action, address, key string, header http.Header, body any) error {
	encoded, err := json.Marshal(body)
	if err != nil {
		return delivery.Refused(fmt.Errorf("%s: encode the message: %w", action, err))
	}
	header.Set("Content-Type", "application/json")
	header.Set(delivery.KeyHeader, key)
	_, err = delivery.Send(ctx, s.HTTP, delivery.Request{Action: action, URL: address, Header: header, Body: encoded})
	return err
}

const (
	actionSlack = "send to Slack"
	slackAPI    = "https://slack.com/api/chat.postMessage"
)

// sendSlack takes an incoming webhook's URL, or a slack:// address as shoutrrr writes it. Shoutrrr reads the latter; its
// own sending takes no HTTP client, and hides the answer's status and Retry-After.
func (s Sender) sendSlack(ctx context.Context, address string, m Message) error {
	if !strings.HasPrefix(address, slack.Scheme+"://") {
		return s.post(ctx, actionSlack, address, m.Key, http.Header{}, map[string]any{"text": m.Text, "unfurl_links": false})
	}
	config, err := slackConfig(address)
	if err != nil {
		return delivery.Refused(fmt.Errorf("%s: %w", actionSlack, err))
	}
	if !config.Token.IsAPIToken() {
		return s.post(ctx, actionSlack, config.Token.WebhookURL(), m.Key, http.Header{}, map[string]any{"text": m.Text, "unfurl_links": false})
	}
	return s.postSlackAPI(ctx, config, m)
}

// slackConfig keeps shoutrrr's errors to itself: they may hold the token.
func slackConfig(address string) (*slack.Config, error) {
	refused := errors.New("the slack:// address is not one that shoutrrr understands")
	u, err := url.Parse(address)
	if err != nil {
		return nil, refused
	}
	config, err := slack.CreateConfigFromURL(u)
	// It lets a dummy pass, which has no token.
	if err != nil || u.Hostname() == "dummy.com" {
		return nil, refused
	}
	return config, nil
}

// slackRefusals are of the message itself. All else passes, or a person mends it: the token, the channel, who may post there.
var slackRefusals = map[string]bool{
	"invalid_arguments": true, "invalid_charset": true, "invalid_json": true, "json_not_object": true, "msg_too_long": true, "no_text": true,
}

// postSlackAPI calls a method of Slack's API, which answers 200 where it refuses, too.
func (s Sender) postSlackAPI(ctx context.Context, config *slack.Config, m Message) error {
	body, err := json.Marshal(map[string]any{"channel": config.Channel, "text": m.Text, "unfurl_links": false})
	if err != nil {
		return delivery.Refused(fmt.Errorf("%s: encode the message: %w", actionSlack, err))
	}
	authorization := config.Token.Authorization()
	answer, err := delivery.Send(ctx, s.HTTP, delivery.Request{
		Action: actionSlack, URL: slackAPI, Body: body, Secrets: []string{strings.TrimPrefix(authorization, "Bearer ")},
		Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}, "Authorization": {authorization}, delivery.KeyHeader: {m.Key}},
	})
	if err != nil {
		return err
	}
	var result struct {
		OK    bool   `json:"ok"`
		Error string `json:"error"`
	}
	if err := json.Unmarshal(answer.Body, &result); err != nil || !result.OK {
		return &delivery.Error{Status: answer.Status, Final: slackRefusals[result.Error], Err: fmt.Errorf("%s: refused: %s", actionSlack, delivery.Excerpt(result.Error, authorization))}
	}
	return nil
}

// teamsCard is the message that a Teams workflow posts: a card with a block for each line.
func teamsCard(text string) any {
	type block struct {
		Type string `json:"type"`
		Text string `json:"text"`
		Wrap bool   `json:"wrap"`
	}
	type card struct {
		Schema  string  `json:"$schema"`
		Type    string  `json:"type"`
		Version string  `json:"version"`
		Body    []block `json:"body"`
	}
	type attachment struct {
		ContentType string `json:"contentType"`
		Content     card   `json:"content"`
	}
	c := card{Schema: "http://adaptivecards.io/schemas/adaptive-card.json", Type: "AdaptiveCard", Version: "1.4", Body: []block{}}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			c.Body = append(c.Body, block{Type: "TextBlock", Text: line, Wrap: true})
		}
	}
	return struct {
		Type        string       `json:"type"`
		Attachments []attachment `json:"attachments"`
	}{"message", []attachment{{"application/vnd.microsoft.card.adaptive", c}}}
}

// eventTypes of CloudEvents, by the kind of all events that one carries.
var eventTypes = map[Kind]string{
	FindingsAdded:     "dev.plimsoll.findings.added",
	VerdictChanged:    "dev.plimsoll.verdict.changed",
	UpdateAvailable:   "dev.plimsoll.update.available",
	PullRequestOpened: "dev.plimsoll.pullrequest.opened",
	PullRequestMerged: "dev.plimsoll.pullrequest.merged",
	DatabaseStale:     "dev.plimsoll.database.stale",
}

// sendCloudEvent uses the binary mode: the attributes are headers, and the body is the message.
func (s Sender) sendCloudEvent(ctx context.Context, address string, m Message) error {
	const action = "send the CloudEvent"
	e := event.New()
	e.SetID(m.Key)
	e.SetSource((&url.URL{Path: "plimsoll/" + m.Cluster}).String())
	e.SetType("dev.plimsoll.changes")
	if len(m.Events) > 0 && eventTypes[m.Events[0].Kind] != "" {
		e.SetType(eventTypes[m.Events[0].Kind])
		e.SetTime(m.Events[0].Time)
	}
	if err := e.SetData(event.ApplicationJSON, m); err != nil {
		return delivery.Refused(fmt.Errorf("%s: encode the message: %w", action, err))
	}
	request := &http.Request{Header: http.Header{}}
	if err := cehttp.WriteRequest(ctx, binding.ToMessage(&e), request); err != nil {
		return delivery.Refused(fmt.Errorf("%s: encode the attributes: %w", action, err))
	}
	request.Header.Set(delivery.KeyHeader, m.Key)
	_, err := delivery.Send(ctx, s.HTTP, delivery.Request{Action: action, URL: address, Header: request.Header, Body: e.Data()})
	return err
}
