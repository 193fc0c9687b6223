package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/plimsoll-load/plimsoll/report"
	"github.com/plimsoll-load/plimsoll/report/journal"
)

// besideJournal are the files of a run that are as good a name for it as its journal.
var besideJournal = []string{"result.json", "report.html", "summary.md", "junit.xml", limitsName}

// readRun reads the journal of a run, named by its folder, by the journal itself, or by another file of its folder.
func readRun(path string) (dir string, entries []journal.Entry, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", nil, misuseHint("plimsoll-runs holds a folder for each run", "read run: %w", err)
	}
	dir, file := path, filepath.Join(path, journalName)
	if !info.IsDir() {
		dir, file = filepath.Dir(path), path
		if beside := filepath.Join(dir, journalName); slices.Contains(besideJournal, filepath.Base(path)) && isFile(beside) {
			file = beside
		}
	}
	if !isFile(file) {
		return "", nil, misuseHint(runsBelow(dir), "%s holds no %s: it is no run's folder", dir, journalName)
	}
	entries, err = journal.ReadFile(file)
	switch {
	case err != nil && filepath.Ext(file) != ".jsonl":
		return "", nil, misuseHint("give the run's folder, or the "+journalName+" in it (gate, and gate --history, take a result alone)", "%s is no journal of a run", file)
	case err != nil:
		return "", nil, misuse("read run: %w", err)
	case len(entries) == 0 || entries[0].Run == nil:
		return "", nil, misuse("read run: %s does not begin with what was asked", file)
	}
	return dir, entries, nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// runsBelow is the way out for who named a folder that is no run's, but perhaps that of several.
func runsBelow(dir string) string {
	found, err := filepath.Glob(filepath.Join(dir, "*", journalName))
	if err != nil || len(found) == 0 {
		return "a run writes its folder into " + runsDir + ", or where --out says"
	}
	slices.Sort(found)
	return "it holds those of runs: the last is " + filepath.Dir(found[len(found)-1])
}

// noLimits tells of a run in whose folder there are no limits, and what makes some.
func noLimits(dir string) error {
	if _, entries, err := readRun(dir); err == nil && does[report.Fold(entries).Command()] != "" {
		return fmt.Errorf("--limits: %w", noCapacity(dir, report.Fold(entries)))
	}
	return misuseHint("plimsoll advise "+dir+" makes them", "--limits: the run %s holds no limits", dir)
}

// does is what a command's run is for, of the commands whose runs hold no capacity.
var does = map[string]string{"load": "only loads", "verify": "proves a throttle", "identify": "tells which limiter is there", "gate": "holds a build to a baseline"}

// noCapacity tells of a run that has no capacity to make limits of, and what to do for one.
func noCapacity(dir string, r report.Report) error {
	command := r.Command()
	switch {
	case does[command] != "":
		return misuseHint("limits are made from a run of find: plimsoll find URL makes one", "%s is a run of %s, which %s and finds no capacity", dir, command, does[command])
	case command == "find":
		return &failure{code: exitUndecided, hint: "go on with it: plimsoll find --resume " + dir + " URL", err: fmt.Errorf("%s holds no capacity", dir)}
	}
	return &failure{code: exitUndecided, hint: "it ended before its search did: run it again", err: fmt.Errorf("%s holds no capacity", dir)}
}
