package gitlab

import (
	"context"
	"fmt"

	gogitlab "gitlab.com/gitlab-org/api/client-go"
)

// get reads one merge request.
func (f *forge) get(ctx context.Context, doing string, number int64) (*gogitlab.MergeRequest, error) {
	m, _, err := f.client.MergeRequests.GetMergeRequest(f.project, number, nil, gogitlab.WithContext(ctx))
	if err == nil && (m == nil || m.IID == 0) {
		err = errIncomplete
	}
	if err != nil {
		return nil, f.fail(ctx, doing, err, errNoPull)
	}
	return m, nil
}

func (f *forge) update(ctx context.Context, doing string, number int64, change gogitlab.UpdateMergeRequestOptions) error {
	_, _, err := f.client.MergeRequests.UpdateMergeRequest(f.project, number, &change, gogitlab.WithContext(ctx))
	if err != nil {
		return f.fail(ctx, doing, err, errNoPull)
	}
	return nil
}

// Edit implements pullrequest.Forge. What is a draft stays one: at GitLab, that is said by the title.
func (f *forge) Edit(ctx context.Context, number int64, title, body string) error {
	doing := fmt.Sprintf("edit merge request %d", number)
	m, err := f.get(ctx, doing, number)
	if err != nil {
		return err
	}
	if m.Draft {
		title = draftPrefix + title
	}
	return f.update(ctx, doing, number, gogitlab.UpdateMergeRequestOptions{Title: &title, Description: &body})
}

// Close implements pullrequest.Forge.
func (f *forge) Close(ctx context.Context, number int64) error {
	return f.update(ctx, fmt.Sprintf("close merge request %d", number), number, gogitlab.UpdateMergeRequestOptions{StateEvent: gogitlab.Ptr("close")})
}

// Comment implements pullrequest.Forge.
func (f *forge) Comment(ctx context.Context, number int64, body string) error {
	_, _, err := f.client.Notes.CreateMergeRequestNote(f.project, number, &gogitlab.CreateMergeRequestNoteOptions{Body: &body}, gogitlab.WithContext(ctx))
	if err != nil {
		return f.fail(ctx, fmt.Sprintf("comment on merge request %d", number), err, errNoPull)
	}
	return nil
}

// AutoMerge implements pullrequest.Forge. GitLab refuses where no pipeline runs,
// and merges at once where the pipeline has succeeded.
func (f *forge) AutoMerge(ctx context.Context, number int64) error {
	doing := fmt.Sprintf("ask to merge merge request %d once all checks pass", number)
	m, err := f.get(ctx, doing, number)
	if err != nil {
		return err
	}
	_, _, err = f.client.MergeRequests.AcceptMergeRequest(f.project, number, &gogitlab.AcceptMergeRequestOptions{
		AutoMerge:                 gogitlab.Ptr(true),
		MergeWhenPipelineSucceeds: gogitlab.Ptr(true), //nolint:staticcheck // Servers before 17.11 do not know AutoMerge, and would merge at once.
		SHA:                       &m.SHA,
	}, gogitlab.WithContext(ctx))
	if err != nil {
		return f.fail(ctx, doing, err, errNoPull)
	}
	return nil
}
