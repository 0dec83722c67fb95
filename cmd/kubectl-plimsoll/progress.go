package main

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// progress shows on a terminal how much has been fetched, and which layer is read.
type progress struct {
	w     io.Writer
	stop  chan struct{}
	ended chan struct{}
	once  sync.Once

	mu    sync.Mutex
	state progressState
}

type progressState struct {
	bytes    int64
	layer    int
	ofLayers int
}

// newProgress returns one that is silent unless w is a terminal.
func newProgress(w io.Writer, quiet bool) *progress {
	p := &progress{w: w, stop: make(chan struct{}), ended: make(chan struct{})}
	if quiet || !isTerminal(w) {
		close(p.ended)
		return p
	}
	go p.show(time.NewTicker(200 * time.Millisecond))
	return p
}

func (p *progress) add(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.bytes += n
}

func (p *progress) layer(n, of int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.layer, p.state.ofLayers = n, of
}

func (p *progress) now() progressState {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state
}

func (s progressState) String() string {
	fetched := fmt.Sprintf("%.1f MiB fetched", float64(s.bytes)/(1<<20))
	switch {
	case s.layer == 0:
		return fetched
	case s.bytes == 0:
		return fmt.Sprintf("Layer %d of %d", s.layer, s.ofLayers)
	}
	return fmt.Sprintf("Layer %d of %d, %s", s.layer, s.ofLayers, fetched)
}

func (p *progress) show(ticker *time.Ticker) {
	defer close(p.ended)
	defer ticker.Stop()
	var shown progressState
	for {
		select {
		case <-p.stop:
			if shown != (progressState{}) {
				fmt.Fprint(p.w, "\r\x1b[K")
			}
			return
		case <-ticker.C:
			if now := p.now(); now != shown {
				shown = now
				fmt.Fprintf(p.w, "\r%s\x1b[K", now)
			}
		}
	}
}

// done ends what is shown, and leaves no trace of it.
func (p *progress) done() {
	p.once.Do(func() { close(p.stop) })
	<-p.ended
}
