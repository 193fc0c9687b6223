package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"github.com/plimsoll-load/plimsoll/report"
)

// call runs the program in this process.
func call(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(ctx, args, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

// server answers requests until the test ends.
func server(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func fine(http.ResponseWriter, *http.Request) {}

// A burst is sent all at once, however low the rate, over connections that were opened before.
func TestLoadSendsABurst(t *testing.T) {
	var now, most atomic.Int64
	gate := make(chan struct{})
	url := server(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-N") == "0" && most.Load() == 0 {
			most.Store(1)
			return // the preflight
		}
		if n := now.Add(1); n == 40 {
			close(gate) // all of them are here together
		}
		select {
		case <-gate:
		case <-time.After(5 * time.Second):
			t.Error("the burst did not arrive together")
		}
	})
	code, out, stderr := call(t.Context(), "load", url, "-H", "X-N: {{.Seq}}", "--rate", "0", "--burst", "40", "--for", "1s", "--json", "--out", filepath.Join(t.TempDir(), "run"))
	var r report.Result
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != 0 {
		t.Fatalf("exit %d, %v: %s", code, err, stderr)
	}
	if r.Load.Due != 40 || r.Load.OK != 40 || !(r.Load.SpreadMS > 0) {
		t.Errorf("due %d, ok %d, spread %v ms; want 40, 40 and some", r.Load.Due, r.Load.OK, r.Load.SpreadMS)
	}
	fits(t, string(report.ResultSchema), out)
}

func TestLoadEndsWithFilesAndAnExitCode(t *testing.T) {
	for _, c := range []struct {
		says    string
		answer  http.HandlerFunc
		flags   []string
		code    int
		outcome string
	}{
		{"without a goal there is nothing to break", fine, nil, 0, "30 requests, 30 ok"},
		{"a goal that holds", fine, []string{"--goal", "failed<1%", "--goal", "p50<5s"}, 0, "goal kept"},
		{"a quantile of too few requests", fine, []string{"--goal", "p99<5s"}, 3, "30 requests have no p99, it needs 100"},
		{"a goal that does not", fine, []string{"--goal", "p50<1us"}, 1, "goal missed: p50 is"},
		{"failures break the default share", func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-N") != "0" {
				w.WriteHeader(500)
			}
		}, []string{"-H", "X-N: {{.Seq}}", "--goal", "failed<1%"}, 1, "failed, want below 1%"},
	} {
		t.Run(c.says, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			args := append([]string{"load", server(t, c.answer), "--rate", "60/s", "--for", "500ms", "--out", dir}, c.flags...)
			code, _, stderr := call(t.Context(), args...)
			if code != c.code {
				t.Fatalf("exit %d, want %d: %s", code, c.code, stderr)
			}
			f, err := os.Open(filepath.Join(dir, "result.json"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			r, err := report.ReadResult(f)
			if err != nil {
				t.Fatal(err)
			}
			if r.Run.Outcome == nil || !strings.Contains(*r.Run.Outcome, c.outcome) || r.Load == nil || r.Load.Due != 30 {
				t.Errorf("result %+v, load %+v, want the outcome %q of 30 requests", r.Run, r.Load, c.outcome)
			}
			for _, name := range []string{"report.html", "summary.md", "junit.xml", "journal.jsonl"} {
				if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
					t.Errorf("%s: %v", name, err)
				}
			}
			code, _, stderr = call(t.Context(), args...)
			if code != exitMisuse || !strings.Contains(stderr, "a journal is never overwritten; choose another --out") {
				t.Errorf("a second run into the same folder: exit %d, %s", code, stderr)
			}
		})
	}
}

func TestJSONOnStandardOutputIsTheResultAndFitsItsSchema(t *testing.T) {
	code, stdout, stderr := call(t.Context(), "load", server(t, fine), "--rate", "50/s", "--for", "200ms", "--json", "--out", t.TempDir())
	if code != 0 {
		t.Fatal(stderr)
	}
	fits(t, string(report.ResultSchema), stdout)
}

func fits(t *testing.T, schema, text string) {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := compiled.Validate(value); err != nil {
		t.Error(err)
	}
}

// The schema of a spec and the structs that read it know the same keys.
func TestSpecSchemaKnowsTheKeysThatAreRead(t *testing.T) {
	var doc map[string]any
	if err := json.Unmarshal([]byte(specSchema), &doc); err != nil {
		t.Fatal(err)
	}
	same := func(where, typ string, schema map[string]any) {
		properties := schema["properties"].(map[string]any)
		for _, key := range specKeys()[typ] {
			if _, ok := properties[key]; !ok {
				t.Errorf("%s: the schema does not know %s", where, key)
			}
		}
		if len(properties) != len(specKeys()[typ]) {
			t.Errorf("%s: the schema knows %d keys, %d are read", where, len(properties), len(specKeys()[typ]))
		}
	}
	same("spec", "Spec", doc)
	parts := doc["properties"].(map[string]any)
	for key, typ := range map[string]string{"target": "TargetSpec", "find": "FindSpec", "limits": "LimitsSpec", "verify": "VerifySpec"} {
		same(key, typ, parts[key].(map[string]any))
	}
	own := parts["scenarios"].(map[string]any)["items"].(map[string]any)
	same("scenarios", "ScenarioSpec", own)
	for key, typ := range map[string]string{"phases": "PhaseSpec", "actors": "ActorSpec"} {
		same("scenarios."+key, typ, own["properties"].(map[string]any)[key].(map[string]any)["items"].(map[string]any))
	}
	requests := parts["target"].(map[string]any)["properties"].(map[string]any)["requests"].(map[string]any)
	same("target.requests", "RequestSpec", requests["items"].(map[string]any))
}

// No output shows a secret: not the streams, not the journal, not one of the files.
func TestSecretsReachTheTargetAndNoOutput(t *testing.T) {
	var right atomic.Int64
	url := server(t, func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if r.Header.Get("X-Api-Key") == "sesame-1" && user == "ada" && password == "sesame-2" && r.URL.Query().Get("token") == "sesame-3" {
			right.Add(1)
		}
	})
	dir := t.TempDir()
	body := filepath.Join(t.TempDir(), "body")
	if err := os.WriteFile(body, []byte("sesame-4"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := call(t.Context(), "load", url+"/?token=sesame-3", "-H", "X-Api-Key: sesame-1", "-u", "ada:sesame-2", "-d", "@"+body, "--rate", "50/s", "--for", "200ms", "--out", dir)
	if code != 0 || right.Load() < 10 {
		t.Fatalf("exit %d, %d requests carried the secrets: %s", code, right.Load(), stderr)
	}
	outputs := map[string]string{"stdout": stdout, "stderr": stderr}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			text, err := os.ReadFile(path)
			outputs[path] = string(text)
			return err
		}
		return err
	})
	if err != nil || len(outputs) < 6 {
		t.Fatalf("%d outputs: %v", len(outputs), err)
	}
	for name, text := range outputs {
		if strings.Contains(text, "sesame") || strings.Contains(text, "YWRhOnNlc2FtZS0y") {
			t.Errorf("%s holds a secret", name)
		}
	}
}

func TestAnInterruptLeavesAJournalAndAReport(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var n atomic.Int64
	url := server(t, func(http.ResponseWriter, *http.Request) {
		if n.Add(1) == 20 {
			cancel()
		}
	})
	dir := t.TempDir()
	code, stdout, stderr := call(ctx, "load", url, "--rate", "100/s", "--for", "1m", "--out", dir)
	if code != exitInterrupted {
		t.Errorf("exit %d, want %d: %s", code, exitInterrupted, stderr)
	}
	_, entries, err := readRun(dir)
	if err != nil {
		t.Fatal(err)
	}
	r := report.Fold(entries)
	if len(r.Trials) != 1 || r.Trials[0].Aborted == nil || r.Trials[0].All().Due < 15 || r.End == nil {
		t.Errorf("the journal holds %d trials, end %+v", len(r.Trials), r.End)
	}
	if _, err := os.Stat(filepath.Join(dir, "report.html")); err != nil || stdout == "" {
		t.Errorf("no partial report: %v", err)
	}
}

func TestTheHealthGuardStopsARun(t *testing.T) {
	var asked atomic.Int64
	url := server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" && asked.Add(1) > 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	began := time.Now()
	code, _, stderr := call(t.Context(), "find", url+"/", "--health", url+"/healthz", "--budget", "60s", "--max-rate", "50/s", "--out", t.TempDir())
	if code != exitHarm {
		t.Errorf("exit %d, want %d: %s", code, exitHarm, stderr)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("stopped after %v", took)
	}
}

func TestPreflightNamesAStatusThatIsNotOk(t *testing.T) {
	url := server(t, http.NotFound)
	code, _, stderr := call(t.Context(), "find", url, "--out", t.TempDir())
	if code != exitUnmeasured || !strings.Contains(stderr, "answers with status 404") || !strings.Contains(stderr, "--expect-status 404 allows it") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	secure := httptest.NewTLSServer(http.HandlerFunc(fine))
	t.Cleanup(secure.Close)
	secure.Config.ErrorLog = nil
	code, _, stderr = call(t.Context(), "find", secure.URL, "--out", t.TempDir())
	if code != exitUnmeasured || !strings.Contains(stderr, ": tls") || !strings.Contains(stderr, "-k trusts anyone") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	if code, _, stderr = call(t.Context(), "load", secure.URL, "-k", "--rate", "20/s", "--for", "200ms", "--out", t.TempDir()); code != 0 {
		t.Errorf("with -k: exit %d: %s", code, stderr)
	}
}

func TestReportRendersTheSameBytesAgain(t *testing.T) {
	dir := t.TempDir()
	if code, _, stderr := call(t.Context(), "load", server(t, fine), "--rate", "50/s", "--for", "300ms", "--out", dir); code != 0 {
		t.Fatal(stderr)
	}
	names := []string{"result.json", "report.html", "summary.md", "junit.xml"}
	before := map[string][]byte{}
	for _, name := range names {
		before[name], _ = os.ReadFile(filepath.Join(dir, name))
		_ = os.Remove(filepath.Join(dir, name))
	}
	if code, _, stderr := call(t.Context(), "report", dir); code != 0 {
		t.Fatal(stderr)
	}
	for _, name := range names {
		after, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !bytes.Equal(before[name], after) || len(after) == 0 {
			t.Errorf("%s was %d bytes, is %d: %v", name, len(before[name]), len(after), err)
		}
	}
}

func TestAHealthCheckThatFailsFromTheStartIsNoHarm(t *testing.T) {
	url := server(t, http.NotFound)
	for _, c := range []struct {
		health string
		code   int
		says   string
	}{
		{url + "/healthz", exitUnmeasured, "fails already"},
		{"http://", exitMisuse, "names no host"},
	} {
		code, _, stderr := call(t.Context(), "find", url, "--health", c.health, "--out", t.TempDir())
		if code != c.code || !strings.Contains(stderr, c.says) {
			t.Errorf("--health %s: exit %d, want %d: %s", c.health, code, c.code, stderr)
		}
	}
}

// A spec's headers reach the target, and flags win over those of the same name.
func TestRunSendsTheHeadersOfItsSpec(t *testing.T) {
	var right, wrong atomic.Int64
	url := server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer sesame" && r.Header.Get("X-Tenant") == "flag" && len(r.Header.Values("X-Tenant")) == 1 {
			right.Add(1)
			return
		}
		wrong.Add(1)
	})
	t.Setenv("SESAME", "sesame")
	spec := filepath.Join(t.TempDir(), "spec.yaml")
	text := "target:\n  url: " + url + "\n  headers:\n    Authorization: Bearer ${SESAME}\n    X-Tenant: spec\nfind: { budget: 5s, max_rate: 20/s }\n"
	if err := os.WriteFile(spec, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	_, _, stderr := call(ctx, "run", spec, "-H", "x-tenant: flag", "--out", t.TempDir())
	if right.Load() == 0 || wrong.Load() > 0 {
		t.Errorf("%d requests had the headers, %d had not: %s", right.Load(), wrong.Load(), stderr)
	}
}

func TestASpecIsJudgedBeforeAnythingIsSent(t *testing.T) {
	var sent atomic.Int64
	url := server(t, func(http.ResponseWriter, *http.Request) { sent.Add(1) })
	for _, c := range []struct{ rest, says string }{
		{"verify: { url: " + url + ", only: [stedy] }", "stedy"},
		{"verify: { url: " + url + ", profile: lax }", "lax"},
		{"verify: { url: " + url + ", expect: [perfection] }", "perfection"},
		{"verify: { url: " + url + ", limit: fast }", "fast"},
		{"verify: { url: " + url + ", burst: 5 }", "verify.burst 5 needs verify.limit"},
		{"verify: { url: " + url + ", limits: absent.json }", "absent.json"},
		{"limits: { margin: 100% }", "keeps everything back"},
		{"limits: { tiers: [a=10%, a=20%] }", "a is named twice"},
	} {
		spec := filepath.Join(t.TempDir(), "spec.yaml")
		if err := os.WriteFile(spec, []byte("target: { url: "+url+" }\n"+c.rest+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(t.TempDir(), "run")
		code, _, stderr := call(t.Context(), "run", spec, "--out", out)
		if code != exitMisuse || !strings.Contains(stderr, c.says) {
			t.Errorf("%s: exit %d, want %d: %s", c.rest, code, exitMisuse, stderr)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%s: left a folder behind", c.rest)
		}
	}
	if n := sent.Load(); n > 0 {
		t.Errorf("%d requests were sent for specs that cannot be", n)
	}
}

func TestALoadThatIsRefusedWholeKeepsNoGoal(t *testing.T) {
	url := server(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) })
	code, _, _ := call(t.Context(), "load", url, "--rate", "50/s", "--for", "200ms", "--goal", "p99<250ms", "--out", t.TempDir())
	if code != exitUndecided {
		t.Errorf("exit %d, want %d: nothing was answered, so nothing was kept", code, exitUndecided)
	}
}

// What goes wrong is told without the secrets in it.
func TestErrorsShowNoSecret(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, args := range [][]string{
		{"find", "http://127.0.0.1:1/", "-H", "Authorization Bearer sesame"},
		{"find", "ftp://ada:sesame@127.0.0.1/?token=sesame"},
		{"find", "http://ada:sesame@127.0.0.1:1/?token=sesame", "--out", filepath.Join(dir, "a")},
		{"https://ada:sesame@127.0.0.1/?token=sesame"},
		{"find", "http://127.0.0.1:1/", "--proxy", "sesame@"},
		{"find", "http://127.0.0.1:1/", "--health", "http://ada:sesame@127.0.0.1:1/?sesame"},
		{"run", write("a.yaml", "target:\n  usr: ada:sesame\n")},
		{"run", write("b.yaml", "target:\n  headers: \"Authorization: Bearer sesame\"\n")},
		{"find", "--targets", write("c.http", "GET http://127.0.0.1:1/\nAuthorization Bearer sesame\n")},
	} {
		code, stdout, stderr := call(t.Context(), args...)
		if code == 0 || stderr == "" {
			t.Errorf("%q went well", args)
		}
		if strings.Contains(stdout+stderr, "sesame") {
			t.Errorf("%q prints its secret: %s%s", args, stdout, stderr)
		}
	}
}

// A search goes on within the bounds that it began with.
func TestResumeKeepsTheBoundsOfTheRun(t *testing.T) {
	url := server(t, fine)
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if code, _, stderr := call(ctx, "find", url, "--max-rate", "40/s", "--budget", "6s", "--seed", "3", "--out", dir); code != exitInterrupted {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	code, _, stderr := call(t.Context(), "find", url, "--resume", dir, "--max-rate", "1000/s")
	if code != exitMisuse || !strings.Contains(stderr, "goes on with the run's own --max-rate") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	if code, _, stderr = call(t.Context(), "find", url, "--resume", dir); code != exitUndecided {
		t.Errorf("exit %d, want %d, the ceiling: %s", code, exitUndecided, stderr)
	}
	_, entries, err := readRun(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Trial != nil && e.Trial.Trial.Load() > 40 {
			t.Errorf("trial %d was sent at %.0f/s, above the run's --max-rate", e.Trial.Trial.N, e.Trial.Trial.Load())
		}
	}
	if code, _, stderr = call(t.Context(), "find", url, "--resume", dir); code != exitUndecided {
		t.Errorf("exit %d, want %d as before: %s", code, exitUndecided, stderr)
	}
	_, again, err := readRun(dir)
	if before, after := report.Fold(entries), report.Fold(again); err != nil || len(after.Trials) != len(before.Trials) || !after.End.At.Equal(before.End.At) {
		t.Errorf("a search that had ended, gone on with: %v, %d trials, ended %v; want %d, %v", err, len(after.Trials), after.End.At, len(before.Trials), before.End.At)
	}
	if code, _, stderr = call(t.Context(), "find", url+"/other", "--resume", dir); code != exitMisuse || !strings.Contains(stderr, "the target is not the one of") {
		t.Errorf("another target: exit %d: %s", code, stderr)
	}
}

func TestReportWritesOnlyWhatWasAskedFor(t *testing.T) {
	dir := t.TempDir()
	if code, _, stderr := call(t.Context(), "load", server(t, fine), "--rate", "50/s", "--for", "300ms", "--out", dir); code != 0 {
		t.Fatal(stderr)
	}
	out := filepath.Join(t.TempDir(), "public", "page")
	code, stdout, stderr := call(t.Context(), "report", dir, "--format", "html,md", "--out", out)
	if code != 0 || !strings.Contains(stdout, "answered") {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	files, err := os.ReadDir(out)
	if err != nil || len(files) != 1 || files[0].Name() != "report.html" {
		t.Errorf("the folder holds %v (%v), want report.html alone", files, err)
	}
	if code, _, stderr = call(t.Context(), "report", dir, "--format", "md", "--out", out); code != exitMisuse {
		t.Errorf("--out with nothing to write: exit %d: %s", code, stderr)
	}
}

// The example of scenarios is one: the schema knows it, and it is read.
func TestTheExampleOfScenariosFitsTheSchema(t *testing.T) {
	var doc map[string]any
	if err := yaml.Load([]byte(scenariosExample), &doc); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	fits(t, specSchema, string(text))
	path := filepath.Join(t.TempDir(), "own.yaml")
	if err := os.WriteFile(path, []byte(scenariosExample), 0o600); err != nil {
		t.Fatal(err)
	}
	specs, err := readScenarios(path)
	if err != nil || len(specs) != 1 {
		t.Fatalf("%d scenarios, %v; want 1", len(specs), err)
	}
	if own, err := specs[0].own(); err != nil || own.Validate() != nil || len(own.Phases) != 3 || len(own.Actors) != 2 {
		t.Errorf("%+v, %v, %v", own, err, own.Validate())
	}
}

// Who asks a plain server for TLS is told to leave it, and not whom to trust.
func TestHTTPSOfAPlainServerIsToldApart(t *testing.T) {
	url := strings.Replace(server(t, fine), "http://", "https://", 1)
	code, _, stderr := call(t.Context(), "load", url, "--for", "1s")
	if code != exitUnmeasured || !strings.Contains(stderr, "no TLS is spoken there") || !strings.Contains(stderr, "its URL begins with http://") || strings.Contains(stderr, "--cacert") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}
