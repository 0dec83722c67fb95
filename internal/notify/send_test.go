package notify

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/delivery"
)

const secretPath = "T0000AAAA/B0000BBBB/cccccccccccccccccccccccc"

var everyType = []v1alpha1.NotificationType{
	v1alpha1.NotificationSlack, v1alpha1.NotificationTeams, v1alpha1.NotificationCloudEvents, v1alpha1.NotificationWebhook,
}

func message(t *testing.T, kind v1alpha1.NotificationType) Message {
	t.Helper()
	m, err := NewMessage(v1alpha1.Notification{Name: "n", Type: kind}, "ImagePolicy shop/p", "prod eu", batch())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// to sends every connection to one server, whatever its address, as a guard in front of the network would.
func to(server *httptest.Server, hosts *[]string) *http.Client {
	return &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		*hosts = append(*hosts, r.URL.Scheme+"://"+r.URL.Host)
		r = r.Clone(r.Context())
		r.URL.Scheme, r.URL.Host = "http", server.Listener.Addr().String()
		return http.DefaultTransport.RoundTrip(r)
	})}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestSend(t *testing.T) {
	var request *http.Request
	var body []byte
	answer := "ok"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request = r
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			t.Error(err)
		}
		w.Write([]byte(answer))
	}))
	defer server.Close()
	slackText := func(t *testing.T, m Message) {
		var payload struct{ Text string }
		if err := json.Unmarshal(body, &payload); err != nil || payload.Text != m.Text {
			t.Errorf("%v: %q", err, payload.Text)
		}
	}
	for name, tc := range map[string]struct {
		kind                v1alpha1.NotificationType
		address, host, path string
		check               func(t *testing.T, m Message)
	}{
		"Slack webhook": {v1alpha1.NotificationSlack, "https://hooks.slack.com/services/" + secretPath + "\n", "https://hooks.slack.com", "/services/" + secretPath, slackText},
		"Slack of shoutrrr": {v1alpha1.NotificationSlack, "slack://hook:T0000AAAA-B0000BBBB-cccccccccccccccccccccccc@webhook", "https://hooks.slack.com",
			"/services/" + secretPath, slackText},
		"Teams workflow": {v1alpha1.NotificationTeams, "https://prod-1.westeurope.logic.azure.com/workflows/" + secretPath + "?sig=s3cr3t-sig", "https://prod-1.westeurope.logic.azure.com",
			"/workflows/" + secretPath, func(t *testing.T, m Message) {
				var card struct {
					Type        string
					Attachments []struct {
						ContentType string
						Content     struct {
							Type string
							Body []struct{ Type, Text string }
						}
					}
				}
				if err := json.Unmarshal(body, &card); err != nil || card.Type != "message" || len(card.Attachments) != 1 {
					t.Fatalf("%v: %s", err, body)
				}
				a := card.Attachments[0]
				if a.ContentType != "application/vnd.microsoft.card.adaptive" || a.Content.Type != "AdaptiveCard" || len(a.Content.Body) != strings.Count(m.Text, "\n")+1 {
					t.Errorf("%s", body)
				}
			}},
		"webhook": {v1alpha1.NotificationWebhook, "https://example.com/hook", "https://example.com", "/hook", func(t *testing.T, m Message) {
			var got Message
			if err := json.Unmarshal(body, &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(m, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var hosts []string
			m := message(t, tc.kind)
			if err := (Sender{HTTP: to(server, &hosts)}).Send(t.Context(), tc.kind, tc.address, m); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{tc.host}, hosts); diff != "" || request.URL.Path != tc.path || request.Method != http.MethodPost {
				t.Errorf("%s %s %s", request.Method, hosts, request.URL.Path)
			}
			if request.Header.Get("Idempotency-Key") != "batch-1" || request.Header.Get("Content-Type") != "application/json" {
				t.Errorf("headers %v", request.Header)
			}
			tc.check(t, m)
		})
	}
	t.Run("Slack API", func(t *testing.T) {
		const address = "slack://xoxb:123456789012-123456789012-cccccccccccccccccccccccc@C0123"
		for text, final := range map[string]bool{
			`{"ok":true}`: false, `{"ok":false,"error":"msg_too_long"}`: true, `{"ok":false,"error":"ratelimited"}`: false, `<html>`: false,
			`{"ok":false,"error":"token_revoked"}`: false, `{"ok":false,"error":"channel_not_found"}`: false,
		} {
			answer = text
			var hosts []string
			err := (Sender{HTTP: to(server, &hosts)}).Send(t.Context(), v1alpha1.NotificationSlack, address, message(t, v1alpha1.NotificationSlack))
			if (err == nil) != (text == `{"ok":true}`) || err != nil && delivery.AsError(err).Final != final {
				t.Errorf("%s: %v", text, err)
			}
			if request.Header.Get("Authorization") != "Bearer xoxb-123456789012-123456789012-cccccccccccccccccccccccc" || hosts[0] != "https://slack.com" || !strings.Contains(string(body), `"channel":"C0123"`) {
				t.Errorf("%v %v %s", hosts, request.Header, body)
			}
		}
	})
}

func TestSendCloudEvent(t *testing.T) {
	var got *event.Event
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var err error
		if got, err = cehttp.NewEventFromHTTPRequest(r); err != nil {
			t.Error(err)
		}
		if r.Header.Get("Ce-Id") == "" || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Idempotency-Key") != r.Header.Get("Ce-Id") {
			t.Errorf("not the binary mode: %v", r.Header)
		}
		w.WriteHeader(http.StatusAccepted)
	}))
	defer server.Close()
	for kind, wanted := range eventTypes {
		m := Message{Policy: "ImagePolicy shop/p", Cluster: "prod eu", Key: "k-1", Text: "text", Events: []Event{{Kind: kind, Key: "e", Time: start}}}
		if err := (Sender{HTTP: server.Client()}).Send(t.Context(), v1alpha1.NotificationCloudEvents, server.URL+"/"+secretPath, m); err != nil {
			t.Fatal(err)
		}
		var data Message
		if err := errors.Join(got.Validate(), got.DataAs(&data)); err != nil {
			t.Fatal(err)
		}
		if got.Type() != wanted || got.ID() != "k-1" || got.Source() != "plimsoll/prod%20eu" || !got.Time().Equal(start) {
			t.Errorf("event %s", got)
		}
		if diff := cmp.Diff(m, data); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// TestFaults: whatever a receiver does, no type takes it for success, sends twice, or tells the address.
func TestFaults(t *testing.T) {
	hang := make(chan struct{})
	defer close(hang)
	atEnd := t.Cleanup
	for name, tc := range map[string]struct {
		handler http.HandlerFunc
		final   bool
		retry   time.Duration
	}{
		"too many": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "30")
			http.Error(w, "slow down, "+r.URL.String(), http.StatusTooManyRequests)
		}, false, 30 * time.Second},
		"broken": {func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, "at "+r.RequestURI, http.StatusInternalServerError)
		}, false, 0},
		"gone":      {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no_service", http.StatusNotFound) }, true, 0},
		"forbidden": {func(w http.ResponseWriter, r *http.Request) { http.Error(w, secretPath, http.StatusForbidden) }, true, 0},
		"hanging":   {func(http.ResponseWriter, *http.Request) { <-hang }, false, 0},
		"cut off":   {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, false, 0},
	} {
		for _, kind := range everyType {
			t.Run(name+" "+string(kind), func(t *testing.T) {
				var requests atomic.Int32
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					requests.Add(1)
					tc.handler(w, r)
				}))
				atEnd(server.Close)
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				if name == "hanging" {
					ctx, cancel = context.WithTimeout(t.Context(), 30*time.Millisecond)
				}
				defer cancel()
				err := (Sender{HTTP: server.Client()}).Send(ctx, kind, server.URL+"/services/"+secretPath, message(t, kind))
				checkFault(t, err, tc.final, tc.retry)
				if n := requests.Load(); n != 1 && (name != "hanging" || n > 1) {
					t.Errorf("%d requests", n)
				}
			})
		}
	}
}

func TestAddressesThatCannotBeUsed(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	for _, kind := range everyType {
		checkFault(t, (Sender{HTTP: http.DefaultClient}).Send(t.Context(), kind, "http://"+listener.Addr().String()+"/"+secretPath, message(t, kind)), false, 0)
		for _, address := range []string{"", secretPath, "ftp://example.com/" + secretPath, "slack://none", "slack://dummy@dummy.com", "slack://xoxb:" + secretPath + "@c?color=%zz", "https://%zz/" + secretPath} {
			checkFault(t, (Sender{HTTP: http.DefaultClient}).Send(t.Context(), kind, address, message(t, kind)), true, 0)
		}
		checkFault(t, (Sender{}).Send(t.Context(), kind, "https://example.com/"+secretPath, message(t, kind)), true, 0)
	}
	checkFault(t, (Sender{HTTP: http.DefaultClient}).Send(t.Context(), "Fax", "https://example.com/"+secretPath, Message{}), true, 0)
}

func checkFault(t *testing.T, err error, final bool, retry time.Duration) {
	t.Helper()
	var known *delivery.Error
	if !errors.As(err, &known) || known.Final != final || known.RetryAfter != retry {
		t.Fatalf("got %#v %v", known, err)
	}
	for _, part := range append(strings.Split(secretPath, "/"), "s3cr3t-sig", "example.com") {
		if strings.Contains(err.Error(), part) {
			t.Errorf("the address shows: %v", err)
		}
	}
}
