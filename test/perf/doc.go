// Package perf measures what the design promises. In: generated fleets,
// databases, images and reports, the same in every run. Out: a table of values
// and budgets as Markdown, printed and in dist/bench.md, and the same as JSON in
// dist/bench.json. It never fails because a machine is slow; a value beyond its
// budget says "no".
package perf
