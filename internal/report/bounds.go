package report

import (
	"encoding/json"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Sizes in bytes of JSON. An object may have 32 KiB; metadata, managed fields
// and spec have 7 of these, the status has the others.
const (
	statusBudget   = 25 << 10
	hashSize       = 128
	findingsBudget = 20 << 10
	// findingsReserve is for the worst findings, however many policies there are.
	findingsReserve = 5 << 10
	// violationsBudget is for those of all policies.
	violationsBudget = 6 << 10
	workloadsBudget  = 3 << 10
	containersBudget = 512
	tagsBudget       = 1536
	unreadBudget     = 2 << 10
	namedBudget      = 512

	// maxText of a condition's message and an image's name.
	maxText = 1024
	maxPath = 256
	maxName = 128
	// maxOwnerName is that of a workload's group, kind and name.
	maxOwnerName = 253
	// maxWorkloadName of a violation's workload, as Kind/name.
	maxWorkloadName = 512
)

// Items in lists.
const (
	// maxFindings that are urgent; others only fill the list up to fillFindings,
	// so that most reports stay small.
	maxFindings   = 100
	fillFindings  = 20
	maxWorkloads  = 50
	maxContainers = 10
	maxTags       = 20
	maxUnread     = 20
	maxVerdicts   = 128
	// maxNamed workloads or policies in a message's company.
	maxNamed = 10
)

// fit returns as many of the first items as fit into the limit and the budget in bytes.
func fit[T any](items []T, limit, budget int) []T {
	for i, item := range items {
		budget -= size(item) + len(",")
		if i == limit || budget < 0 {
			return items[:i]
		}
	}
	return items
}

// size of a value's JSON. Values that have none fit nowhere.
func size(v any) int {
	encoded, err := json.Marshal(v)
	if err != nil {
		return math.MaxInt32
	}
	return len(encoded)
}

const ellipsis = "…"

// clip makes text of foreign origin fit to be shown: it replaces what does not
// print, and cuts what takes more than limit bytes of JSON, between characters.
func clip(s string, limit int) string {
	s = strings.Map(printable, s)
	used, keep := 0, 0
	for i, r := range s {
		if used += encodedLen(r); used > limit {
			return s[:keep] + ellipsis
		}
		if used <= limit-len(ellipsis) {
			keep = i + utf8.RuneLen(r)
		}
	}
	return s
}

// printable also replaces bytes that are no UTF-8, and characters that change
// the direction of the text around them.
func printable(r rune) rune {
	switch {
	case unicode.IsPrint(r):
		return r
	case unicode.IsSpace(r):
		return ' '
	default:
		return utf8.RuneError
	}
}

// encodedLen is how many bytes a printable character takes in the API server's JSON.
func encodedLen(r rune) int {
	switch r {
	case '"', '\\':
		return len(`\"`)
	case '<', '>', '&':
		return len(`\u003c`)
	default:
		return utf8.RuneLen(r)
	}
}
