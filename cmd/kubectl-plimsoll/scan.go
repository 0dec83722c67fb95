package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/report/export"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
	"github.com/plimsoll-dev/plimsoll/internal/scan"
)

// subject is what was read, whatever it was read from.
type subject struct {
	artifact export.Artifact
	// reference that policies take it for; its repository may be empty.
	reference image.Reference
	content   *sbom.Image
}

func run(ctx context.Context, f flags, stdout, stderr io.Writer) error {
	o, err := f.parse()
	if err != nil {
		return err
	}
	// Before anything is pulled: a mistake in a policy is the cheapest to find.
	policies, err := readPolicies(ctx, o.policies)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, o.timeout, fmt.Errorf("not done within --timeout=%s", o.timeout))
	defer cancel()
	e, err := newEnvironment(o, stderr)
	if err != nil {
		return err
	}
	defer e.close()
	err = e.scan(ctx, policies, stdout)
	if cause := context.Cause(ctx); err != nil && cause != nil && !errors.As(err, new(exitCode)) {
		return cause
	}
	return err
}

func (e *environment) scan(ctx context.Context, policies []givenPolicy, stdout io.Writer) error {
	database, err := e.database(ctx)
	if err != nil {
		return err
	}
	defer database.DB.Close() //nolint:errcheck // it was only read
	read, err := e.subject(ctx)
	e.progress.done()
	if err != nil {
		return err
	}
	unnamed, err := e.nameJars(ctx, read.content)
	if err != nil {
		return err
	}
	now := time.Now()
	judged, err := scan.Judge(read.content, database.DB, now)
	if err != nil {
		return err
	}
	facts := scan.Facts(read.content, judged.Findings)
	facts.Scanned = judged.State.Judgeable()
	in := export.Input{
		Artifact: read.artifact,
		Database: export.Database{Source: database.Source, Revision: string(database.Revision), BuiltTime: database.DB.Metadata().Built.UTC()},
		Scan:     judged.State.Report(read.content, nil),
		Content:  read.content,
		Problems: append(judged.Problems, unnamed...),
		Detail:   database.DB.Detail,
		Policies: judgePolicies(policies, facts, read, now),
		Version:  version,
		Now:      now,
	}
	for i, finding := range judged.Findings {
		if e.shows(facts.Findings[i].Severity, facts.Findings[i].Fixable()) {
			in.Found = append(in.Found, export.Found{Match: finding, Terms: facts.Findings[i]})
		}
	}
	document, err := export.New(in)
	if err != nil {
		return err
	}
	if err := e.write(document, stdout); err != nil {
		return err
	}
	e.warn(document)
	return e.result(document)
}

// result is the exit code: what could not be judged has not passed.
func (e *environment) result(d *export.Document) error {
	code := 0
	if len(d.Policies) == 0 && len(d.Findings) > 0 {
		code = e.exitCode
	}
	if slices.ContainsFunc(d.Policies, export.Policy.Failed) {
		code = exitFailed
	}
	if !d.Scan.Judged || slices.ContainsFunc(d.Policies, export.Policy.Undecided) {
		code = exitError
	}
	if code == 0 {
		return nil
	}
	return exitCode(code)
}

// warn tells those who read no output, or read it with a program, of what is missing in it.
func (e *environment) warn(d *export.Document) {
	say := func(format string, args ...any) {
		fmt.Fprintln(e.stderr, "kubectl plimsoll:", export.Printable(fmt.Sprintf(format, args...)))
	}
	if !d.Scan.Judged {
		say("the image cannot be judged as a whole (%s): %s", d.Scan.Reason, d.Scan.Message)
	}
	for _, u := range d.Unread {
		say("not read: %s (%s: %s)", u.Path, u.Reason, u.Message)
	}
	for _, problem := range d.Problems {
		say("not judged completely: %s", problem)
	}
	for _, p := range d.Policies {
		switch {
		case p.Idle():
			say("%s %s does not select the image", p.Kind, p.Name)
		case p.Failed(), p.Undecided():
			say("%s %s: %s", p.Kind, p.Name, p.Result)
		}
		for _, rule := range p.Skipped {
			say("%s %s: skipped %s", p.Kind, p.Name, rule)
		}
	}
}
