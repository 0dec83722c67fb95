package notify

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

var update = flag.Bool("update", false, "write the golden files")

// hostile has in every text what would be markup somewhere.
const hostile = "x<!channel>&[a](http://b)<at>all</at>"

func batch() Batch {
	events := append([]Event{}, samples...)
	for i := range events {
		events[i].Key, events[i].Time = string(rune('a'+i)), start
	}
	events[0].MoreNamespaces = 3
	events[0].Added = &Counts{Critical: 3, Medium: 4}
	events = append(events, Event{
		Kind: FindingsAdded, Key: "z", Time: start, Image: hostile, Namespaces: []string{hostile}, Added: &Counts{High: 1},
		Findings: []Finding{{ID: hostile, Package: hostile, Severity: v1alpha1.SeverityHigh}},
	})
	return Batch{Key: "batch-1", Events: events, More: 7}
}

func TestMessages(t *testing.T) {
	for _, kind := range []v1alpha1.NotificationType{
		v1alpha1.NotificationSlack, v1alpha1.NotificationTeams, v1alpha1.NotificationCloudEvents, v1alpha1.NotificationWebhook,
	} {
		m, err := NewMessage(v1alpha1.Notification{Name: "n", Type: kind}, "ImagePolicy shop/p", "prod", batch())
		if err != nil {
			t.Fatal(err)
		}
		golden(t, string(kind)+".txt", m.Text+"\n")
		if kind == v1alpha1.NotificationSlack && strings.Contains(m.Text, "<") {
			t.Errorf("Slack would read markup: %s", m.Text)
		}
		if kind != v1alpha1.NotificationWebhook {
			continue
		}
		encoded, err := json.MarshalIndent(m, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "message.json", string(encoded)+"\n")
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestTemplates(t *testing.T) {
	for name, tc := range map[string]struct{ template, want, refused string }{
		"text":                     {template: "{{.Cluster}}: {{len .Events}} and {{.More}}", want: "prod: 7 and 7"},
		"over events":              {template: `{{range .Events}}{{if eq .Kind "VerdictChanged"}}{{.From}}-{{.To}} {{join .Rules ","}}{{end}}{{end}}`, want: "Pass-Fail r"},
		"over findings":            {template: `{{range $i, $e := .Events}}{{range $e.Findings}}{{upper .ID}};{{else}}{{end}}{{end}}`, want: "CVE-2026-1;X&LT;!CHANNEL&GT;&AMP;[A](HTTP://B)&LT;AT&GT;ALL&LT;/AT&GT;;"},
		"counts":                   {template: `{{range .Events}}{{with .Added}}{{.Critical}}/{{.Total}} {{end}}{{end}}`, want: "3/7 0/1"},
		"time":                     {template: `{{with index .Events 0}}{{.Time.Format "2006"}}{{end}}`, want: "2026"},
		"too long":                 {template: `{{range .Events}}` + strings.Repeat("0123456789", 300) + `{{end}}`, want: strings.Repeat("0123456789", 819) + "01…"},
		"no template":              {template: "{{", refused: "unclosed action"},
		"empty":                    {template: "{{/* nothing */}}", refused: "says nothing"},
		"a missing field":          {template: "{{.Nothing}}", refused: "Nothing"},
		"a field of one kind":      {template: "{{range .Events}}{{.Added.Critical}}{{end}}", refused: "nil pointer"},
		"another function":         {template: `{{printf "%999999d" 1}}`, refused: "printf is not allowed"},
		"in a pipe":                {template: `{{.More | printf "%d"}}`, refused: "printf is not allowed"},
		"in parentheses":           {template: `{{len (html .Cluster)}}`, refused: "html is not allowed"},
		"in a chain":               {template: `{{(call .More).X}}`, refused: "call is not allowed"},
		"in a condition":           {template: `{{if js .Cluster}}{{end}}`, refused: "js is not allowed"},
		"a function that is none":  {template: `{{env "HOME"}}`, refused: "not defined"},
		"events within events":     {template: `{{range .Events}}{{range $.Events}}{{end}}{{end}}`, refused: "range goes over"},
		"over a number":            {template: `{{range 1000000000}}{{end}}`, refused: "range goes over"},
		"over a number of ours":    {template: `{{range .More}}{{end}}`, refused: "range goes over"},
		"over a variable":          {template: `{{$e := .Events}}{{range $e}}{{end}}`, refused: "range goes over"},
		"three deep":               {template: `{{range .Events}}{{range .Findings}}{{range .Rules}}{{end}}{{end}}{{end}}`, refused: "range goes over"},
		"hidden in else":           {template: `{{if .More}}{{else}}{{range .More}}{{end}}{{end}}`, refused: "range goes over"},
		"hidden in with":           {template: `{{range .Events}}{{with $}}{{range .Events}}{{end}}{{end}}{{end}}`, refused: "range goes over"},
		"a definition":             {template: `{{define "x"}}{{template "x"}}{{end}}x`, refused: "define no others"},
		"itself":                   {template: `{{template "message" .}}`, refused: "not allowed"},
		"a text that doubles":      {template: `{{range .Events}}{{$x := join .Namespaces (join .Namespaces "x")}}{{end}}ok`, want: "ok"},
		"an index that is too far": {template: `{{index .Events 99}}`, refused: "out of range"},
	} {
		t.Run(name, func(t *testing.T) {
			n := v1alpha1.Notification{Name: "n", Type: v1alpha1.NotificationSlack, Template: tc.template}
			m, err := NewMessage(n, "ImagePolicy shop/p", "prod", batch())
			if tc.refused != "" {
				for _, err := range []error{err, Check(n)} {
					if !errors.Is(err, ErrTemplate) || !strings.Contains(err.Error(), tc.refused) {
						t.Errorf("error %v, want %s", err, tc.refused)
					}
				}
				return
			}
			if err != nil || m.Text != tc.want {
				t.Errorf("got %q, %v", m.Text, err)
			}
			if err := Check(n); err != nil {
				t.Errorf("check: %v", err)
			}
		})
	}
	if err := Check(v1alpha1.Notification{}); err != nil {
		t.Errorf("the default: %v", err)
	}
}

// TestJoinIsBounded nests what multiplies.
func TestJoinIsBounded(t *testing.T) {
	nested := `"0123456789"`
	for range 60 {
		nested = "(join .Namespaces " + nested + ")"
	}
	b := batch()
	b.Events[0].Namespaces = []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	n := v1alpha1.Notification{Type: v1alpha1.NotificationSlack, Template: `{{with index .Events 0}}{{$x := ` + nested + `}}{{end}}ok`}
	if _, err := NewMessage(n, "p", "c", b); !errors.Is(err, ErrTemplate) || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("error %v", err)
	}
}

func TestALongBatchIsCut(t *testing.T) {
	b := Batch{Key: "k"}
	for range maxPending {
		b.Events = append(b.Events, Event{Kind: VerdictChanged, Image: strings.Repeat("i", maxText), From: "Pass", To: "Fail"}.fit())
	}
	for kind := range defaultTemplates {
		m, err := NewMessage(v1alpha1.Notification{Type: kind}, "p", "c", b)
		if err != nil || len(m.Text) > maxMessage+len("…") || len(m.Events) != maxPending {
			t.Errorf("%s: %d bytes, %d events, %v", kind, len(m.Text), len(m.Events), err)
		}
	}
}

func FuzzRender(f *testing.F) {
	f.Add("{{range .Events}}{{.Text}}{{end}}")
	f.Add(`{{with index .Events 0}}{{join .Namespaces (join .Rules "x")}}{{end}}`)
	f.Add(`{{if and .More (gt .More 2)}}{{.Cluster | lower}}{{else}}{{break}}{{end}}`)
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4096 {
			return
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			m, err := NewMessage(v1alpha1.Notification{Type: v1alpha1.NotificationSlack, Template: text}, "p", "c", batch())
			if err == nil && len(m.Text) > maxMessage+len("…") {
				t.Errorf("%d bytes", len(m.Text))
			}
		}()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Error("the template does not end")
		}
	})
}
