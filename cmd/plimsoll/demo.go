package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/plimsoll-load/plimsoll/attack"
	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/report/journal"
	"github.com/plimsoll-load/plimsoll/scenarios/lab"
)

// The demo's lab bears a capacity drawn from here, and find has this long.
const (
	demoLow    = 400.
	demoHigh   = 1500.
	demoBudget = 42 * time.Second
)

func (a *app) demoCmd() *cobra.Command {
	fault := ""
	c := &cobra.Command{Use: "demo", GroupID: "measure", Short: "The whole story against an embedded lab, in under 90 s", Args: noArgs,
		Long: "Start a backend of secret capacity in a process of its own, find what it bears, advise limits, put a throttle with these limits in\n" +
			"front, prove it with storms, and write the report. --fault plants a fault in the throttle, which the storms then find.",
		Example: "  plimsoll demo\n  plimsoll demo --fault retry-after-short\n  plimsoll demo --seed 7 --out demo",
		RunE:    func(c *cobra.Command, _ []string) error { return a.demo(c.Context(), fault) }}
	a.outputFlags(c.Flags())
	c.Flags().StringVar(&fault, "fault", "", "fault to plant in the throttle (plimsoll lab --fault list lists them)")
	return c
}

// child is this program in a second process: no garbage collector or scheduler is shared with the generator.
type child struct {
	url   string
	cmd   *exec.Cmd
	leash io.Closer
}

func startLab(args ...string) (*child, error) {
	return startSelf(append([]string{"lab", "--addr", "127.0.0.1:0", "--leash"}, args...)...)
}

// startSelf starts a command of this program that prints a URL first, and ends when its standard input does.
func startSelf(args ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	return startProgram(self, args...)
}

func startProgram(path string, args ...string) (*child, error) {
	cmd := exec.Command(path, args...)
	cmd.Stderr = os.Stderr
	for _, v := range os.Environ() { // what is said to this program is not said to it
		if !strings.HasPrefix(v, "PLIMSOLL_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	leash, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start plimsoll %s: %w", args[0], err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	c := &child{cmd: cmd, leash: leash}
	if err != nil {
		c.stop()
		return nil, fmt.Errorf("start plimsoll %s: it said nothing: %w", args[0], err)
	}
	c.url = strings.Fields(line)[0]
	return c, nil
}

// stop ends it and waits for it.
func (c *child) stop() {
	_ = c.leash.Close()
	_ = c.cmd.Wait()
}

// demo tells the whole story. The search is given a URL and nothing else.
func (a *app) demo(ctx context.Context, fault string) error {
	if err := checkFault(fault); err != nil {
		return err
	}
	seed := a.seed()
	capacity := demoLow + (demoHigh-demoLow)*rand.New(rand.NewPCG(seed, 0x6c6162)).Float64()
	truth := journal.Lab{Capacity: lab.Sized(capacity, seed).Capacity(), Fault: fault}
	backend, err := startLab("--capacity", fmt.Sprint(capacity), "--seed", fmt.Sprint(seed))
	if err != nil {
		return err
	}
	defer backend.stop()

	a.spec.Target.URL, a.spec.Find.Budget, a.spec.Verify.Brief = backend.url, demoBudget, true
	if a.spec.Name == "" {
		a.spec.Name = "the lab"
	}
	plan, err := a.searchPlan()
	if err != nil {
		return err
	}
	w, err := a.wire()
	if err != nil {
		return err
	}
	defer w.close()
	if err := w.preflight(ctx, false); err != nil {
		return err
	}
	s, err := a.beginOn("demo", w, func(r *journal.Run) { r.Goal = plan.Goal.String() })
	if err != nil {
		return err
	}
	return s.guarded(ctx, func(ctx context.Context) (int, string, error) {
		c, err := s.search(ctx, plan, limits.Policy{Goal: plan.Goal}, w, nil)
		if err != nil {
			return 0, "", err
		}
		if err := s.put(journal.Entry{Lab: &truth}); err != nil {
			return 0, "", err
		}
		if !c.Decided() || ctx.Err() != nil {
			code, outcome := judgeCapacity(ctx, c)
			return code, outcome, nil
		}
		advice, err := recommend(c, limits.Policy{Goal: plan.Goal})
		if err != nil {
			return 0, "", err
		}
		if err := s.put(journal.Entry{Limits: &advice}); err != nil {
			return 0, "", err
		}
		backend.stop()
		return s.prove(ctx, capacity, seed, advice.Limit, fault, func(v *wire) (int, string, error) { return s.verify(ctx, v, advice.Limit) })
	})
}

// prove starts the same backend behind a gateway with these limits and hands the way to it to verify.
func (s *session) prove(ctx context.Context, capacity float64, seed uint64, l limits.Limit, fault string, verify func(*wire) (int, string, error)) (int, string, error) {
	gateway, err := startLab("--capacity", fmt.Sprint(capacity), "--seed", fmt.Sprint(seed),
		"--rate", attack.Rate(l.Rate).String(), "--burst", strconv.Itoa(l.Burst), "--fault", fault)
	if err != nil {
		return 0, "", err
	}
	defer gateway.stop()
	other := *s.app
	spec := *s.app.spec
	spec.Target.URL = gateway.url
	other.spec = &spec
	w, err := other.wire()
	if err != nil {
		return 0, "", err
	}
	defer w.close()
	if err := w.preflight(ctx, true); err != nil {
		return 0, "", err
	}
	return verify(w)
}
