package rebuild

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

func TestPermitted(t *testing.T) {
	const server = "https://ci.example.com"
	for name, tc := range map[string]struct {
		secret, trigger string
		want            bool
	}{
		"itself":                        {server + "/job/api", server + "/job/api", true},
		"itself, with a line feed":      {server + "/job/api\n", server + "/job/api", true},
		"itself, with a slash":          {server + "/job/api/", server + "/job/api", true},
		"below":                         {server + "/job", server + "/job/api", true},
		"the whole server":              {server, server + "/job/api?x=1", true},
		"the server in capitals":        {"https://CI.example.com", server + "/job", true},
		"the server itself":             {server + "/", server, true},
		"no url":                        {"", server, false},
		"no URL":                        {"ci.example.com", server, false},
		"another server":                {server, "https://attacker.example.com/job/api", false},
		"a longer name":                 {server, server + ".attacker.example.com/job", false},
		"a user that looks like it":     {server, server + "@attacker.example.com/job", false},
		"another port":                  {server, server + ":8443/job", false},
		"without TLS":                   {server, "http://ci.example.com/job", false},
		"above":                         {server + "/job/api", server + "/job", false},
		"another path that begins so":   {server + "/job/api", server + "/job/api-2", false},
		"one that goes up":              {server + "/job/api", server + "/job/api/../other", false},
		"one that goes up, escaped":     {server + "/job/api", server + "/job/api/%2e%2E/other", false},
		"one that goes up by a slash":   {server + "/job/api", server + `/job/api/..\team`, false},
		"one that goes up, with matrix": {server + "/job/api", server + "/job/api/..;x=1/other", false},
		"an escaped slash":              {server + "/api/v4/projects/group", server + "/api/v4/projects/group%2Fother", false},
		"the same query":                {server + "/invoke?job=a", server + "/invoke?job=a", true},
		"another query":                 {server + "/invoke?job=a", server + "/invoke?job=b", false},
	} {
		t.Run(name, func(t *testing.T) {
			r := request(v1alpha1.RebuildWebhook, tc.trigger)
			r.Secret[secretURL] = []byte(tc.secret)
			err := r.permitted()
			if (err == nil) != tc.want || err != nil && !errors.Is(err, errSecret) {
				t.Fatalf("got %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "example.com") {
				t.Errorf("the Secret's content shows: %v", err)
			}
		})
	}
}

// TestSecretsStayAtHome: a Secret that does not name the trigger's URL is sent there in no form.
func TestSecretsStayAtHome(t *testing.T) {
	requests := 0
	attacker := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests++ }))
	defer attacker.Close()
	for kind, path := range everyKind {
		for name, at := range map[string]string{"elsewhere": "https://github.com", "nowhere": ""} {
			t.Run(string(kind)+" "+name, func(t *testing.T) {
				r := request(kind, attacker.URL+path)
				r.Secret[secretURL] = []byte(at)
				_, err := Send(t.Context(), attacker.Client(), r)
				var known *Error
				if !errors.As(err, &known) || known.Reason != v1alpha1.ReasonTriggerSecretInvalid || !known.Final || requests != 0 {
					t.Fatalf("%d requests, got %+v", requests, err)
				}
				checkSecrets(t, err)
			})
		}
	}
	open := request(v1alpha1.RebuildWebhook, attacker.URL)
	open.Trigger.SecretRef, open.Secret = nil, nil
	if _, err := Send(t.Context(), attacker.Client(), open); err != nil || requests != 1 {
		t.Errorf("without a Secret: %d requests, %v", requests, err)
	}
}
