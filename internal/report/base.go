package report

import (
	"slices"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

// baseLayers of an image, by diff ID. nil: they are not known.
type baseLayers map[string]bool

func layersOf(in Input) baseLayers {
	if in.Base == nil || len(in.BaseLayers) == 0 {
		return nil
	}
	set := make(baseLayers, len(in.BaseLayers))
	for _, layer := range in.BaseLayers {
		set[layer] = true
	}
	return set
}

// origin of a finding. Empty where its layer or the base's are not known.
func (b baseLayers) origin(f finding) v1alpha1.LayerOrigin {
	switch {
	case b == nil || f.Layer == "":
		return ""
	case b[f.Layer]:
		return v1alpha1.LayerBase
	}
	return v1alpha1.LayerApp
}

// baseImage says what the base brings along, if its layers are known.
func baseImage(in Input, findings []finding, layers baseLayers) *v1alpha1.BaseImage {
	if in.Base == nil || in.Base.Name == "" {
		return nil
	}
	base := &v1alpha1.BaseImage{Name: clip(in.Base.Name, maxText), Digest: in.Base.Digest, Source: in.Base.Source}
	if layers != nil {
		summary := summarize(slices.DeleteFunc(slices.Clone(findings), func(f finding) bool {
			return layers.origin(f) != v1alpha1.LayerBase
		}))
		base.Summary = &summary
	}
	return base
}

// updateSummary leaves out a URL that is too long: cut short it would lead elsewhere.
func updateSummary(update *v1alpha1.UpdateSummary) *v1alpha1.UpdateSummary {
	if update == nil {
		return nil
	}
	bounded := *update
	bounded.Candidate = clip(update.Candidate, maxText)
	if bounded.URL = clip(update.URL, maxText); bounded.URL != update.URL {
		bounded.URL = ""
	}
	return &bounded
}

// actionable says whose move it is:
//
//   - None: there is nothing to mend.
//   - Update: the base has a newer version that fixes something, and a file has to name it.
//   - Rebuild: no file has to change. The base's tag leads to a better build, the
//     file names the newer version already, or a finding has a fix that a rebuild
//     may take in.
//   - Upstream: nothing has a fix, or only what the base brings along has, and
//     no version of the base has that fix yet.
func actionable(in Input, findings []finding, layers baseLayers) v1alpha1.Actionable {
	fixable := slices.DeleteFunc(slices.Clone(findings), func(f finding) bool { return !f.Fixable() })
	switch {
	case len(findings) == 0:
		return v1alpha1.ActionableNone
	case offered(in.Update) && in.UpdateStep == v1alpha1.StepRefresh, merged(in.Update):
		return v1alpha1.ActionableRebuild
	case offered(in.Update):
		return v1alpha1.ActionableUpdate
	case in.Update != nil && !slices.ContainsFunc(fixable, func(f finding) bool { return layers.origin(f) != v1alpha1.LayerBase }):
		return v1alpha1.ActionableUpstream
	case len(fixable) > 0:
		return v1alpha1.ActionableRebuild
	}
	return v1alpha1.ActionableUpstream
}

// offered says whether there is an update that waits for somebody.
func offered(u *v1alpha1.UpdateSummary) bool {
	return u != nil && u.Fixes > 0 && slices.Contains([]v1alpha1.UpdatePhase{
		v1alpha1.UpdateAvailable, v1alpha1.UpdateDryRun, v1alpha1.UpdateProposed,
	}, u.State)
}

// merged says whether the file names the newer version, which the image does not have yet.
func merged(u *v1alpha1.UpdateSummary) bool {
	return u != nil && u.State == v1alpha1.UpdateMerged
}
