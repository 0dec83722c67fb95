package controllers

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/baseimage"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/registry"
)

// digestsByRepository is a registry whose repositories have digests. One that is not there does not answer.
type digestsByRepository struct {
	digests map[string][]image.Digest
	asked   int
}

func (d *digestsByRepository) Digest(_ context.Context, ref image.Reference, _ registry.Keychain) (image.Digest, error) {
	d.asked++
	digests, ok := d.digests[ref.Repository]
	switch {
	case !ok:
		return "", errors.New("no answer")
	case !slices.Contains(digests, ref.Digest):
		return "", &registry.Error{Reason: v1alpha1.ReasonImageNotFound, Err: errors.New("not found")}
	}
	return ref.Digest, nil
}

func TestBaseNames(t *testing.T) {
	world := &digestsByRepository{digests: map[string][]image.Digest{"docker.io/library/debian": {digest("a")}, "quay.io/evil/base": {digest("b")}}}
	now := start
	names := newBaseNames(world, func() time.Time { return now })
	said := func(repository, hex string) baseimage.Claim {
		return baseimage.Claim{Source: v1alpha1.BaseAnnotation, Name: image.Reference{Repository: repository, Tag: "12"}, Digest: digest(hex)}
	}
	honest, forged, unreachable := said("docker.io/library/debian", "a"), said("docker.io/library/debian", "b"), said("r.example.com/base", "a")
	for range 2 {
		if err := names.ask(t.Context(), []baseimage.Claim{honest, forged}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if !names.holds(honest) || names.holds(forged) {
		t.Errorf("honest %t, forged %t", names.holds(honest), names.holds(forged))
	}
	if world.asked != 2 {
		t.Errorf("asked %d times, want once for what is held, and once for what is not there", world.asked)
	}
	for range 2 {
		if err := names.ask(t.Context(), []baseimage.Claim{unreachable, honest}, nil); err == nil {
			t.Error("no answer is no error")
		}
	}
	if names.holds(unreachable) || world.asked != 3 {
		t.Errorf("asked %d times, want a host that is silent to be left alone", world.asked)
	}
	now = now.Add(silence)
	world.digests["r.example.com/base"] = []image.Digest{digest("a")}
	if err := names.ask(t.Context(), []baseimage.Claim{unreachable}, nil); err != nil || !names.holds(unreachable) {
		t.Errorf("asked again: %v", err)
	}
	// What was not there may have come.
	now = now.Add(absence)
	world.digests["docker.io/library/debian"] = append(world.digests["docker.io/library/debian"], digest("b"))
	if err := names.ask(t.Context(), []baseimage.Claim{forged}, nil); err != nil || !names.holds(forged) {
		t.Errorf("asked for what was not there: %v", err)
	}
}
