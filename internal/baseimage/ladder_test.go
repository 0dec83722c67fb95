package baseimage

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func parse(t *testing.T, repository, tag string) Tag {
	t.Helper()
	parsed, ok := ParseTag(repository, tag)
	if !ok {
		t.Fatalf("%q is no tag", tag)
	}
	return parsed
}

func TestCandidates(t *testing.T) {
	tests := map[string]struct {
		repository, current, tags string
		majors                    bool
		want                      string
	}{
		"the ladder": {
			current: "1.2.3-alpine3.19", majors: true,
			tags: "2.0.0-alpine3.20 2.0.0-alpine3.19 1.3.0-alpine3.20 1.2.4-alpine3.20 1.2.3-alpine3.20 1.3.0-alpine3.19 1.2.4-alpine3.19 1.2.3-alpine3.19",
			want: "1.2.3-alpine3.19 1.2.4-alpine3.19 1.3.0-alpine3.19 1.2.3-alpine3.20 1.2.4-alpine3.20 1.3.0-alpine3.20 2.0.0-alpine3.19 2.0.0-alpine3.20",
		},
		"no major unless asked for":         {current: "1.2.3", tags: "2.0.0 1.2.3", want: "1.2.3"},
		"newest of a step first":            {current: "1.2.3", tags: "1.2.4 1.2.10 1.2.9", want: "1.2.10 1.2.9 1.2.4"},
		"nothing older":                     {current: "1.2.3", tags: "1.2.2 1.1.9 0.9.0"},
		"the same precision":                {current: "1.2", tags: "1.2.4 1 1.3 1.3.0", want: "1.3"},
		"the same prefix":                   {current: "v1.2.3", tags: "1.2.4 v1.2.5 release-1.2.6", want: "v1.2.5"},
		"the same variant":                  {current: "1.2.3-slim", tags: "1.2.4 1.2.4-alpine 1.2.4-slim 1.2.4-slim-perl", want: "1.2.4-slim"},
		"a variant's order":                 {current: "1.2.3-slim-perl", tags: "1.2.4-perl-slim"},
		"a variant of the same family":      {current: "1.2-bookworm", tags: "1.2-trixie 1.2-noble 1.2-alpine3.20", want: "1.2-trixie"},
		"no older distribution":             {current: "1.2-bookworm", tags: "1.3-bullseye"},
		"one step of the variant at a time": {current: "1.2-alpine3.19-ubi8", tags: "1.2-alpine3.20-ubi9"},
		"a version in the variant stays":    {current: "3.9-eclipse-temurin-21-alpine", tags: "3.9.1-eclipse-temurin-21-alpine 3.10-eclipse-temurin-25-alpine"},
		"a distribution with a hyphen":      {current: "17-jdk-alpine-3.21", tags: "17-jdk-alpine-3.22 17-jdk-alpine", want: "17-jdk-alpine-3.22"},
		"no interim Ubuntu for a long term": {current: "17-jdk-jammy", tags: "17-jdk-noble 17-jdk-oracular", want: "17-jdk-noble"},
		"an interim Ubuntu goes on":         {current: "17-jdk-mantic", tags: "17-jdk-noble 17-jdk-oracular", want: "17-jdk-oracular 17-jdk-noble"},
		"no interim Ubuntu by its number":   {current: "1.2-ubuntu22.04", tags: "1.2-ubuntu24.10 1.2-ubuntu23.04 1.2-ubuntu24.04", want: "1.2-ubuntu24.04"},
		"an interim number goes on":         {current: "1.2-ubuntu24.10", tags: "1.2-ubuntu25.04 1.2-ubuntu26.04", want: "1.2-ubuntu26.04 1.2-ubuntu25.04"},
		"Ubuntu's years":                    {current: "1.2-ubuntu22", tags: "1.2-ubuntu23 1.2-ubuntu24 1.2-resolute", want: "1.2-ubuntu24"},
		"a name is no number":               {current: "1.2-trixie", tags: "1.2-debian12 1.2-debian13"},
		"no distribution that is to come":   {current: "3.14-trixie", tags: "3.14-forky 3.15-forky 3.14-sid"},
		"nor of a variant":                  {repository: "library/buildpack-deps", current: "trixie-scm", tags: "forky-scm trixie-scm", want: "trixie-scm"},
		"nor the one after that":            {current: "3.14-forky", tags: "3.14-duke 3.14.1-forky 3.15-forky", want: "3.15-forky"},
		"stable to no prerelease":           {current: "1.20.0", tags: "1.21rc2 1.21.0-rc.1 1.21.0beta1 1.21.0", want: "1.21.0"},
		"a prerelease in its release":       {current: "1.21rc2", tags: "1.21rc1 1.21rc3 1.21beta9 1.22rc1 1.21", want: "1.21 1.21rc3"},
		"stages":                            {current: "8.4.0alpha3", tags: "8.4.0beta1 8.4.0RC1 8.4.0alpha2", want: "8.4.0RC1 8.4.0beta1"},
		"a channel that is not released":    {current: "3.20", tags: "edge tip-3.21 3.21", want: "3.21"},
		"dates":                             {repository: "library/debian", current: "bookworm-20240101-slim", tags: "bookworm-20240612-slim bookworm-20240612 trixie-20240612-slim", want: "bookworm-20240612-slim"},
		"a day is no version":               {current: "3.20.1", tags: "20240612 20240612.1.1"},
		"calendar beats no version":         {current: "0.6.21", tags: "2021.12.16 0.6.22", want: "0.6.22"},
		"a calendar's release is a major":   {repository: "library/ubuntu", current: "22.04", tags: "22.10 24.04 22.04", want: "22.04"},
		"a minor version 10":                {repository: "library/postgres", current: "14.10", tags: "14.11 14.15 14.9 15.2", want: "14.15 14.11"},
		"up to a minor version 10":          {repository: "library/postgres", current: "14.9", tags: "14.10 14.8", want: "14.10"},
		"a minor version 10 of a variant":   {repository: "library/node", current: "20.10-alpine", tags: "20.19-alpine 20.19", want: "20.19-alpine"},
		"an interim Ubuntu is a major":      {repository: "ghcr.io/acme/ubuntu-base", current: "22.10", tags: "23.04 22.10", want: "22.10"},
		"before 1.0 a minor is a major":     {current: "0.12.1", tags: "0.13.0 0.12.2", want: "0.12.2"},
		"Java's builds":                     {current: "17.0.8_7-jre", tags: "17.0.9_9-jre 17.0.8_9-jre 21.0.1_12-jre 17.0.8.1_1-jre", want: "17.0.9_9-jre 17.0.8_9-jre"},
		"Java's updates":                    {current: "8u402-b06-jdk", tags: "8u412-b08-jdk 11-jdk", want: "8u412-b08-jdk"},
		"no version":                        {current: "latest", tags: "latest 1.2.3 stable", want: "latest"},
		"no version but a distribution":     {current: "alpine3.19", tags: "alpine3.20 alpine", want: "alpine3.20"},
		"a distribution's own code name":    {repository: "debian", current: "bookworm-slim", tags: "trixie-slim bookworm-slim", want: "bookworm-slim"},
		"a word is no version":              {current: "mainline-bookworm", tags: "mainline-trixie stable-trixie", want: "mainline-trixie"},
		"numbers as large as they come":     {current: "1.2.3", tags: "1.2.18446744073709551616"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var tags []Tag
			for _, tag := range strings.Fields(tc.tags) {
				if parsed, ok := ParseTag(tc.repository, tag); ok {
					tags = append(tags, parsed)
				}
			}
			var got []string
			for _, c := range Candidates(parse(t, tc.repository, tc.current), tags, tc.majors) {
				got = append(got, c.Tag.String())
			}
			if diff := cmp.Diff(tc.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("candidates (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMoving(t *testing.T) {
	for tag, want := range map[string]string{
		"3.20": "sid", "12-slim": "sid-slim", "trixie-scm": "sid-scm", "3.14-slim-trixie": "3.14-slim-sid", "v1.2-alpine3.20-x": "edge-alpine3.20-x",
	} {
		if moving := parse(t, "library/buildpack-deps", tag).Moving(); !slices.Contains(moving, want) {
			t.Errorf("%s: %s is not among %v", tag, want, moving)
		}
	}
}

func TestParseTagRefuses(t *testing.T) {
	for name, tag := range map[string]string{"nothing": "", "what is too long": strings.Repeat("a", maxTagBytes+1)} {
		if _, ok := ParseTag("", tag); ok {
			t.Errorf("%s is a tag", name)
		}
	}
}

// FuzzCandidates: whatever the tags are, a tag may move to itself, to nothing that may move back to it, and to no prerelease.
func FuzzCandidates(f *testing.F) {
	f.Add("1.2.3-alpine3.19", "1.2.4-alpine3.20")
	f.Add("8u402-b06-jdk", "8u412-b08-jdk")
	f.Add("bookworm-20240101-slim", "bookworm-20240612-slim")
	f.Fuzz(func(t *testing.T, from, to string) {
		a, ok := ParseTag("debian", from)
		b, also := ParseTag("debian", to)
		if !ok || !also {
			return
		}
		if got := Candidates(a, []Tag{a}, true); len(got) != 1 {
			t.Errorf("%q may not stay", from)
		}
		there, back := Candidates(a, []Tag{b}, true), Candidates(b, []Tag{a}, true)
		if from != to && len(there) > 0 && len(back) > 0 {
			t.Errorf("%q and %q may move to each other", from, to)
		}
		if len(there) > 0 && b.Prerelease() && !a.Prerelease() {
			t.Errorf("%q may move to the prerelease %q", from, to)
		}
	})
}
