package gitea

import (
	"context"
	"net/http"

	"code.gitea.io/sdk/gitea"
)

const (
	maxLabelPages = 20
	labelColor    = "#0075ca"
)

// labels returns the ids of the repository's labels by their names, and creates those that are not there. One that may
// not be created is left out: a pull request without its label is better than none.
func (c *Client) labels(ctx context.Context, names []string) ([]int64, error) {
	if len(names) == 0 {
		return nil, nil
	}
	known, err := c.knownLabels(ctx)
	if err != nil {
		return nil, err
	}
	var ids []int64
	for _, name := range names {
		id, ok := known[name]
		if !ok {
			label, response, err := c.api(ctx).CreateLabel(c.owner, c.repository, gitea.CreateLabelOption{Name: name, Color: labelColor})
			switch {
			case err == nil:
				id = label.ID
			case refuses(response):
				continue
			default:
				return nil, c.explain("create label "+name, response, err)
			}
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func (c *Client) knownLabels(ctx context.Context) (map[string]int64, error) {
	known := map[string]int64{}
	for page := 1; page <= maxLabelPages; page++ {
		found, response, err := c.api(ctx).ListRepoLabels(c.owner, c.repository, gitea.ListLabelsOptions{
			ListOptions: gitea.ListOptions{Page: page, PageSize: pageSize},
		})
		if err != nil {
			return nil, c.fail(ctx, "list the labels", response, err)
		}
		for _, label := range found {
			known[label.Name] = label.ID
		}
		if response.NextPage == 0 || len(found) == 0 {
			break
		}
	}
	return known, nil
}

// refuses is true for an answer that will be the same next time.
func refuses(response *gitea.Response) bool {
	code := status(response)
	return code >= 400 && code < 500 && code != http.StatusTooManyRequests
}
