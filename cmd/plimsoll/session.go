package main

import (
	"context"
	crand "crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/report"
	"github.com/plimsoll-load/plimsoll/report/journal"
	"github.com/plimsoll-load/plimsoll/scenarios"
)

// session is one run in progress: its folder, its journal, and those who look on. Every fact goes through put, so that the
// file, the views and the report tell the same story.
type session struct {
	app    *app
	dir    string
	writer *journal.Writer
	audience
	entries []journal.Entry
	skipped []scenarios.Skipped // checks that have no outcome
}

const (
	runsDir     = "plimsoll-runs"
	journalName = "journal.jsonl"
)

// begin makes the run's folder and journal. Nothing is made before all flags are known to be good.
func (a *app) begin(run journal.Run) (*session, error) {
	looking, err := a.invite()
	if err != nil {
		return nil, err
	}
	dir, w, err := a.newJournal(run)
	if err != nil {
		looking.leave()
		return nil, err
	}
	s := &session{app: a, dir: dir, writer: w, audience: append(looking, a.fold())}
	return s, s.put(journal.Entry{Run: &run})
}

// newJournal makes the run's folder, the one that was named or one of its own, and the journal in it.
func (a *app) newJournal(run journal.Run) (dir string, w *journal.Writer, err error) {
	if dir = a.spec.Out; dir != "" {
		err = os.MkdirAll(dir, 0o755)
	} else {
		dir, err = newDir(run)
	}
	if err != nil {
		return "", nil, misuseHint("--out chooses another folder", "make the run's folder: %w", err)
	}
	if w, err = journal.Create(filepath.Join(dir, journalName)); err != nil {
		return "", nil, misuse("%w", err)
	}
	return dir, w, nil
}

// runsAtOnce bounds the runs of one name that may begin within one second.
const runsAtOnce = 100

// newDir makes the folder of a run that was given none: by its time and its name, and a number where another run of the same
// name began in the same second.
func newDir(run journal.Run) (dir string, err error) {
	if err := os.MkdirAll(runsDir, 0o755); err != nil {
		return "", err
	}
	base := filepath.Join(runsDir, run.Began.Format("20060102-150405")+"-"+slug(run.Title))
	dir = base
	for n := 2; n <= runsAtOnce+1; n++ {
		if err = os.Mkdir(dir, 0o755); !errors.Is(err, fs.ErrExist) {
			return dir, err
		}
		dir = fmt.Sprintf("%s-%d", base, n)
	}
	return dir, err
}

func (s *session) tellGitHub(code int) error {
	s.app.told = true
	return tellGitHub(s.app.orders, s.dir, report.Fold(s.entries), code)
}

// put records one fact.
func (s *session) put(e journal.Entry) error {
	if err := s.writer.Write(e); err != nil {
		return err
	}
	s.entries = append(s.entries, e)
	s.show(e)
	return nil
}

// show tells those who look on of what is no fact of the journal's.
func (s *session) show(e journal.Entry) {
	for _, w := range s.audience {
		w.Feed(e)
	}
}

// ahead tells those who look on what is to come.
func (s *session) ahead(what string, left time.Duration, atMost bool, phases ...string) {
	s.show(journal.Entry{Ahead: &journal.Ahead{What: what, Phases: phases, Left: left, AtMost: atMost}})
}

// drive runs a plan with r and records every measurement. The target is told apart from this program's own fault by a
// typed error.
func (s *session) drive(ctx context.Context, p attack.Planner, r attack.Runner, done []attack.Measurement) ([]attack.Measurement, error) {
	return attack.Drive(ctx, p, watched{r, s}, done, func(m attack.Measurement) error {
		return s.put(journal.Entry{Trial: &m})
	})
}

// watched shows the beginning and the ticks of every trial to those who look on.
type watched struct {
	attack.Runner
	session *session
}

func (w watched) Run(ctx context.Context, t attack.Trial, watch func(attack.Tick) attack.Reason) (attack.Measurement, error) {
	w.session.show(journal.Entry{Start: &t})
	return w.Runner.Run(ctx, t, func(tick attack.Tick) attack.Reason {
		w.session.show(journal.Entry{Tick: &tick})
		if watch == nil {
			return ""
		}
		return watch(tick)
	})
}

// end records how the run ended, writes its files and prints its result.
func (s *session) end(ctx context.Context, code int, outcome string) error {
	if ctx.Err() != nil && code != exitHarm {
		code, outcome = exitInterrupted, "interrupted: "+outcome
	}
	if err := s.put(journal.Entry{End: &journal.End{At: s.ended(), Exit: code, Outcome: outcome, Unasked: s.skipped}}); err != nil {
		return err
	}
	s.leave()
	if err := s.writer.Close(); err != nil {
		return err
	}
	s.app.code = code
	return errors.Join(s.app.publish(s.dir, s.entries), s.app.saveBaseline(report.Fold(s.entries)), s.tellGitHub(code))
}

// ended is when the run ended: now, or when it did before, for one that had ended and was gone on with and sent nothing more.
func (s *session) ended() time.Time {
	for _, e := range slices.Backward(s.entries) {
		switch {
		case e.Trial != nil:
			return time.Now()
		case e.End != nil:
			return e.End.At
		}
	}
	return time.Now()
}

// abandon closes the run after an error. The journal keeps the error, and the report shows what was known by then.
func (s *session) abandon(err error) error {
	var u *unauthorized
	if errors.As(err, &u) {
		err = askOwner(err)
	}
	end := journal.Entry{End: &journal.End{At: time.Now(), Exit: exitCode(err), Outcome: err.Error()}}
	recorded := s.put(end)
	s.leave()
	r := report.Fold(s.entries)
	return errors.Join(err, recorded, s.writer.Close(), report.WriteAll(s.dir, r), s.tellGitHub(exitCode(err)))
}

// publish writes a run's files, but for some, and prints its result.
func (a *app) publish(dir string, entries []journal.Entry, except ...string) error {
	r := report.Fold(entries)
	if err := report.WriteAll(dir, r, except...); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	if a.json {
		return report.JSON(a.out, r)
	}
	text := report.Text
	switch {
	case a.text != nil:
		text = a.text
	case r.Run.Command == "demo":
		text = report.Brief // its reader wants the story; the page has the rest
	}
	if err := text(a.out, r); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.out, "\nreport: %s\n", filepath.Join(dir, "report.html"))
	return err
}

// describe is the first entry of a run.
func (a *app) describe(command, title, target string) (journal.Run, error) {
	spec, err := json.Marshal(a.spec.redacted())
	if err != nil {
		return journal.Run{}, err
	}
	if a.spec.Name != "" {
		title = a.spec.Name
	}
	began := time.Now()
	return journal.Run{
		Schema: "plimsoll.journal/v1", ID: began.UTC().Format("20060102T150405.000Z"), Command: command, Title: title, Target: target,
		Began: began, Version: version(), Spec: spec, Seed: a.seed(),
		Environment: environment(nil, ""), Commit: string(a.measured()),
	}, nil
}

// seed is the run's seed, drawn once when none was given.
func (a *app) seed() uint64 {
	if a.spec.Seed == 0 {
		var b [4]byte
		_, _ = crand.Read(b[:]) // never fails: crypto/rand crashes the program instead
		a.spec.Seed = uint64(binary.LittleEndian.Uint32(b[:])) + 1
	}
	return a.spec.Seed
}

// slug is text as part of a folder's name.
func slug(s string) string {
	out := []rune{}
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-', r == '.':
			out = append(out, r)
		case r >= 'A' && r <= 'Z':
			out = append(out, r-'A'+'a')
		case len(out) > 0 && out[len(out)-1] != '-':
			out = append(out, '-')
		}
		if len(out) == 40 {
			break
		}
	}
	if len(out) == 0 {
		return "run"
	}
	return string(out)
}
