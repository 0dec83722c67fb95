// Package gitlabtest is a GitLab server with one project, over real HTTP, for
// tests. In come requests of its REST API, faults, and what a person does; out
// come the answers that GitLab documents, of a repository in memory.
//
// It follows the documentation at https://docs.gitlab.com:
//   - api/rest: status codes, pagination by offset (X-Next-Page, Link) and by keyset, paths of projects and files, troubleshooting
//   - api/rest/authentication, security/rate_limits and administration/settings/user_and_ip_rate_limits
//     (RateLimit-*, Retry-After, the text "Retry later")
//   - api/projects, api/branches, api/users
//   - api/repositories (tree), api/repository_files (HEAD, X-Gitlab-*), api/commits (ranges; start_sha, force, last_commit_id)
//   - api/merge_requests (409 for a second one; merge with auto_merge, 405, 409 and 422), api/notes
//
// Not documented, and taken from GitLab's own messages as users report them: the
// texts of 400 for commits, and those for protected branches. Where the ends of a
// range are not there, it lists no commits, which is the least helpful thing that it could do.
//
// It must never run outside tests.
package gitlabtest
