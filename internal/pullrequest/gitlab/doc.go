// Package gitlab makes a project at a GitLab server a pullrequest.Forge, whose
// pull requests are merge requests.
//
// In come a project's path and a token; out come what the forge has, or a
// *pullrequest.Error. It must never wait for a limit to end, or retry; and it must
// never overwrite a branch but where it was asked to.
//
// GitLab has no commit that is made only if a branch's head is as expected. So a
// follow-up looks at the head first, names the last change of each file that it
// edits, which GitLab checks, and looks at the parent of what was made: a person's
// commit to other files that slips in between is kept below ours, and is a conflict.
package gitlab
