// Package perf measures what the design promises. In: generated fleets, images
// and reports, the same in every run. Out: a table of values and budgets as
// Markdown, and the same as JSON in dist/bench.json. It never fails because a
// machine is slow; a value beyond its budget says "no".
package perf
