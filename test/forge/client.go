package forge

import (
	"context"
	"errors"
	"time"

	"code.gitea.io/sdk/gitea"
)

const pollPeriod = 50 * time.Millisecond

// Client speaks to Gitea as the person, for what has no helper here.
func (f *Forge) Client(ctx context.Context) *gitea.Client { return f.person(ctx) }

func (f *Forge) person(ctx context.Context) *gitea.Client {
	return f.client(ctx, gitea.SetToken(f.PersonToken))
}

func (f *Forge) withPassword(ctx context.Context, account string) *gitea.Client {
	return f.client(ctx, gitea.SetBasicAuth(account, f.Password))
}

// client lives for one call: the SDK ties a client to its context.
func (f *Forge) client(ctx context.Context, credential gitea.ClientOption) *gitea.Client {
	c, err := gitea.NewClient(f.URL, gitea.SetContext(ctx), gitea.SetGiteaVersion(""), credential)
	if err != nil {
		panic(err) // only an option can fail, and none of these does
	}
	return c
}

// poll asks until the answer is true, and returns the last error where the context ends before that.
func poll(ctx context.Context, ask func() (bool, error)) error {
	tick := time.NewTicker(pollPeriod)
	defer tick.Stop()
	for {
		done, err := ask()
		if done {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-tick.C:
		}
	}
}
