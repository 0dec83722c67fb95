package pullrequest

import "context"

// Identified is a Forge that knows by which addresses its account commits. Where a Forge does not, a commit with our
// trailers counts as ours if one address is author and committer, or GitHub has signed it as the committer.
type Identified interface {
	// Emails returns the addresses, lower case.
	Emails(ctx context.Context) ([]string, error)
}
