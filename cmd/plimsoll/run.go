package main

import (
	"context"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/plimsoll-load/plimsoll/report/journal"
)

func (a *app) runCmd() *cobra.Command {
	c := &cobra.Command{Use: "run SPEC", GroupID: "measure", Short: "Find, advise, verify and report, as one YAML file asks",
		Long:    "Find the capacity of target, advise limits, and, when verify.url names a throttled endpoint, prove them there. Flags win over\nthe environment, which wins over the spec. plimsoll schema spec describes the file.",
		Example: "  plimsoll run checkout.yaml\n  plimsoll run checkout.yaml --quick --out report", Args: oneArg("spec file"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := a.takeSpec(args[0], c.Flags()); err != nil {
				return err
			}
			return a.runSpec(c.Context())
		}}
	a.runFlags(c.Flags())
	return c
}

func (a *app) runFlags(fs *pflag.FlagSet) {
	a.goalFlags(fs)
	a.findFlags(fs)
	a.adviseFlags(fs)
	a.verifyFlags(fs)
	a.outputFlags(fs)
	targetFlags(fs, &a.spec.Target)
}

// takeSpec reads the file over the defaults and sets the flags that were given over that.
func (a *app) takeSpec(path string, given *pflag.FlagSet) error {
	spec, err := readSpec(path)
	if err != nil {
		return err
	}
	a.spec = spec
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
	return failed
}

// runSpec is the whole story of one spec.
func (a *app) runSpec(ctx context.Context) error {
	plan, err := a.searchPlan()
	if err != nil {
		return err
	}
	policy, err := a.policy(plan.Goal)
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
	throttled, err := a.throttledWire(ctx)
	if err != nil {
		return err
	}
	if throttled != nil {
		defer throttled.close()
	}
	s, err := a.beginOn("run", w, func(r *journal.Run) { r.Goal = plan.Goal.String() })
	if err != nil {
		return err
	}
	plan.Seed = a.spec.Seed
	return s.guarded(ctx, func(ctx context.Context) (int, string, error) {
		c, err := s.search(ctx, plan, w, nil)
		if err != nil || !c.Decided() || ctx.Err() != nil {
			code, outcome := judgeCapacity(c)
			return code, outcome, err
		}
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
		if a.spec.Verify.Limit != "" || a.spec.Verify.Limits != "" {
			if limit, err = a.verifyLimit(); err != nil {
				return 0, "", err
			}
		}
		return s.verify(ctx, throttled, limit)
	})
}

// throttledWire is the way to the endpoint that verify.url names, or nil where the spec names none.
func (a *app) throttledWire(ctx context.Context) (*wire, error) {
	if a.spec.Verify.URL == "" {
		return nil, nil
	}
	other := *a
	spec := *a.spec
	spec.Target.URL, spec.Target.File, spec.Target.Requests = spec.Verify.URL, "", nil
	other.spec = &spec
	w, err := other.wire()
	if err != nil {
		return nil, err
	}
	if err := w.preflight(ctx, true); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}
