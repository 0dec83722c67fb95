package main

import (
	"io"
	"os"

	"golang.org/x/term"

	"github.com/plimsoll-dev/plimsoll/internal/report/export"
)

// formats by their names. Only the table has colours.
var formats = map[string]func(*export.Document, io.Writer, bool) error{
	"table":     (*export.Document).Table,
	"json":      plain((*export.Document).JSON),
	"sarif":     plain((*export.Document).SARIF),
	"cyclonedx": plain((*export.Document).CycloneDX),
	"spdx":      plain((*export.Document).SPDX),
	"gitlab":    plain((*export.Document).GitLab),
	"html":      plain((*export.Document).HTML),
}

func formatNames() []string {
	return []string{"table", "json", "sarif", "cyclonedx", "spdx", "gitlab", "html"}
}

func plain(write func(*export.Document, io.Writer) error) func(*export.Document, io.Writer, bool) error {
	return func(d *export.Document, w io.Writer, _ bool) error { return write(d, w) }
}

// colours says whether a writer is a terminal that may show them.
func colours(w io.Writer) bool {
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && isTerminal(w)
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
