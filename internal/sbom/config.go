package sbom

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	specs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
)

const (
	maxConfigBytes  = 8 * mib
	maxConfigLayers = 1000
)

// ParseConfig reads an OCI or Docker image configuration of at most 8 MiB and
// 1000 layers. Its *Error has reason NotAnImage or LimitExceeded.
func ParseConfig(raw []byte) (Config, error) {
	if len(raw) > maxConfigBytes {
		return Config{}, configError(v1alpha1.ReasonLimitExceeded, fmt.Errorf("more than %d bytes", maxConfigBytes))
	}
	var spec specs.Image
	if err := json.Unmarshal(raw, &spec); err != nil {
		return Config{}, configError(v1alpha1.ReasonNotAnImage, err)
	}
	if spec.RootFS.Type != "layers" {
		return Config{}, configError(v1alpha1.ReasonNotAnImage, errors.New("it has no layers"))
	}
	if n := len(spec.RootFS.DiffIDs); n > maxConfigLayers {
		return Config{}, configError(v1alpha1.ReasonLimitExceeded, fmt.Errorf("more than %d layers", maxConfigLayers))
	}
	config := Config{
		Platform:     image.Platform{OS: spec.OS, Architecture: spec.Architecture, Variant: spec.Variant},
		User:         spec.Config.User,
		Entrypoint:   spec.Config.Entrypoint,
		Cmd:          spec.Config.Cmd,
		ExposedPorts: slices.Sorted(maps.Keys(spec.Config.ExposedPorts)),
		Labels:       spec.Config.Labels,
		SecretEnv:    secretEnv(spec.Config.Env),
	}
	if spec.Created != nil {
		config.Created = spec.Created.UTC()
	}
	for _, id := range spec.RootFS.DiffIDs {
		digest, err := image.ParseDigest(id.String())
		if err != nil {
			return Config{}, configError(v1alpha1.ReasonNotAnImage, err)
		}
		config.DiffIDs = append(config.DiffIDs, digest)
	}
	return config, nil
}

func configError(reason string, err error) error {
	return &Error{Reason: reason, Err: fmt.Errorf("parse image configuration: %w", err)}
}
