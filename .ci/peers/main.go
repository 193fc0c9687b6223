// Peers runs plimsoll and its peers side by side on the same servers and prints what each costs and how true it is.
//
// It measures from outside: processor time and memory of the whole process tree as the kernel counts them, requests as the
// server counts them, arrivals as the server sees them. Rounds are interleaved, so that a machine that drifts is unfair to
// all alike, and medians are shown. .ci/bench-peers installs the tools and calls it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// bench is one call of the program.
type bench struct {
	bin, plimsoll, repo string
	rounds              int
	quick               bool
	tools               []tool
	nginx               *nginx
	arrivals            *arrivals
	tmp                 string
}

// parts in the order they run and print.
var parts = []struct {
	name string
	run  func(*bench, context.Context) error
}{
	{"cpu", (*bench).cpu}, {"max", (*bench).most}, {"fidelity", (*bench).fidelity}, {"stall", (*bench).stall},
	{"rss", (*bench).memory}, {"burst", (*bench).burst}, {"allocs", (*bench).allocs}, {"viewers", (*bench).viewers},
	{"collapse", (*bench).collapse},
}

// usual are the parts that run unless others are asked for.
const usual = "cpu,max,fidelity,stall,rss,burst,allocs"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-peers:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var b bench
	var names []string
	for _, p := range parts {
		names = append(names, p.name)
	}
	flag.StringVar(&b.bin, "bin", "", "folder of the peers")
	flag.StringVar(&b.plimsoll, "plimsoll", "", "the plimsoll to measure")
	flag.StringVar(&b.repo, "repo", ".", "its source, for the benchmarks in it")
	only := flag.String("only", usual, "parts to run")
	tools := flag.String("tools", "", "tools to run beside plimsoll (default all that are installed)")
	flag.IntVar(&b.rounds, "rounds", 5, "rounds of which the median is shown")
	flag.BoolVar(&b.quick, "quick", false, "shorter runs")
	flag.Parse()

	var err error
	if b.tmp, err = os.MkdirTemp("", "peers"); err != nil {
		return err
	}
	defer os.RemoveAll(b.tmp)
	b.tools = installed(b.bin, b.plimsoll, *tools)
	if b.nginx, err = startNginx(b.tmp); err != nil {
		return err
	}
	defer b.nginx.stop()
	if b.arrivals, err = listen(); err != nil {
		return err
	}
	defer b.arrivals.close()
	b.preface(ctx)
	for _, want := range strings.Split(*only, ",") {
		i := slices.Index(names, want)
		if i < 0 {
			return fmt.Errorf("unknown part %q, want some of %s", want, strings.Join(names, ","))
		}
		if err := parts[i].run(&b, ctx); err != nil {
			return fmt.Errorf("%s: %w", want, err)
		}
	}
	return nil
}

// installed are plimsoll and the peers that are there; asked narrows them.
func installed(bin, plimsoll, asked string) []tool {
	wanted := strings.Split(asked, ",")
	var out []tool
	for _, t := range known {
		t.path = filepath.Join(bin, t.name)
		if t.name == "plimsoll" {
			t.path = plimsoll
		} else if _, err := os.Stat(t.path); err != nil || asked != "" && !slices.Contains(wanted, t.name) {
			continue
		}
		out = append(out, t)
	}
	return out
}

// long is a length of run, shortened by --quick; always whole seconds.
func (b *bench) long(d time.Duration) time.Duration {
	if b.quick {
		return max(2*time.Second, (d / 2).Truncate(time.Second))
	}
	return d
}

// preface says what was measured where.
func (b *bench) preface(ctx context.Context) {
	kernel, _ := exec.CommandContext(ctx, "uname", "-sr").Output()
	fmt.Printf("Measured %s on %d cores, %s, %s; tools and servers share the cores. Medians of %d interleaved rounds.\n\n",
		time.Now().UTC().Format("2006-01-02 15:04 MST"), runtime.NumCPU(), strings.TrimSpace(string(kernel)), runtime.Version(), b.rounds)
	var versions []string
	commit, _ := exec.CommandContext(ctx, "git", "-C", b.repo, "describe", "--always", "--dirty").Output() // empty outside a repository
	for _, t := range b.tools {
		if t.name == "plimsoll" {
			versions = append(versions, "plimsoll "+strings.TrimSpace(string(commit)))
			continue
		}
		versions = append(versions, t.name+" "+t.version(ctx))
	}
	fmt.Println(strings.Join(versions, " · "))
}

// progress tells people that it goes on.
func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
