package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/plimsoll-load/plimsoll/limits"
	"github.com/plimsoll-load/plimsoll/report/journal"
)

func (a *app) runCmd() *cobra.Command {
	c := &cobra.Command{Use: "run SPEC", GroupID: "measure", Short: "Find, advise, verify and report, as one YAML file asks",
		Long:    "Find the capacity of target, advise limits, and, when verify.url names a throttled endpoint, prove them there. Flags win over\nthe environment, which wins over the spec. plimsoll schema spec describes the file.",
		Example: "  plimsoll run checkout.yaml\n  plimsoll run checkout.yaml --plan\n  plimsoll run checkout.yaml --quick --out report", Args: oneArg("spec file"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := a.takeSpec(args[0], c.Flags()); err != nil {
				return inSpec(args[0], c.Flags(), err)
			}
			return inSpec(args[0], c.Flags(), a.runSpec(c.Context()))
		}}
	a.runFlags(c.Flags())
	c.Flags().BoolVar(&a.plan, "plan", false, "say what would be sent, and send nothing")
	return c
}

func (a *app) runFlags(fs *pflag.FlagSet) {
	a.goalFlags(fs)
	a.findFlags(fs)
	a.adviseFlags(fs)
	a.verifyFlags(fs)
	a.outputFlags(fs)
	a.baselineFlag(fs)
	targetFlags(fs, &a.spec.Target)
}

// takeSpec reads the file over the defaults and sets the flags that were given over that.
func (a *app) takeSpec(path string, given *pflag.FlagSet) error {
	spec, err := readSpec(path)
	if err != nil {
		return err
	}
	a.spec = spec
	headers := slices.Clone(spec.Target.Headers)
	again := pflag.NewFlagSet("run", pflag.ContinueOnError)
	a.runFlags(again)
	var failed error
	given.Visit(func(f *pflag.Flag) {
		to := again.Lookup(f.Name)
		if to == nil || failed != nil {
			return
		}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			failed = to.Value.(pflag.SliceValue).Replace(list.GetSlice())
			return
		}
		failed = to.Value.Set(f.Value.String())
	})
	if failed == nil {
		failed = folderNamed(a.spec.Out)
	}
	if given.Changed("header") {
		a.spec.Target.Headers = over(headers, a.spec.Target.Headers)
	}
	return failed
}

// over are the lines of base, those left out that the lines above name again, and then these.
func over(base, above Headers) Headers {
	name := func(line string) string {
		n, _, _ := strings.Cut(line, ":")
		return strings.ToLower(strings.TrimSpace(n))
	}
	out := Headers{}
	for _, line := range base {
		if !slices.ContainsFunc(above, func(o string) bool { return name(o) == name(line) }) {
			out = append(out, line)
		}
	}
	return append(out, above...)
}

// runSpec is the whole story of one spec.
func (a *app) runSpec(ctx context.Context) error {
	if err := a.checkBaseline(); err != nil {
		return err
	}
	plan, err := a.searchPlan()
	if err != nil {
		return err
	}
	policy, err := a.policy(plan.Goal)
	if err != nil {
		return err
	}
	told, err := a.toldLimit()
	if err != nil {
		return err
	}
	w, err := a.wire()
	if err != nil {
		return err
	}
	defer w.close()
	throttled, err := a.throttledWire()
	if err != nil {
		return err
	}
	if throttled != nil {
		defer throttled.close()
	}
	if a.plan {
		return a.explainRun(plan, w, throttled, told, *cmp.Or(policy.Margin, new(limits.DefaultMargin)))
	}
	if err := w.preflight(ctx, false); err != nil {
		return err
	}
	if throttled != nil {
		if err := throttled.preflight(ctx, true); err != nil {
			return err
		}
	}
	s, err := a.beginOn("run", w, func(r *journal.Run) { r.Goal, r.Limit, r.Tiers = plan.Goal.String(), told, a.tiersOf(told) })
	if err != nil {
		return err
	}
	plan.Seed = a.spec.Seed
	return s.guarded(ctx, func(ctx context.Context) (int, string, error) {
		c, err := s.search(ctx, plan, policy, w, nil)
		if err != nil || !c.Decided() || ctx.Err() != nil {
			code, outcome := judgeCapacity(ctx, c)
			return code, outcome, err
		}
		policy.Goal = promised(plan, c)
		advice, err := recommend(c, policy)
		if err != nil {
			return 0, "", err
		}
		if err := s.put(journal.Entry{Limits: &advice}); err != nil {
			return 0, "", err
		}
		if throttled == nil {
			return exitKept, sayLimit(advice.Limit), nil
		}
		limit := advice.Limit
		if told != nil {
			limit = *told
		}
		return s.verify(ctx, throttled, limit)
	})
}

// toldLimit is the limit that the throttle of a spec is said to have, or nil: it has the one that is advised. Whatever else
// verify was told wrong is found out here too, before anything is sent.
func (a *app) toldLimit() (*limits.Limit, error) {
	v := a.spec.Verify
	if v.URL == "" {
		return nil, nil
	}
	stand := limits.Limit{Rate: 100, Burst: 10} // stands for the one to be advised
	if v.Limit == "" && v.Limits == "" {
		if v.Burst != 0 {
			return nil, misuse("verify.burst %d needs verify.limit: without both, the limit is the one advised", v.Burst)
		}
		_, err := a.scenarioConfig(stand)
		return nil, err
	}
	limit, err := a.verifyLimit()
	if err != nil {
		return nil, err
	}
	_, err = a.scenarioConfig(limit)
	return &limit, err
}

// throttledWire is the way to the endpoint that verify.url names, or nil where the spec names none.
func (a *app) throttledWire() (*wire, error) {
	if a.spec.Verify.URL == "" {
		return nil, nil
	}
	other := *a
	spec := *a.spec
	spec.Target.URL, spec.Target.File, spec.Target.Requests = spec.Verify.URL, "", nil
	other.spec = &spec
	if err := other.takeRefusal(); err != nil {
		return nil, err
	}
	w, err := other.wire()
	var f *failure
	if errors.As(err, &f) && f.key == "target.url" {
		f.key = "verify.url"
	}
	if err != nil {
		return nil, err
	}
	stand := limits.Limit{Rate: 100, Burst: 10} // stands for the one to be advised
	if c, err := other.scenarioConfig(stand); err == nil {
		w.who = c.Identity
	}
	return w, nil
}
