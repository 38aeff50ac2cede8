package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"baryon/provisioner/terraform"
	"baryon/reconciler"
	"baryon/state"
)

// withTerraform makes the story the one with Terraform code, if there is
// something to run it: binary, or whichever is found.
func (s *story) withTerraform(ctx context.Context, binary string) (err error) {
	if s.terraform, err = terraform.Find(ctx, binary, os.Getenv("PATH")); err != nil {
		return fmt.Errorf("%w; or see the story without it: baryon demo", err)
	}
	s.chapters = []func(context.Context) error{s.code, s.planned, s.moved, s.byHand, s.destroyed}
	return nil
}

// configureTerraform looks for drift often, and puts it right in dev.
func (s *story) configureTerraform(cfg *config) {
	cfg.Terraform.Binary = s.terraform.Path
	cfg.Settings.Drift = reconciler.DriftRule{
		Every: 2 * time.Second, Mode: reconciler.DriftIgnore, Environments: map[string]string{dev.Name: reconciler.DriftCorrect},
	}
}

// code: the templates are published, and what asks nobody is planned and applied.
func (s *story) code(ctx context.Context) error {
	s.sayf("%s %s is what plans and applies here", s.terraform.Name, s.terraform.Version)
	if err := s.registered(ctx, state.KindEnvironment, "net-env", first); err != nil {
		return err
	}
	s.sayf("template net-env 1.0 registered as DRAFT; dev waits for somebody to publish it")
	if err := s.publish(ctx, state.KindEnvironment, "net-env", first); err != nil {
		return err
	}
	if err := s.up(ctx, dev); err != nil {
		return err
	}
	if err := s.witness(dev, `"value":"10.0.0.0/16"`, true); err != nil {
		return err
	}
	if err := s.registered(ctx, state.KindService, "app-svc", first); err != nil {
		return err
	}
	if err := s.publish(ctx, state.KindService, "app-svc", first); err != nil {
		return err
	}
	return s.up(ctx, shopDev)
}

// planned: prod asks for an approval, which is about terraform's plan; that plan
// is applied.
func (s *story) planned(ctx context.Context) error {
	t, err := s.until(ctx, prod, "waiting for the approval of its plan", func(t state.Target) bool { return t.Waiting.Reason == state.WaitApproval })
	if err != nil {
		return err
	}
	s.tellPlan(t)
	if err := s.witness(prod, "", false); err != nil {
		return err
	}
	plan := t.Observed.Foreseen.ID
	if err := s.approve(ctx, prod, "the plan is what I expect"); err != nil {
		return err
	}
	if err := s.up(ctx, prod); err != nil {
		return err
	}
	last, err := s.d.store.LastDeployment(ctx, prod)
	if err != nil {
		return err
	}
	if last.Plan != plan {
		return fmt.Errorf("%s applied the plan %q, and %q was approved", prod, last.Plan, plan)
	}
	if err := s.witness(prod, `"value":"10.1.0.0/16"`, true); err != nil {
		return err
	}
	return s.up(ctx, shopProd)
}

// moved: a change in a spec replaces the network, and what reads its outputs
// follows.
func (s *story) moved(ctx context.Context) error {
	if err := s.push("Give dev another address range", "terraform-change"); err != nil {
		return err
	}
	if _, err := s.until(ctx, dev, "in its new network", func(t state.Target) bool {
		return t.Status == state.Succeeded && t.Deployed.Outputs["Cidr"] == "10.8.0.0/16"
	}); err != nil {
		return err
	}
	last, err := s.d.store.LastDeployment(ctx, dev)
	if err != nil {
		return err
	}
	for _, c := range last.Changes {
		if c.Action == "replace" {
			s.sayf("%s: replaced %s because of %s", dev, c.Address, strings.Join(c.Forces, ", "))
		}
	}
	t, err := s.until(ctx, shopDev, "in its environment's new network", func(t state.Target) bool { return t.Deployed.Outputs["Network"] == "10.8.0.0/16" })
	if err != nil {
		return err
	}
	s.sayf("%s reads that network and follows: %s", shopDev, outputs(t))
	return s.witness(dev, `"value":"10.8.0.0/16"`, true)
}

// byHand: somebody applies other code to dev's state; that is found, and put
// right.
func (s *story) byHand(ctx context.Context) error {
	dir, err := os.MkdirTemp(filepath.Dir(s.d.cfg.Data), "bob-")
	if err != nil {
		return err
	}
	code := fmt.Sprintf("terraform {\n  backend \"local\" {\n    path = %q\n  }\n}\nresource \"terraform_data\" \"network\" {\n  input = \"10.66.0.0/16\"\n}\n", s.stateFile(dev))
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(code), 0o600); err != nil {
		return err
	}
	for _, args := range [][]string{{"init", "-input=false"}, {"apply", "-input=false", "-auto-approve", "-lock-timeout=30s"}} {
		cmd := exec.CommandContext(ctx, s.terraform.Path, args...)
		cmd.Dir = dir
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "CHECKPOINT_DISABLE=1"}
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s %s: %w\n%s", s.terraform.Name, args[0], err, out)
		}
	}
	s.sayf("Bob runs %s apply on dev's state by hand, with code of his own", s.terraform.Name)
	for {
		changed := s.d.store.Changed()
		last, err := s.d.store.LastDeployment(ctx, dev)
		if err == nil && strings.Contains(last.Reason, "correcting drift") && last.Status == state.Succeeded {
			s.sayf("%s: %s", dev, last.Reason)
			break
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("what Bob did to %s is not corrected: %w", dev, ctx.Err())
		}
	}
	if err := s.witness(dev, "10.66.0.0/16", false); err != nil {
		return err
	}
	return s.witness(dev, `"value":"10.8.0.0/16"`, true)
}

// destroyed: an instance leaves its document; terraform's plan of its end is
// shown to a person, and applied.
func (s *story) destroyed(ctx context.Context) error {
	if err := s.push("Remove the instance prod of shop", "terraform-removal"); err != nil {
		return err
	}
	t, err := s.until(ctx, shopProd, "held by the deletion guard, with a plan", func(t state.Target) bool {
		return t.Waiting.Reason == state.WaitGuard && t.Observed.Foreseen.Done
	})
	if err != nil {
		return err
	}
	s.tellPlan(t)
	if err := s.approve(ctx, shopProd, "nobody uses it any more"); err != nil {
		return err
	}
	if err := s.gone(ctx, shopProd); err != nil {
		return err
	}
	s.sayf("%s is gone", shopProd)
	return s.witness(shopProd, `"resources":[]`, true)
}

func (s *story) approve(ctx context.Context, ref state.Ref, why string) error {
	if err := s.d.store.Approve(ctx, "Ada", ref, why); err != nil {
		return err
	}
	s.d.loop.Wake()
	s.sayf("baryon approve %s --why '%s'", ref, why)
	return nil
}

func (s *story) tellPlan(t state.Target) {
	for i, line := range strings.Split(t.Waiting.Why, "\n") {
		if i == 0 {
			line = t.Ref.String() + " waits: " + line
		}
		s.sayf("%s", line)
	}
}

func (s *story) stateFile(ref state.Ref) string {
	return filepath.Join(s.d.cfg.Data, "terraform", "stacks", ref.Stack(), "terraform.tfstate")
}

// witness looks into terraform's own state: it holds a text or, unless holds,
// does not; the empty text is in every state.
func (s *story) witness(ref state.Ref, text string, holds bool) error {
	got, err := os.ReadFile(s.stateFile(ref))
	if err != nil && (holds || !errors.Is(err, os.ErrNotExist)) {
		return err
	}
	var compact bytes.Buffer // as tofu writes it; terraform indents
	if err == nil {
		err = json.Compact(&compact, got)
	}
	if has := err == nil && strings.Contains(compact.String(), text); has != holds {
		return fmt.Errorf("the state of %s holds %s: %v, want %v", ref, text, has, holds)
	}
	return nil
}
