package notify

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

const (
	// outboxVersion of the encoding: JSON, which people can read where it is kept.
	outboxVersion = 1
	// MaxOutboxSize bounds an encoded outbox, in bytes: a ConfigMap holds 1 MiB.
	MaxOutboxSize = 1_000_000
)

type document struct {
	Version int `json:"version"`
	*Outbox
}

// Encode returns the outbox in at most MaxOutboxSize bytes.
func (o *Outbox) Encode() ([]byte, error) {
	encoded, err := json.Marshal(document{Version: outboxVersion, Outbox: o})
	if err != nil {
		return nil, fmt.Errorf("encode the outbox: %w", err)
	}
	if len(encoded) > MaxOutboxSize {
		return nil, fmt.Errorf("encode the outbox: %d bytes are more than %d", len(encoded), MaxOutboxSize)
	}
	return encoded, nil
}

// DecodeOutbox reads what Encode wrote. Of anything else it keeps what is within the outbox's bounds, or fails.
func DecodeOutbox(encoded []byte) (*Outbox, error) {
	if len(encoded) > MaxOutboxSize {
		return nil, fmt.Errorf("decode the outbox: %d bytes are more than %d", len(encoded), MaxOutboxSize)
	}
	d := document{Outbox: &Outbox{}}
	if err := json.Unmarshal(encoded, &d); err != nil {
		return nil, fmt.Errorf("decode the outbox: %w", err)
	}
	if d.Version != outboxVersion || d.Outbox == nil {
		return nil, fmt.Errorf("decode the outbox: version %d is not known", d.Version)
	}
	if err := d.check(); err != nil {
		return nil, fmt.Errorf("decode the outbox: %w", err)
	}
	return d.Outbox, nil
}

// check makes the outbox one that this package could have written.
func (o *Outbox) check() error {
	o.Told = slices.Delete(o.Told, 0, max(0, len(o.Told)-maxTold))
	o.Dead = slices.Delete(o.Dead, 0, max(0, len(o.Dead)-maxDead))
	for name, q := range o.Queues {
		if q == nil {
			delete(o.Queues, name)
			continue
		}
		if !sane(q.Since) || !count(q.More) || q.Batch != nil && !q.Batch.sane() {
			return fmt.Errorf("the queue of %q is out of bounds", name)
		}
	}
	if o.size() > maxTotal || o.Batches < 0 {
		return errors.New("it has too many events")
	}
	return nil
}

func (b *Batch) sane() bool {
	return b.Key != "" && count(b.Tries) && count(b.More) && sane(b.Formed) && sane(b.Next)
}

// count says whether a number can be one, and can be added to.
func count(n int) bool { return n >= 0 && n <= math.MaxInt32 }

// sane times can be added to and written again.
func sane(t time.Time) bool { return t.Before(farAway) }
