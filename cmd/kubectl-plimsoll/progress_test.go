package main

import "testing"

func TestProgressText(t *testing.T) {
	for want, s := range map[string]progressState{
		"1.5 MiB fetched":                {bytes: 3 << 19},
		"Layer 2 of 7":                   {layer: 2, ofLayers: 7},
		"Layer 2 of 7, 10.0 MiB fetched": {bytes: 10 << 20, layer: 2, ofLayers: 7},
	} {
		if got := s.String(); got != want {
			t.Errorf("%+v is told as %q, want %q", s, got, want)
		}
	}
}
