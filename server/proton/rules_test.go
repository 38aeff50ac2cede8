package proton_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"baryon/reconciler"
	"baryon/server/proton"
	"baryon/state"
)

// A rule is something that AWS Proton documented of its API. It has a number: of
// the subject, and in it. Its steps are run in a world of its own, in the order
// in which they stand, one a line:
//
//	ok OPERATION BODY                        succeeds
//	no EXCEPTION | MESSAGE | OPERATION BODY  fails so, and the message says this
//	see PATH = VALUE | OPERATION BODY        has this at a path of members and #N, or with ~VALUE somewhere in it
//	keep NAME = PATH | OPERATION BODY        remembers what is there, for $NAME later
//	is STATUS REF                            brings a target into a status
//	settle                                   ends whatever was begun, well
type rule struct {
	number, text string
	differs      string // what Baryon does instead on purpose, as docs/proton-compatibility.md says it; the steps show that
	steps        string
}

// subjects are the numbers of rules that each subject has.
var subjects = []struct {
	number, name string
	rules        int
	list         func() []rule
}{
	{"1.1", "names", 3, nameRules},
	{"1.2", "template versions", 16, versionRules},
	{"1.3", "provisioning", 5, provisioningRules},
	{"1.4", "account connections", 5, connectionRules},
	{"1.6", "create, update, cancel, delete", 31, changeRules},
	{"5", "specs", 8, specRules},
	{"6", "Git", 6, gitRules},
	{"7", "components", 10, componentRules},
	{"8", "the protocol", 11, protocolRules},
}

// TestRules holds the API to the rules of the one it stands in for. Each rule has
// a request that keeps it and one that breaks it.
func TestRules(t *testing.T) {
	t.Parallel()
	differences, err := os.ReadFile("../../docs/proton-compatibility.md")
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, s := range subjects {
		rules := s.list()
		if len(rules) != s.rules {
			t.Errorf("%s %s has %d rules in the list, want %d", s.number, s.name, len(rules), s.rules)
		}
		total += len(rules)
		for i, r := range rules {
			if want := fmt.Sprintf("%s.%d", s.number, i+1); r.number != want {
				t.Errorf("rule %q stands where %s is to stand", r.number, want)
			}
			if !strings.Contains(string(differences), r.differs) {
				t.Errorf("%s differs in a way that docs/proton-compatibility.md does not tell: %s", r.number, r.differs)
			}
			t.Run(r.number, func(t *testing.T) {
				t.Parallel()
				newRuleWorld(t).run(t, r)
			})
		}
	}
	t.Logf("%d rules", total)
}

func (w *ruleWorld) run(t *testing.T, r rule) {
	t.Helper()
	kept, broken := false, false
	for line := range strings.Lines(r.steps) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		verb, rest, _ := strings.Cut(line, " ")
		kept, broken = kept || verb == "ok", broken || verb == "no"
		if err := w.step(t, verb, w.expand(rest)); err != nil {
			t.Fatalf("%s %s %s\n%s\n%v", r.number, r.text, r.differs, line, err)
		}
	}
	if !kept || !broken {
		t.Errorf("%s has no request that succeeds, or none that fails", r.number)
	}
}

// A ruleWorld is a world with templates, the environments prod and next, and the
// service shop with the instances eu and us. All of it is deployed.
type ruleWorld struct {
	*world

	vars  map[string]string
	quota atomic.Int64
}

const (
	arnPrefix = "arn:aws:proton:us-east-1:000000000000:"
	makeShop  = `{"name":"shop","templateName":"web","templateMajorVersion":"1","templateMinorVersion":"0",$REPO,"spec":"$SHOP"}`
)

func newRuleWorld(t *testing.T) *ruleWorld {
	t.Helper()
	instance := func(name string) string {
		return "{name: " + name + ", environment: prod, spec: {size: a, note: first}}"
	}
	many := make([]string, 21)
	for i := range many {
		many[i] = instance(fmt.Sprintf("i%d", i))
	}
	spec := func(instances ...string) string {
		return "{proton: ServiceSpec, pipeline: {size: a}, instances: [" + strings.Join(instances, ", ") + "]}"
	}
	tags := make([]string, 51)
	for i := range tags {
		tags[i] = fmt.Sprintf(`{"key":"k%d","value":"v"}`, i+1)
	}
	w := &ruleWorld{vars: map[string]string{
		"T50": strings.Join(tags[:50], ","), "T51": strings.Join(tags, ","),
		"ARN": arnPrefix, "SHOP": spec(instance("eu"), instance("us")), "MORE": spec(instance("eu"), instance("us"), instance("asia")),
		"LESS": spec(instance("eu")), "MANY": spec(many...), "INSTANCE": "{name: eu, environment: prod, spec: {size: a, note: first}}",
		"N100": strings.Repeat("n", 100), "N101": strings.Repeat("n", 101), "K51": strings.Repeat("x", 51201),
		"REPO": `"repositoryConnectionArn":"arn:aws:codestar-connections:us-east-1:000000000000:connection/1","repositoryId":"acme/shop","branchName":"main"`,
		"LINK": `"provider":"GITHUB","name":"acme/platform"`, "SYNCED": `"repositoryProvider":"GITHUB","repositoryName":"acme/platform"`, "SYNC": `"repositoryProvider":"GITHUB","repositoryName":"acme/platform","branch":"main"`,
		"CONNECTION": `"connectionArn":"arn:aws:codestar-connections:us-east-1:000000000000:connection/1"`, "ROLE": "arn:aws:iam::222222222222:role/deploy",
		"MANIFEST": `infrastructure: {templates: [{file: c.yaml, rendering_engine: jinja, template_language: cloudformation}]}`,
		"BODY":     `Resources: {Topic: {Type: 'AWS::SNS::Topic'}}`,
	}}
	w.world = newWorld(t, func(c *proton.Config) {
		c.Settings = func() reconciler.Settings { return reconciler.Settings{Quota: int(w.quota.Load())} }
	})
	w.templates(t)
	for _, call := range [][2]string{
		{"CreateEnvironment", `{"name":"prod","templateName":"net","templateMajorVersion":"1","templateMinorVersion":"0","spec":"{proton: EnvironmentSpec, spec: {size: a}}"}`},
		{"CreateEnvironment", `{"name":"next","templateName":"net","templateMajorVersion":"2","spec":"{proton: EnvironmentSpec, spec: {}}"}`},
		{"CreateService", makeShop},
	} {
		w.must(t, call[0], w.expand(call[1]))
		w.settle(t)
	}
	return w
}

// expand puts the values of the world into a step, twice because some hold others.
func (w *ruleWorld) expand(text string) string {
	for range 2 {
		for _, name := range slices.Backward(slices.Sorted(maps.Keys(w.vars))) {
			text = strings.ReplaceAll(text, "$"+name, w.vars[name])
		}
	}
	return text
}

// step runs a line.
func (w *ruleWorld) step(t *testing.T, verb, rest string) error {
	t.Helper()
	parts := strings.SplitN(rest, " | ", 3)
	op, body, _ := strings.Cut(parts[len(parts)-1], " ")
	switch verb {
	case "ok":
		if a := w.do(t, op, body); a.Type != "" {
			return fmt.Errorf("answered %d %s: %s", a.Status, a.Type, a.Message)
		}
	case "no":
		if a := w.do(t, op, body); a.Type != parts[0] || !strings.Contains(a.Message, parts[1]) {
			return fmt.Errorf("answered %d %s %q, want %s %q", a.Status, a.Type, a.Message, parts[0], parts[1])
		}
	case "see", "keep":
		name, want, _ := strings.Cut(parts[0], " = ")
		path := name
		if verb == "keep" {
			path = want
		}
		a := w.do(t, op, body)
		if a.Type != "" {
			return fmt.Errorf("answered %d %s: %s", a.Status, a.Type, a.Message)
		}
		got := fmt.Sprint(at(t, a.Body, strings.Split(path, ".")...))
		if verb == "keep" {
			w.vars[name] = got
		} else if part, some := strings.CutPrefix(want, "~"); got != want && (!some || !strings.Contains(got, part)) {
			return fmt.Errorf("%s is %q, want %q", path, got, want)
		}
	case "is":
		status, ref, _ := strings.Cut(rest, " ")
		return w.become(t, state.Status(status), ref)
	case "settle":
		w.settle(t)
	case "quota":
		quota, err := strconv.Atoi(rest)
		w.quota.Store(int64(quota))
		return err
	default:
		return errors.New("there is no such verb")
	}
	return nil
}

// become brings a target into a status, with a deployment that is open if it says so.
func (w *ruleWorld) become(t *testing.T, status state.Status, name string) error {
	t.Helper()
	ref, err := state.ParseRef(name)
	if err != nil {
		return err
	}
	return w.store.Update(t.Context(), state.Fence{}, func(tx *state.Tx) error {
		return tx.Change(ref, func(g *state.Target) error {
			g.Status, g.Asked, g.LastAttempted = status, state.Asked{}, state.NewID()
			if status == state.DeleteFailed {
				g.Desired.Deleted = true
			}
			d := state.Deployment{ID: g.LastAttempted, Ref: ref, Action: state.Update, Status: status, Generation: g.Generation, Desired: g.Desired}
			return tx.AddDeployment(d)
		})
	})
}

// settle ends everything well, as the loop would have.
func (w *ruleWorld) settle(t *testing.T) {
	t.Helper()
	var refs []state.Ref
	for _, kind := range []state.Kind{state.KindInstance, state.KindPipeline, state.KindComponent, state.KindEnvironment} {
		page, err := w.store.Targets(t.Context(), state.Filter{Kind: kind, Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range page {
			refs = append(refs, g.Ref)
		}
	}
	err := w.store.Update(t.Context(), state.Fence{}, func(tx *state.Tx) error {
		for _, ref := range refs {
			if err := tx.Change(ref, func(g *state.Target) error { return settleTarget(tx, g) }); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func settleTarget(tx *state.Tx, g *state.Target) error {
	if g.Status == state.Succeeded && g.Generation == g.Deployed.Generation && reflect.ValueOf(g.Asked).IsZero() {
		return nil
	}
	if v, pinned, err := g.Desired.Follow.Parse(); err == nil && pinned {
		g.Desired.Version = v
	}
	if open, err := tx.Deployment(g.LastAttempted); err == nil && !open.Status.Final() {
		open.Status = state.Succeeded
		if err := tx.SaveDeployment(open); err != nil {
			return err
		}
	}
	d := state.Deployment{ID: state.NewID(), Ref: g.Ref, Action: state.Update, Status: state.Succeeded, Generation: g.Generation, Desired: g.Desired}
	g.Status, g.Message, g.Waiting, g.Asked, g.LastAttempted, g.LastSucceeded = state.Succeeded, "", state.Waiting{}, state.Asked{}, d.ID, d.ID
	g.Deployed = state.Deployed{Generation: g.Generation, Version: g.Desired.Version, Spec: g.Desired.Spec, Deployment: d.ID, At: tx.Now()}
	if g.Ref.Service != "" {
		v, err := tx.Service(g.Ref.Service)
		if err != nil {
			return err
		}
		v.Status, v.Created = state.ServiceActive, true
		if err := tx.PutService(v); err != nil {
			return err
		}
	}
	return tx.AddDeployment(d)
}

// templates registers the templates of the world with their bundles.
func (w *ruleWorld) templates(t *testing.T) {
	t.Helper()
	schema := func(inputs string) string {
		return "schema:\n  format: {openapi: \"3.0.0\"}\n" + inputs +
			"  types:\n    In: {type: object, properties: {size: {type: string, enum: [a, b], default: a}, note: {type: string}}}\n"
	}
	manifest := "infrastructure:\n  templates:\n    - {rendering_engine: codebuild, settings: {provision: [echo], deprovision: [echo]}}\n"
	type version struct {
		number state.Version
		status state.VersionStatus
	}
	of := func(major, minor int64, status state.VersionStatus) version {
		return version{state.Version{Major: major, Minor: minor}, status}
	}
	for _, tt := range []struct {
		template state.Template
		files    map[string]string
		versions []version
	}{
		{state.Template{Kind: state.KindEnvironment, Name: "net"}, map[string]string{"schema/schema.yaml": schema("  environment_input_type: In\n"), "infrastructure/manifest.yaml": manifest},
			[]version{of(1, 0, state.Published), of(1, 1, state.Published), of(1, 2, state.Draft), of(1, 3, state.RegistrationFailed), of(2, 0, state.Published)}},
		{state.Template{Kind: state.KindEnvironment, Name: "raw"}, map[string]string{"schema/schema.yaml": schema("  environment_input_type: In\n"), "infrastructure/manifest.yaml": manifest},
			[]version{of(1, 0, state.Draft)}},
		{state.Template{Kind: state.KindService, Name: "web"}, map[string]string{"schema/schema.yaml": schema("  service_input_type: In\n  pipeline_input_type: In\n"),
			"instance_infrastructure/manifest.yaml": manifest, "pipeline_infrastructure/manifest.yaml": manifest},
			[]version{of(1, 0, state.Published), of(1, 1, state.Published), of(1, 2, state.Draft), of(2, 0, state.Published)}},
		{state.Template{Kind: state.KindService, Name: "job", NoPipeline: true}, map[string]string{"schema/schema.yaml": schema("  service_input_type: In\n"),
			"instance_infrastructure/manifest.yaml": manifest}, []version{of(1, 0, state.Published)}},
	} {
		files := fstest.MapFS{}
		for name, text := range tt.files {
			files[name] = &fstest.MapFile{Data: []byte(text)}
		}
		err := w.store.Update(t.Context(), state.Fence{}, func(tx *state.Tx) error {
			bundle, err := tx.PutFiles(files)
			if err != nil {
				return err
			}
			if err := tx.PutTemplate(tt.template); err != nil {
				return err
			}
			for _, v := range tt.versions {
				row := state.TemplateVersion{
					Kind: tt.template.Kind, Name: tt.template.Name, Version: v.number, Status: v.status, Bundle: bundle, Schema: tt.files["schema/schema.yaml"], NoPipeline: tt.template.NoPipeline,
				}
				if row.Kind == state.KindService {
					row.CompatibleEnvironments, row.ComponentSources = []string{"net:1", "net:2"}, []string{"DIRECTLY_DEFINED"}
				}
				if row.Name == "web" && v.number.Major == 2 {
					row.CompatibleEnvironments = []string{"net:2"}
				}
				if row.Name == "job" {
					row.ComponentSources = nil
				}
				if err := tx.PutTemplateVersion(row); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
