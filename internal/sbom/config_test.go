package sbom

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
)

const fullConfig = `{
	"architecture": "arm64", "os": "linux", "variant": "v8", "created": "2024-05-01T12:00:00+02:00",
	"config": {
		"User": "1000:1000", "Entrypoint": ["/bin/app"], "Cmd": ["--help"], "Env": ["PATH=/bin", "DB_PASSWORD=hunter2"],
		"ExposedPorts": {"8080/tcp": {}, "53/udp": {}}, "Labels": {"org.opencontainers.image.source": "https://example.com/app"}
	},
	"rootfs": {"type": "layers", "diff_ids": [
		"sha256:0000000000000000000000000000000000000000000000000000000000000001",
		"sha256:0000000000000000000000000000000000000000000000000000000000000002"]},
	"history": [{"created_by": "RUN true"}]
}`

func TestParseConfig(t *testing.T) {
	got, err := ParseConfig([]byte(fullConfig))
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Platform:     image.Platform{OS: "linux", Architecture: "arm64", Variant: "v8"},
		Created:      time.Date(2024, 5, 1, 10, 0, 0, 0, time.UTC),
		User:         "1000:1000",
		Entrypoint:   []string{"/bin/app"},
		Cmd:          []string{"--help"},
		ExposedPorts: []string{"53/udp", "8080/tcp"},
		Labels:       map[string]string{"org.opencontainers.image.source": "https://example.com/app"},
		SecretEnv:    []string{"DB_PASSWORD"},
		DiffIDs:      []image.Digest{diffID(1), diffID(2)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
	if got, err := ParseConfig([]byte(`{"created": null, "rootfs": {"type": "layers", "diff_ids": []}}`)); err != nil || len(got.DiffIDs) > 0 {
		t.Errorf("image from scratch: %+v, %v", got, err)
	}
}

func TestParseConfigRefuses(t *testing.T) {
	layers := strings.Repeat(`"`+diffID(1).String()+`",`, maxConfigLayers) + `"` + diffID(1).String() + `"`
	tests := map[string]struct{ raw, reason string }{
		"nothing":        {"", v1alpha1.ReasonNotAnImage},
		"a chart":        {`{"name": "app", "version": "1.0.0", "apiVersion": "v2"}`, v1alpha1.ReasonNotAnImage},
		"an empty":       {`{}`, v1alpha1.ReasonNotAnImage},
		"a list":         {`[]`, v1alpha1.ReasonNotAnImage},
		"bad layer":      {`{"rootfs": {"type": "layers", "diff_ids": ["sha256:../../etc/passwd"]}}`, v1alpha1.ReasonNotAnImage},
		"another digest": {`{"rootfs": {"type": "layers", "diff_ids": ["md5:d41d8cd98f00b204e9800998ecf8427e"]}}`, v1alpha1.ReasonNotAnImage},
		"large":          {strings.Repeat(" ", maxConfigBytes) + "{}", v1alpha1.ReasonLimitExceeded},
		"many layers":    {`{"rootfs": {"type": "layers", "diff_ids": [` + layers + `]}}`, v1alpha1.ReasonLimitExceeded},
	}
	for name, test := range tests {
		_, err := ParseConfig([]byte(test.raw))
		wantReason(t, name, err, test.reason)
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(fullConfig))
	f.Add([]byte(`{"rootfs": {"type": "layers", "diff_ids": null}}`))
	f.Add([]byte(`{"name": "chart"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		config, err := ParseConfig(raw)
		if err != nil {
			var own *Error
			if !errors.As(err, &own) || own.Reason == "" {
				t.Fatalf("error without a reason: %v", err)
			}
			return
		}
		if _, err := json.Marshal(config); err != nil {
			t.Fatalf("encode config: %v", err)
		}
		for _, id := range config.DiffIDs {
			if _, err := image.ParseDigest(string(id)); err != nil {
				t.Fatal(err)
			}
		}
	})
}
