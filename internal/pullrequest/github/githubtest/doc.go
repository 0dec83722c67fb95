// Package githubtest is a GitHub Enterprise server with one repository, over real
// HTTP, for tests. In come requests of its REST and GraphQL APIs, faults, and what
// a person does; out come the answers that GitHub documents, of a repository in memory.
//
// It follows the documentation at https://docs.github.com, version 2022-11-28 of the API:
//   - rest/using-the-rest-api: getting started (errors, 401 and 404), pagination (Link),
//     rate limits (x-ratelimit-*, retry-after, 403 and 429), troubleshooting (422 and its errors)
//   - rest/repos/repos, rest/repos/contents (1 MB, encoding none), rest/commits/commits (compare, by pages)
//   - rest/git/refs, rest/git/trees (recursive, truncated)
//   - rest/pulls/pulls, rest/pulls/review-requests, rest/issues/{labels,assignees,comments}
//   - rest/apps/apps (installation access tokens) and apps/.../generating-a-json-web-token-jwt-for-a-github-app
//   - graphql/reference/mutations: createCommitOnBranch (expectedHeadOid), enablePullRequestAutoMerge
//
// Not documented, and taken from what users of the API report: the text of 422 for
// references that are there or are not, the types STALE_DATA and
// BRANCH_PROTECTION_RULE_VIOLATION of GraphQL errors, and that a pull request is
// closed when its branch comes to have nothing that its target has not.
//
// It must never run outside tests.
package githubtest
