package notify

import (
	"fmt"
	"strings"
)

// Text is the event as one plain sentence.
func (e Event) Text() string {
	switch e.Kind {
	case FindingsAdded:
		return e.where() + ": new findings: " + e.Added.String() + e.list()
	case VerdictChanged:
		sentence := fmt.Sprintf("%s: %s is now %s", e.where(), e.From, e.To)
		if len(e.Rules) > 0 {
			sentence += ", by " + strings.Join(e.Rules, ", ")
		}
		return sentence
	case UpdateAvailable:
		return fmt.Sprintf("%s can move from %s to %s: fixes %d findings, adds %d", e.Image, e.From, e.To, e.Fixes, e.Adds)
	case PullRequestOpened:
		return fmt.Sprintf("A pull request moves %s from %s to %s: %s", e.Image, e.From, e.To, e.URL)
	case PullRequestMerged:
		return fmt.Sprintf("The pull request that moves %s to %s was merged: %s", e.Image, e.To, e.URL)
	case DatabaseStale:
		return "The vulnerability database was built on " + e.Built + " and is too old to be relied on"
	}
	return string(e.Kind)
}

// where is the image, and who runs it.
func (e Event) where() string {
	namespaces := strings.Join(e.Namespaces, ", ")
	if e.MoreNamespaces > 0 {
		namespaces += fmt.Sprintf(" and %d more", e.MoreNamespaces)
	}
	if namespaces == "" {
		return e.Image
	}
	return e.Image + " (" + namespaces + ")"
}

// list names the first findings.
func (e Event) list() string {
	const shown = 5
	var parts []string
	for _, f := range e.Findings[:min(len(e.Findings), shown)] {
		parts = append(parts, f.ID+" in "+f.Package)
	}
	if len(parts) == 0 {
		return ""
	}
	if more := e.Added.Total() - len(parts); more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", more))
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// mapped is the event with its foreign texts changed, such as by an escape.
func (e Event) mapped(change func(string) string) Event {
	all := func(list []string) []string {
		var changed []string
		for _, s := range list {
			changed = append(changed, change(s))
		}
		return changed
	}
	for _, s := range []*string{&e.Image, &e.Digest, &e.From, &e.To, &e.Repository, &e.URL, &e.Built} {
		*s = change(*s)
	}
	e.Namespaces, e.Rules = all(e.Namespaces), all(e.Rules)
	var findings []Finding
	for _, f := range e.Findings {
		f.ID, f.Package = change(f.ID), change(f.Package)
		findings = append(findings, f)
	}
	e.Findings = findings
	return e
}
