package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
	"github.com/plimsoll-dev/plimsoll/internal/image"
)

const (
	tagsPerPage = 1000
	maxTagPages = 100
	maxTags     = 50_000
	// maxValidator is the longest ETag or Last-Modified that is kept, in bytes.
	maxValidator = 256
)

// TagList is the tags of a repository.
type TagList struct {
	// Tags, sorted, each once.
	Tags []string
	// ETag and LastModified of the answer, for the next question. Both are empty
	// where the registry gave none or the list has several pages, which one answer
	// cannot vouch for.
	ETag         string
	LastModified string
	// host of the registry or mirror that answered: no other knows its validators.
	host string
}

// Tags returns the tags that the repository has; of the reference it takes the
// repository alone. Where the registry says that nothing changed since previous,
// which may be nil, it returns previous itself. What is no tag by the
// specification is left out. More than 100 pages or 50,000 tags are a failure,
// with reason LimitExceeded. The error is an *Error, or wraps context.Canceled.
func (c *Client) Tags(ctx context.Context, repository image.Reference, keys Keychain, previous *TagList) (*TagList, error) {
	var list *TagList
	err := c.try(ctx, repository, keys, func(s *session) (err error) {
		list, err = s.tags(ctx, previous)
		return err
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

func (s *session) tags(ctx context.Context, previous *TagList) (*TagList, error) {
	doing := "list tags of " + s.repository()
	list := &TagList{host: s.host}
	next := &url.URL{Scheme: "https", Host: s.host, Path: "/v2/" + s.path + "/tags/list", RawQuery: fmt.Sprintf("n=%d", tagsPerPage)}
	for page := 0; next != nil; page++ {
		if page == maxTagPages {
			return nil, failf(v1alpha1.ReasonLimitExceeded, "%s: there are more than %d pages of them", doing, maxTagPages)
		}
		answer, err := s.tagPage(ctx, next, previous)
		if err != nil {
			return nil, s.explain(doing, err)
		}
		if answer == nil {
			return previous, nil
		}
		previous = nil // Its validators are about the first page.
		if list.Tags = append(list.Tags, answer.tags...); len(list.Tags) > maxTags {
			return nil, failf(v1alpha1.ReasonLimitExceeded, "%s: there are more than %d", doing, maxTags)
		}
		if page == 0 && answer.next == nil {
			list.ETag, list.LastModified = answer.etag, answer.lastModified
		}
		next = answer.next
	}
	slices.Sort(list.Tags)
	list.Tags = slices.Compact(list.Tags)
	return list, nil
}

// tagPage is one answer.
type tagPage struct {
	tags               []string
	next               *url.URL
	etag, lastModified string
}

// tagPage returns nil where nothing changed since previous.
func (s *session) tagPage(ctx context.Context, from *url.URL, previous *TagList) (*tagPage, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	conditional := previous != nil && previous.host == s.host && previous.ETag+previous.LastModified != ""
	if conditional {
		setIf(req.Header, "If-None-Match", previous.ETag)
		setIf(req.Header, "If-Modified-Since", previous.LastModified)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNotModified && conditional {
		return nil, nil
	}
	if err := transport.CheckError(resp, http.StatusOK); err != nil {
		return nil, err
	}
	var answer struct {
		Tags []string `json:"tags"`
	}
	raw, err := io.ReadAll(resp.Body)
	if err == nil {
		err = json.Unmarshal(raw, &answer)
	}
	if err != nil {
		return nil, err
	}
	page := &tagPage{tags: slices.DeleteFunc(answer.Tags, isNoTag)}
	page.etag, page.lastModified = validator(resp.Header.Get("ETag")), validator(resp.Header.Get("Last-Modified"))
	next, failure := nextPage(from, resp.Header)
	if failure != nil {
		return nil, failure.while("list tags of " + s.repository())
	}
	page.next = next
	return page, nil
}

func setIf(header http.Header, name, value string) {
	if value != "" {
		header.Set(name, value)
	}
}

// tagPattern is the specification's.
var tagPattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)

func isNoTag(s string) bool { return !tagPattern.MatchString(s) }

func validator(value string) string {
	if len(value) > maxValidator {
		return ""
	}
	return value
}

var nextLink = regexp.MustCompile(`<([^>]*)>\s*;[^<]*\brel="?next\b`)

// nextPage returns the URL of the page after the one of from, nil where there is
// none. It lies at the same host and in the same list: a registry may not lead
// elsewhere, nor back to where it began.
func nextPage(from *url.URL, header http.Header) (*url.URL, *Error) {
	link := nextLink.FindStringSubmatch(header.Get("Link"))
	if link == nil {
		return nil, nil
	}
	relative, err := url.Parse(link[1])
	if err != nil {
		return nil, failf(v1alpha1.ReasonRegistryUnavailable, "the link to the next page cannot be understood")
	}
	next := from.ResolveReference(relative)
	// A registry behind a proxy may not know that it is spoken to by HTTPS.
	next.Scheme = from.Scheme
	switch {
	case next.Host != from.Host || next.Path != from.Path || next.User != nil:
		return nil, failf(v1alpha1.ReasonRegistryUnavailable, "the link to the next page leads elsewhere")
	case next.RawQuery == from.RawQuery:
		return nil, failf(v1alpha1.ReasonRegistryUnavailable, "the link to the next page leads to the same one")
	}
	return next, nil
}
