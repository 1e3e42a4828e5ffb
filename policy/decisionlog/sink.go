package decisionlog

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"sync"
)

// Sink takes entries. Log is called from several goroutines; an error means that
// the entry is lost.
type Sink interface {
	Log(ctx context.Context, e Entry) error
}

// JSONLines returns a sink that writes each entry as one line of JSON, in one call
// of Write. Text that a terminal would obey is escaped.
func JSONLines(w io.Writer, m Masks) Sink { return &lines{w: w, masks: m} }

type lines struct {
	mu    sync.Mutex
	w     io.Writer
	masks Masks
}

func (l *lines) Log(_ context.Context, e Entry) error {
	b, err := encode(e, l.masks)
	if err != nil {
		return err
	}
	b = append(escaped(b), '\n')
	l.mu.Lock()
	defer l.mu.Unlock()
	n, err := l.w.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	return err
}

// encode is the JSON of an entry without what the masks name.
func encode(e Entry, m Masks) ([]byte, error) {
	if len(m) == 0 {
		return marshal(e)
	}
	v, err := masked(e, m)
	if err != nil {
		return nil, err
	}
	b := []byte{'{'}
	for _, key := range entryKeys {
		value, ok := v[key]
		if !ok {
			continue
		}
		text, err := marshal(value)
		if err != nil {
			return nil, err
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), key...), '"', ':')
		b = append(b, text...)
	}
	return append(b, '}'), nil
}

// marshal writes JSON on one line, without escaping for HTML.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// Slog returns a sink that writes each entry through a logger: allows at level Info,
// everything else at level Warn.
func Slog(l *slog.Logger, m Masks) Sink { return &structured{l, m} }

type structured struct {
	l     *slog.Logger
	masks Masks
}

func (s *structured) Log(ctx context.Context, e Entry) error {
	level := slog.LevelWarn
	if e.Result == "allow" {
		level = slog.LevelInfo
	}
	if !s.l.Enabled(ctx, level) {
		return nil
	}
	v, err := masked(e, s.masks)
	if err != nil {
		return err
	}
	attrs := make([]slog.Attr, 0, len(v))
	for _, key := range entryKeys {
		if value, ok := v[key]; ok && key != "timestamp" {
			attrs = append(attrs, slog.Any(key, value))
		}
	}
	s.l.LogAttrs(ctx, level, "decision", attrs...)
	return nil
}

// Sinks sends each entry to several sinks, and returns the first error.
type Sinks []Sink

// Log implements [Sink].
func (s Sinks) Log(ctx context.Context, e Entry) error {
	var first error
	for _, sink := range s {
		if err := sink.Log(ctx, e); err != nil && first == nil {
			first = err
		}
	}
	return first
}
