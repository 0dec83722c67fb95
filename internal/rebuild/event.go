package rebuild

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/delivery"
)

const (
	// EventType is the type of the CloudEvent that asks for a rebuild.
	EventType = "dev.plimsoll.rebuild.requested"
	// SignatureHeader carries sha256= and the hexadecimal HMAC of the body, as GitHub signs its webhooks and
	// Tekton's interceptors check them.
	SignatureHeader = "X-Hub-Signature-256"
)

// eventData is the data of the CloudEvent, and the payload of a repository_dispatch event.
type eventData struct {
	Image          string            `json:"image"`
	Digest         string            `json:"digest"`
	Base           string            `json:"base"`
	BaseDigest     string            `json:"baseDigest"`
	IdempotencyKey string            `json:"idempotencyKey"`
	Parameters     map[string]string `json:"parameters,omitempty"`
}

// sendEvent posts a CloudEvent in the structured mode, so that a signature of the body covers all of it.
func sendEvent(ctx context.Context, client *http.Client, r Request) (Result, error) {
	body, err := r.event()
	if err != nil {
		return Result{}, err
	}
	header := r.header(event.ApplicationCloudEventsJSON)
	var secrets []string
	if token := r.token(secretToken); token != "" {
		header.Set("Authorization", "Bearer "+token)
		secrets = append(secrets, token)
	}
	if key := r.Secret[secretHMACKey]; len(key) > 0 {
		header.Set(SignatureHeader, sign(key, body))
		secrets = append(secrets, string(key))
	}
	action := "post the rebuild to the webhook"
	if r.Trigger.Type == v1alpha1.RebuildTekton {
		action = "post the rebuild to Tekton's event listener"
	}
	_, err = delivery.Send(ctx, client, delivery.Request{Action: action, URL: r.Trigger.URL, Header: header, Body: body, Secrets: secrets})
	return Result{}, err
}

func (r Request) data() (eventData, error) {
	parameters, err := r.parameters()
	return eventData{
		Image: r.Image, Digest: r.Digest, Base: r.Base, BaseDigest: r.BaseDigest, IdempotencyKey: r.Key, Parameters: parameters,
	}, err
}

func (r Request) event() ([]byte, error) {
	data, err := r.data()
	if err != nil {
		return nil, err
	}
	e := event.New()
	e.SetID(r.Key)
	e.SetType(EventType)
	e.SetSource((&url.URL{Path: "plimsoll/" + r.Cluster}).String())
	e.SetSubject(r.Image)
	if err := e.SetData(event.ApplicationJSON, data); err != nil {
		return nil, delivery.Refused(fmt.Errorf("make the event of a rebuild: %w", err))
	}
	body, err := json.Marshal(e)
	if err != nil {
		return nil, delivery.Refused(fmt.Errorf("encode the event of a rebuild: %w", err))
	}
	return body, nil
}

// sign returns the value of SignatureHeader. The key is taken as it is, spaces and line feeds too.
func sign(key, body []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}
