package github

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/plimsoll-dev/plimsoll/internal/pullrequest/exchange"
)

// graphqlError is an answer of the GraphQL API that has errors. Its status is 200 all the same.
type graphqlError struct {
	kind   string
	answer exchange.Answer
}

func (e *graphqlError) Error() string { return "GraphQL error " + e.kind }

// graphqlStatus gives the kinds of errors the status that the REST API has for them.
var graphqlStatus = map[string]int{
	"NOT_FOUND":           http.StatusNotFound,
	"FORBIDDEN":           http.StatusForbidden,
	"INSUFFICIENT_SCOPES": http.StatusForbidden,
	"RATE_LIMIT":          http.StatusTooManyRequests,
	"RATE_LIMITED":        http.StatusTooManyRequests,
	"STALE_DATA":          http.StatusConflict,
}

// mutate sends a mutation with its input, and reads its result into out.
func (f *forge) mutate(ctx context.Context, query string, input map[string]any, out any) error {
	body := map[string]any{"query": query, "variables": map[string]any{"input": input}}
	req, err := f.client.NewRequest(ctx, http.MethodPost, f.graphql, body)
	if err != nil {
		return err
	}
	var result struct {
		Data   json.RawMessage `json:"data"`
		Errors []struct {
			Type    string `json:"type"`
			Message string `json:"message"`
		} `json:"errors"`
	}
	resp, err := f.client.Do(req, &result)
	if err != nil {
		return err
	}
	if len(result.Errors) == 0 {
		return json.Unmarshal(result.Data, out)
	}
	first := result.Errors[0]
	status, known := graphqlStatus[first.Type]
	if first.Type == "BRANCH_PROTECTION_RULE_VIOLATION" {
		first.Message = "protected branch: " + first.Message
	}
	switch {
	case known:
	case first.Type == "" && strings.HasPrefix(first.Message, "Something went wrong"):
		// An error of the server, or a query that took too long.
		status = http.StatusBadGateway
	default:
		status = http.StatusUnprocessableEntity
	}
	return &graphqlError{kind: first.Type, answer: exchange.Answer{Status: status, Header: resp.Header, Words: first.Message}}
}
