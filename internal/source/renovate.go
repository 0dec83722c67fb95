package source

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/plimsoll-dev/plimsoll/internal/edit"
)

// renovateFiles are where Renovate looks for its configuration of a repository, in its order: it takes the first.
var renovateFiles = []string{
	"renovate.json", "renovate.json5", ".github/renovate.json", ".github/renovate.json5", ".gitlab/renovate.json", ".gitlab/renovate.json5",
	".renovaterc", ".renovaterc.json", ".renovaterc.json5",
}

// managed returns a refusal if Renovate's configuration at the commit says that Renovate updates the repository.
func managed(ctx context.Context, tree Tree, commit string) (*edit.Refusal, error) {
	listed, err := tree.Files(ctx, commit)
	if err != nil {
		return nil, fmt.Errorf("list files at %s: %w", commit, err)
	}
	for _, name := range renovateFiles {
		if !slices.ContainsFunc(listed, func(f File) bool { return f.Path == name && f.Size <= edit.MaxBytes }) {
			continue
		}
		content, err := tree.Read(ctx, commit, name)
		if err != nil {
			return nil, fmt.Errorf("read %.300q at %s: %w", name, commit, err)
		}
		if !renovates(content) {
			break
		}
		const message = "Renovate updates this repository, unless the policy maps the image to it"
		return &edit.Refusal{Reason: edit.ReasonManagedByOther, Path: name, Message: message}, nil
	}
	return nil, nil
}

// renovates says whether a configuration leaves Renovate on. One that is JSON5 is not read, and on by default.
func renovates(content []byte) bool {
	configuration := struct{ Enabled *bool }{}
	err := json.Unmarshal(content, &configuration)
	return err != nil || configuration.Enabled == nil || *configuration.Enabled
}
