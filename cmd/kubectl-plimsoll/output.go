package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

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

// progress shows on a terminal how much has been fetched.
type progress struct {
	w     io.Writer
	bytes atomic.Int64
	stop  chan struct{}
	ended chan struct{}
	once  sync.Once
}

// newProgress returns one that is silent unless w is a terminal.
func newProgress(w io.Writer, quiet bool) *progress {
	p := &progress{w: w, stop: make(chan struct{}), ended: make(chan struct{})}
	if quiet || !isTerminal(w) {
		close(p.ended)
		return p
	}
	go p.show()
	return p
}

func (p *progress) add(n int64) { p.bytes.Add(n) }

func (p *progress) show() {
	defer close(p.ended)
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	shown := int64(0)
	for {
		select {
		case <-p.stop:
			if shown > 0 {
				fmt.Fprint(p.w, "\r\x1b[K")
			}
			return
		case <-ticker.C:
			if n := p.bytes.Load(); n != shown {
				shown = n
				fmt.Fprintf(p.w, "\rFetched %.1f MiB\x1b[K", float64(n)/(1<<20))
			}
		}
	}
}

// done ends what is shown, and leaves no trace of it.
func (p *progress) done() {
	p.once.Do(func() { close(p.stop) })
	<-p.ended
}
