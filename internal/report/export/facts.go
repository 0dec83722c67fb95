package export

import (
	"time"
)

// ImageFacts are what the image's configuration and files say beside packages.
type ImageFacts struct {
	CreatedTime  *time.Time        `json:"createdTime,omitempty"`
	User         string            `json:"user,omitempty"`
	Entrypoint   []string          `json:"entrypoint,omitempty"`
	Cmd          []string          `json:"cmd,omitempty"`
	ExposedPorts []string          `json:"exposedPorts,omitempty"`
	Labels       map[string]string `json:"labels,omitempty"`
	// SecretEnv are names of variables that look like secrets, never their values.
	SecretEnv []string  `json:"secretEnv,omitempty"`
	Setuid    []string  `json:"setuid,omitempty"`
	Programs  []Program `json:"programs,omitempty"`
}

// Program that makes an image's attack surface larger.
type Program struct {
	Path string `json:"path"`
	Kind string `json:"kind"`
}

// factsOf an image; nil for what has no configuration.
func factsOf(in Input) *ImageFacts {
	if in.Artifact.ConfigDigest == "" {
		return nil
	}
	c := in.Content.Config
	facts := &ImageFacts{
		User: c.User, Entrypoint: c.Entrypoint, Cmd: c.Cmd, ExposedPorts: c.ExposedPorts, Labels: c.Labels,
		SecretEnv: c.SecretEnv, Setuid: in.Content.Setuid,
	}
	if !c.Created.IsZero() {
		facts.CreatedTime = &c.Created
	}
	for _, p := range in.Content.Programs {
		facts.Programs = append(facts.Programs, Program{Path: p.Path, Kind: string(p.Kind)})
	}
	return facts
}
