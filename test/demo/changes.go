package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

// printChanges prints the reports whose findings differ, and returns how many
// reports have changed at all.
func printChanges(before, after map[string]v1alpha1.ImageReport) int {
	changed := 0
	w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintf(w, "\nWhat changed:\nREPORT\tCRITICAL\tHIGH\tMEDIUM\tLOW\tUNKNOWN\tNEW\n")
	for _, name := range slices.Sorted(maps.Keys(after)) {
		a, b := before[name], after[name]
		if a.ResourceVersion == b.ResourceVersion {
			continue
		}
		changed++
		old, now := counts(a), counts(b)
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", name, move(old.Critical, now.Critical), move(old.High, now.High),
			move(old.Medium, now.Medium), move(old.Low, now.Low), move(old.Unknown, now.Unknown), news(a, b))
	}
	w.Flush()
	return changed
}

func counts(report v1alpha1.ImageReport) v1alpha1.Summary {
	if report.Status.Summary == nil {
		return v1alpha1.Summary{}
	}
	return *report.Status.Summary
}

func move(before, after int32) string {
	if before == after {
		return fmt.Sprint(after)
	}
	return fmt.Sprintf("%d -> %d", before, after)
}

// news names the first of the findings that were not listed before.
func news(before, after v1alpha1.ImageReport) string {
	known := map[string]bool{}
	if before.Status.Vulnerabilities != nil {
		for _, v := range before.Status.Vulnerabilities.Items {
			known[v.ID+v.Package] = true
		}
	}
	var ids []string
	if after.Status.Vulnerabilities != nil {
		for _, v := range after.Status.Vulnerabilities.Items {
			if !known[v.ID+v.Package] {
				ids = append(ids, v.ID+" ("+v.Package+")")
			}
		}
	}
	const shown = 2
	if len(ids) > shown {
		return fmt.Sprintf("%s and others", strings.Join(ids[:shown], ", "))
	}
	return strings.Join(ids, ", ")
}
