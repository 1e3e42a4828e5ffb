package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/xpcpolicy/xpcpolicy"
	"github.com/xpcpolicy/xpcpolicy/macho"
)

// scanAhead is how many files may be looked at before the first of them is written:
// what bounds the memory behind a large file.
const scanAhead = 1024

// scanner holds the flags of one scan command.
type scanner struct {
	*app
	format      string
	resume      string
	shallow     bool
	noResources bool
	quiet       bool

	openDir  func(path string, follow bool) (dirReader, error)
	journal  *journal
	progress *progress
	walked   walked
	summary  summary
	flushed  time.Time
	headed   bool // the head of the table is printed
}

func (a *app) scanCommand() *cobra.Command {
	s := &scanner{app: a, openDir: openDirectory}
	cmd := &cobra.Command{
		Use:   "scan DIR...",
		Short: "List all signed and unsigned code below a directory",
		Long: `scan walks each directory and writes one line of JSON for each piece of code: bundles,
the code inside them, single Mach-O files, disk images and signed scripts, whatever
they are called. Each is verified as verify does, and listed with its identity, its
channel, the hardened runtime, dangerous entitlements and the verdict. What cannot be
read is a line as well. A summary follows on standard error.

Symbolic links are not followed, and pipes, sockets and devices not opened. Object
files and debug symbols are listed only when they are signed. The code inside a disk
image is not looked at.

--resume FILE writes a journal of what is finished. After an interruption the same
command goes on where it ended, and writes all lines again from the beginning.

Exit codes: 0 everything is valid, 1 something is unsigned or invalid, 3 something
could not be read.`,
		Example: `  xpcpolicy scan examples
  xpcpolicy scan --format text examples
  xpcpolicy scan --quiet --resume scan.journal examples`,
		RunE: s.run,
	}
	f := cmd.Flags()
	f.StringVar(&s.resume, "resume", "", "write a journal to `FILE`, and go on with what it holds")
	f.BoolVar(&s.shallow, "shallow", false, "verify nested code by itself only, and not again with each bundle around it")
	f.BoolVar(&s.noResources, "no-resources", false, "leave the files of bundles alone")
	f.BoolVarP(&s.quiet, "quiet", "q", false, "write no summary")
	addFormat(cmd, &s.format)
	fl := f.Lookup("format")
	fl.DefValue, fl.Usage = formatNDJSON, "`FORMAT` of the output: ndjson (one line for each piece), json or text"
	s.format = formatNDJSON
	return cmd
}

func (s *scanner) run(cmd *cobra.Command, roots []string) error {
	if err := checkFormat(cmd, s.format); err != nil {
		return err
	}
	if len(roots) == 0 {
		return usage(cmd, "which directory? Name at least one")
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	x := &examiner{
		ctx:     ctx,
		options: xpcpolicy.Options{Now: time.Now(), Shallow: s.shallow, NoResources: s.noResources, Remember: macho.NewVerifier()},
		v:       verifier{app: s.app, shallow: s.shallow, noResources: s.noResources},
	}
	if s.resume != "" {
		var err error
		if s.journal, err = openJournal(s.resume, s.head(roots)); err != nil {
			e := usage(cmd, "%s", plain(err))
			e.hint = "name another file, or remove this one to begin again"
			return e
		}
		defer s.journal.close()
		x.journal = s.journal
	}
	s.progress = s.newProgress("scanned")
	s.summary.begun = time.Now()
	walk := func(yield func(*piece) bool) {
		w := &walker{openDir: s.openDir, yield: yield, count: &s.walked}
		w.roots(roots)
	}
	err := pipeline[*piece, *piece]{work: x.examine, emit: s.emit, idle: s.idle, ahead: scanAhead}.run(walk)
	s.progress.end()
	if err != nil {
		return nil // the reader went away: Main says so and sets the exit code
	}
	if s.journal != nil {
		if err := s.journal.finish(); err != nil {
			s.add(exitUnknown)
			fmt.Fprintf(s.stderr, "xpcpolicy scan: the journal: %s\n", plain(err))
		}
	}
	return s.writeSummary()
}

// emit writes what a piece turned out to be.
func (s *scanner) emit(p *piece) error {
	s.progress.add(1, p.bytes)
	if p.found == nil && p.old == nil {
		return nil
	}
	line, rec, err := p.line()
	if err != nil {
		return err
	}
	s.add(rec.exit())
	s.summary.count(rec)
	s.progress.clear()
	switch s.format {
	case formatText:
		s.printRow(rec)
	case formatJSON:
		err = s.writeJSON(formatJSON, rec)
	default:
		_, err = s.stdout.Write(line)
	}
	if err != nil {
		return err
	}
	if s.journal != nil && p.old == nil && rec.PathHex == "" {
		if err := s.journal.add(rec.stamp, line); err != nil {
			fmt.Fprintf(s.stderr, "xpcpolicy scan: the journal: %s\n", plain(err))
			s.add(exitUnknown)
			s.journal.close()
			s.journal = nil
		}
	}
	return nil
}

// line returns the JSON of a piece, from this scan or from the journal.
func (p *piece) line() ([]byte, *record, error) {
	if p.old != nil {
		var rec record
		return p.old, &rec, json.Unmarshal(p.old, &rec)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(p.found.finish())
	return escaped(b.Bytes()), p.found, err
}

// flushEvery is how long an answer may wait for the next one.
const flushEvery = 200 * time.Millisecond

// idle gives out what is written while a large file is read.
func (s *scanner) idle() {
	if now := time.Now(); now.Sub(s.flushed) > flushEvery {
		s.flushed = now
		s.flush()
	}
}
