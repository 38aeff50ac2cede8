package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"slices"
	"strings"
	"time"

	"baryon/examples"
	"baryon/gitsource/githost"
	"baryon/provisioner/terraform"
	"baryon/state"
)

// A story is what the demo tells, and checks while it tells it.
type story struct {
	d     *daemon
	host  *githost.Host
	url   string
	out   io.Writer
	json  bool // tell each event as a line of JSON
	began time.Time

	chapters  []func(context.Context) error
	terraform terraform.Program // of the story with Terraform code
	account   *simulated        // of the story on CloudFormation
}

var (
	dev, prod, staging = state.EnvironmentRef("dev"), state.EnvironmentRef("prod"), state.EnvironmentRef("staging")

	shopDev, shopProd = state.InstanceRef("shop", "dev"), state.InstanceRef("shop", "prod")
	canary            = state.InstanceRef("shop", "canary")
	shopPipeline      = state.PipelineRef("shop")
	search            = state.ComponentRef("search")

	first, second = state.Version{Major: 1}, state.Version{Major: 1, Minor: 1}
)

// shell is the story whose templates are scripts.
func (s *story) shell() []func(context.Context) error {
	return []func(context.Context) error{s.first, s.service, s.fix, s.failing, s.recovery, s.removal, s.broken}
}

// tell is the whole story. Each chapter ends with a check of what it tells.
func (s *story) tell(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for _, chapter := range s.chapters {
		if err := chapter(ctx); err != nil {
			return fmt.Errorf("the demo did not go as told: %w", err)
		}
	}
	s.sayf("all as told")
	return nil
}

// begin makes the first push, before there is a daemon.
func (s *story) begin() error {
	if s.terraform.Path != "" {
		return s.push("Add the templates net-env and app-svc, two environments and a service", "terraform")
	}
	return s.push("Add the template web-env and two environments", "demo")
}

// first: template 1.0 is registered, a person publishes it, and the
// environments that waited for it come up.
func (s *story) first(ctx context.Context) error {
	if err := s.registered(ctx, state.KindEnvironment, "web-env", first); err != nil {
		return err
	}
	s.sayf("template web-env 1.0 registered as DRAFT; dev waits for somebody to publish it")
	if err := s.publish(ctx, state.KindEnvironment, "web-env", first); err != nil {
		return err
	}
	return s.up(ctx, dev, prod)
}

// service: three instances in two environments, a component that one of them
// reads, and a pipeline that sees all of them.
func (s *story) service(ctx context.Context) error {
	if err := s.push("Add the service shop, and its component search", "demo-services"); err != nil {
		return err
	}
	if err := s.registered(ctx, state.KindService, "web-svc", first); err != nil {
		return err
	}
	if err := s.publish(ctx, state.KindService, "web-svc", first); err != nil {
		return err
	}
	t, err := s.deployed(ctx, search, "")
	if err != nil {
		return err
	}
	s.sayf("%s is up: %s; the instance it is attached to comes after it", search, outputs(t))
	if err := s.up(ctx, shopDev, canary, shopProd); err != nil {
		return err
	}
	return s.stages(ctx, "3")
}

// fix: a corrected template is pushed; who follows the major moves, who is
// pinned stays, and what reads a changed output is deployed again.
func (s *story) fix(ctx context.Context) error {
	before, err := s.d.store.Target(ctx, prod)
	if err != nil {
		return err
	}
	if err := s.push("Fix the endpoint of web-env", "demo-fix"); err != nil {
		return err
	}
	if err := s.registered(ctx, state.KindEnvironment, "web-env", second); err != nil {
		return err
	}
	if err := s.publish(ctx, state.KindEnvironment, "web-env", second); err != nil {
		return err
	}
	t, err := s.deployed(ctx, dev, "1.1")
	if err != nil {
		return err
	}
	s.sayf("%s followed to web-env 1.1: %s", dev, outputs(t))
	want := t.Deployed.Outputs["Endpoint"] + "/shop"
	t, err = s.until(ctx, shopDev, "at its environment's new endpoint", func(t state.Target) bool { return t.Deployed.Outputs["Url"] == want })
	if err != nil {
		return err
	}
	s.sayf("%s reads that endpoint and follows: %s", shopDev, outputs(t))
	after, err := s.d.store.Target(ctx, prod)
	if err != nil {
		return err
	}
	if after.Deployed.Deployment != before.Deployed.Deployment || after.Deployed.Version.String() != "1.0" {
		return fmt.Errorf("%s is pinned to 1.0 and moved to %s", prod, after.Deployed.Version)
	}
	s.sayf("%s is pinned and stays on web-env 1.0", prod)
	return s.stages(ctx, "3")
}

// failing: of two instances changed by one push one cannot be deployed; the
// other is, and the third is not touched.
func (s *story) failing(ctx context.Context) error {
	before, err := s.d.store.Target(ctx, shopProd)
	if err != nil {
		return err
	}
	if err := s.push("Give dev a second process, and canary too many", "demo-failing"); err != nil {
		return err
	}
	t, err := s.until(ctx, canary, "failed", func(t state.Target) bool { return t.Status == state.Failed })
	if err != nil {
		return err
	}
	s.sayf("%s failed: %s", canary, strings.ReplaceAll(strings.TrimSpace(t.Message), "\n", ": "))
	t, err = s.running(ctx, shopDev, "2")
	if err != nil {
		return err
	}
	s.sayf("%s, of the same push, moved all the same: %s", shopDev, outputs(t))
	after, err := s.d.store.Target(ctx, shopProd)
	if err != nil {
		return err
	}
	if after.Deployed.Deployment != before.Deployed.Deployment {
		return fmt.Errorf("nothing of %s changed, and it was deployed again", shopProd)
	}
	return nil
}

// recovery: the correction is a push like any other.
func (s *story) recovery(ctx context.Context) error {
	if err := s.push("Give canary what its environment holds", "demo-recovery"); err != nil {
		return err
	}
	t, err := s.running(ctx, canary, "2")
	if err != nil {
		return err
	}
	s.sayf("%s recovered: %s", canary, outputs(t))
	return s.stages(ctx, "3")
}

// removal: an instance leaves its document, the guard holds the deletion until a
// person approves it, and the pipeline no longer has its stage.
func (s *story) removal(ctx context.Context) error {
	if err := s.push("Remove canary", "demo-removal"); err != nil {
		return err
	}
	t, err := s.until(ctx, canary, "held by the deletion guard", func(t state.Target) bool { return t.Waiting.Reason == state.WaitGuard })
	if err != nil {
		return err
	}
	s.sayf("%s waits: %s", canary, t.Waiting.Why)
	if err := s.d.store.Approve(ctx, "Ada", canary, "nobody uses it any more"); err != nil {
		return err
	}
	s.d.loop.Wake()
	s.sayf("baryon approve %s --why 'nobody uses it any more'", canary)
	if err := s.gone(ctx, canary); err != nil {
		return err
	}
	s.sayf("%s is gone", canary)
	return s.stages(ctx, "2")
}

// broken: a spec with mistakes is refused with its reasons, and what was pushed
// with it is deployed all the same.
func (s *story) broken(ctx context.Context) error {
	if err := s.push("Add staging, and make mistakes in dev", "demo-broken"); err != nil {
		return err
	}
	refused, err := s.until(ctx, dev, "its broken spec is refused", func(t state.Target) bool { return t.Desired.Refused != "" })
	if err != nil {
		return err
	}
	for line := range strings.SplitSeq(strings.TrimSpace(refused.Desired.Refused), "\n") {
		s.sayf("refused: %s", line)
	}
	if refused.Deployed.Version.String() != "1.1" || refused.Status != state.Succeeded {
		return fmt.Errorf("%s should have stayed on 1.1 and is %s on %s", dev, refused.Status, refused.Deployed.Version)
	}
	s.sayf("%s stays as it was", dev)
	t, err := s.deployed(ctx, staging, "1.1")
	if err != nil {
		return err
	}
	s.sayf("%s, of the same push, is up: %s", staging, outputs(t))
	return nil
}

func (s *story) sayf(format string, args ...any) {
	after, text := time.Since(s.began).Seconds(), fmt.Sprintf(format, args...)
	if s.json {
		line, err := json.Marshal(struct {
			Seconds float64 `json:"seconds"`
			Event   string  `json:"event"`
		}{math.Round(after*10) / 10, text})
		if err == nil { // a number and a text
			fmt.Fprintf(s.out, "%s\n", line)
		}
		return
	}
	fmt.Fprintf(s.out, "%6.1fs  %s\n", after, text)
}

// push commits an example folder over what the repository holds.
func (s *story) push(message, folder string) error {
	files, err := fs.Sub(examples.Files, folder)
	if s.account != nil && err == nil {
		files, err = stacked(folder)
	}
	if err != nil {
		return err
	}
	change := githost.Change{Author: "Ada", Email: "ada@example.com", Message: message, Files: files}
	if _, err := s.host.Commit("platform", change); err != nil {
		return err
	}
	if s.d != nil {
		s.d.pushed(s.url)
	}
	s.sayf("git push: %s", message)
	return nil
}

func (s *story) publish(ctx context.Context, kind state.Kind, template string, version state.Version) error {
	if err := s.d.store.Publish(ctx, "demo", kind, template, version); err != nil {
		return err
	}
	s.d.loop.Wake()
	s.sayf("baryon publish %s %s", template, version)
	return nil
}

// registered waits for a version of a template to be a draft.
func (s *story) registered(ctx context.Context, kind state.Kind, template string, version state.Version) error {
	for {
		changed := s.d.store.Changed()
		got, err := s.d.store.TemplateVersion(ctx, kind, template, version)
		if err == nil && got.Status == state.Draft {
			return nil
		}
		if err == nil && got.Status == state.RegistrationFailed {
			return errors.New(got.Message)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%s %s is not registered: %w", template, version, ctx.Err())
		}
	}
}

// up waits for targets to be deployed on their template's first version, and
// tells of each.
func (s *story) up(ctx context.Context, refs ...state.Ref) error {
	version := first.String()
	for _, ref := range refs {
		t, err := s.deployed(ctx, ref, version)
		if err != nil {
			return err
		}
		s.sayf("%s is up on %s %s: %s", ref, t.Desired.Template, version, outputs(t))
	}
	return nil
}

// deployed waits for a target to be deployed on a version; "" for a component,
// which has none.
func (s *story) deployed(ctx context.Context, ref state.Ref, version string) (state.Target, error) {
	t, err := s.until(ctx, ref, "deployed on "+version, func(t state.Target) bool {
		return t.Status == state.Failed || t.Status == state.Succeeded && (version == "" || t.Deployed.Version.String() == version)
	})
	if err == nil && t.Status == state.Failed {
		err = fmt.Errorf("%s failed: %s", ref, t.Message)
	}
	return t, err
}

// running waits for an instance to run a number of processes.
func (s *story) running(ctx context.Context, ref state.Ref, count string) (state.Target, error) {
	return s.until(ctx, ref, "running "+count, func(t state.Target) bool {
		return t.Status == state.Succeeded && t.Deployed.Outputs["Running"] == count
	})
}

// stages waits for the pipeline of shop to have deployed what its instances are
// now, and tells how many stages that makes.
func (s *story) stages(ctx context.Context, want string) error {
	t, err := s.until(ctx, shopPipeline, "with "+want+" stages", func(t state.Target) bool {
		return t.Status == state.Succeeded && t.Deployed.Outputs["Stages"] == want
	})
	if err != nil {
		return err
	}
	s.sayf("%s sees its instances: %s", shopPipeline, outputs(t))
	return nil
}

// until waits for a target to be as wanted.
func (s *story) until(ctx context.Context, ref state.Ref, what string, as func(state.Target) bool) (state.Target, error) {
	for {
		changed := s.d.store.Changed()
		t, err := s.d.store.Target(ctx, ref)
		if err == nil && as(t) {
			return t, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return t, fmt.Errorf("%s is not %s: %s %s: %w", ref, what, t.Status, t.Waiting.Why, ctx.Err())
		}
	}
}

// gone waits for a target to exist no longer.
func (s *story) gone(ctx context.Context, ref state.Ref) error {
	for {
		changed := s.d.store.Changed()
		t, err := s.d.store.Target(ctx, ref)
		if _, missing := errors.AsType[*state.NotFoundError](err); missing {
			return nil
		}
		if err == nil && t.Status == state.DeleteFailed {
			return fmt.Errorf("%s was not deleted: %s", ref, t.Message)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%s is not gone: %s %s: %w", ref, t.Status, t.Waiting.Why, ctx.Err())
		}
	}
}

func outputs(t state.Target) string {
	var list []string
	for k, v := range t.Deployed.Outputs {
		list = append(list, k+"="+v)
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}
