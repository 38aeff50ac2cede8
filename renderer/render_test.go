package renderer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"

	"baryon/renderer/jinja"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// environmentBundle opens an environment template with one CloudFormation file.
func environmentBundle(t testing.TB, template string) *Bundle {
	t.Helper()
	b, err := Open(fstest.MapFS{
		"schema/schema.yaml":                 {Data: []byte("schema:\n  format: {openapi: \"3.0.0\"}\n  environment_input_type: In\n  types:\n    In: {type: object}\n")},
		"infrastructure/manifest.yaml":       {Data: []byte("infrastructure: {templates: [{file: cloudformation.yaml, rendering_engine: jinja, template_language: cloudformation}]}")},
		"infrastructure/cloudformation.yaml": {Data: []byte(template)},
	}, "tpl/v1", Options{})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRenderEndsWithContext(t *testing.T) {
	t.Parallel()
	b := environmentBundle(t, "Resources: {}\n")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := New(Config{}).Render(ctx, b, PartEnvironment, Inputs{}, Provision)
	var problems Problems
	if !errors.Is(err, context.Canceled) || errors.As(err, &problems) {
		t.Errorf("got %v, want the end of the context and no Problems", err)
	}
}

func TestRenderRefusesWhatIsNoTemplate(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ template, want string }{
		"no YAML":        {"Resources:\n  A: b: c\n", "tpl/v1/infrastructure/cloudformation.yaml:2:7: line 2 of the rendered template: a second \": \" in one value"},
		"no resources":   {"Description: x\n", "tpl/v1/infrastructure/cloudformation.yaml:1:1: line 1 of the rendered template: a CloudFormation template needs Resources"},
		"a list":         {"- a\n", "a CloudFormation template must be a mapping"},
		"nothing":        {"\n", "the file is empty"},
		"two documents":  {"Resources: {}\n---\nResources: {}\n", "the file holds more than one YAML document"},
		"broken JSON":    {"{\"Resources\": {},}}", "tpl/v1/infrastructure/cloudformation.yaml:1:"},
		"no JSON object": {"{\"Description\": {}}", "a CloudFormation template needs Resources"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := environmentBundle(t, tt.template)
			_, err := New(Config{}).Render(t.Context(), b, PartEnvironment, Inputs{}, Provision)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
			out, err := New(Config{}).Render(t.Context(), b, PartEnvironment, Inputs{}, Deprovision)
			if err != nil || len(out.DeprovisionProblems) == 0 {
				t.Errorf("deprovision: %v, %v: want the problem beside the result", out, err)
			}
		})
	}
}

func TestRenderAcceptsTemplates(t *testing.T) {
	t.Parallel()
	for name, template := range map[string]string{
		"short forms": "Resources:\n  A: !GetAtt B.C\n  B: !Sub [\"${x}\", {x: !Ref Y}]\n  V: 2012-10-17\n",
		"JSON":        "{\n\t\"Resources\": {\"A\": {\"Type\": \"B\"}}\n}\n",
		"a key twice": "Resources: {A: 1, A: 2}\n",
		"anchors":     "x: &x {A: 1}\nResources: {<<: *x}\n",
	} {
		b := environmentBundle(t, template)
		out, err := New(Config{}).Render(t.Context(), b, PartEnvironment, Inputs{}, Provision)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if f, _ := out.Files.Get("cloudformation.yaml"); string(f.Data) != template {
			t.Errorf("%s: the template was changed to %q", name, f.Data)
		}
	}
}

func TestRenderDigest(t *testing.T) {
	t.Parallel()
	r := New(Config{})
	b, err := Open(good(), "tpl/v1", Options{})
	if err != nil {
		t.Fatal(err)
	}
	digest := func(in Inputs) string {
		out, err := r.Render(t.Context(), b, PartEnvironment, in, Provision)
		if err != nil {
			t.Fatal(err)
		}
		return out.Digest
	}
	base := digest(Inputs{ARN: "arn:x"})
	if digest(Inputs{ARN: "arn:x", Service: Service{Name: "unread"}}) != base {
		t.Error("an input that the part does not read changed the digest")
	}
	if digest(Inputs{ARN: "arn:y"}) == base || digest(Inputs{ARN: "arn:x", Environment: Environment{Name: "z"}}) == base {
		t.Error("another input left the digest as it was")
	}
}

// A template that takes its time is an error of that template; the caller's own
// context ending is not.
func TestRenderTimeout(t *testing.T) {
	t.Parallel()
	b := environmentBundle(t, "Resources: {}\n{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}\n")
	_, err := New(Config{Timeout: time.Millisecond, Limits: jinja.Limits{Steps: 1 << 40}}).Render(t.Context(), b, PartEnvironment, Inputs{}, Provision)
	if problems, ok := errors.AsType[Problems](err); !ok || !strings.Contains(problems.Error(), "rendering takes too long") || !strings.Contains(problems.Error(), "want at most 1ms") {
		t.Errorf("got %v, want the time-out as a problem", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err = New(Config{Limits: jinja.Limits{Steps: 1 << 40}}).Render(ctx, b, PartEnvironment, Inputs{}, Provision)
	if _, ok := errors.AsType[Problems](err); ok || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the end of the context", err)
	}
}

func TestTrace(t *testing.T) {
	t.Parallel()
	r := New(Config{})
	b := environmentBundle(t, "Resources:\n  A: {{ environment.name }}\n")
	trace, err := r.Trace(t.Context(), b, PartEnvironment, Inputs{Environment: Environment{Name: "dev"}})
	if err != nil {
		t.Fatal(err)
	}
	segment, ok := trace.At(strings.Index(trace.Text, "dev"))
	if !ok || segment.Line != 2 || segment.Column != 6 || fmt.Sprint(segment.Inputs) != "[environment.name]" {
		t.Errorf("got %+v, want the expression in line 2", segment)
	}
	if _, err := r.Trace(t.Context(), b, PartPipeline, Inputs{}); err == nil {
		t.Error("traced a part that the bundle does not have")
	}
	b = environmentBundle(t, "Resources: {{ gone }}\n")
	if _, err := r.Trace(t.Context(), b, PartEnvironment, Inputs{}); err == nil || !strings.HasPrefix(err.Error(), "tpl/v1/infrastructure/cloudformation.yaml:1:15: ") {
		t.Errorf("got %v, want the undefined name where it stands", err)
	}
}

func TestRenderUnknownPart(t *testing.T) {
	t.Parallel()
	b, err := Open(good(), "tpl/v1", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(Config{}).Render(t.Context(), b, PartPipeline, Inputs{}, Provision); err == nil {
		t.Error("rendered a part that the bundle does not have")
	}
}

// The cache keeps what was used last and never grows beyond its limit, also
// when many goroutines use it at once.
func TestTemplateCache(t *testing.T) {
	t.Parallel()
	r := New(Config{CacheBytes: 10 * (templateCost + 100)})
	bundles := make([]*Bundle, 40)
	for i := range bundles {
		bundles[i] = environmentBundle(t, fmt.Sprintf("Resources: {}\n# %0100d\n", i)[:100])
		bundles[i].Digest = fmt.Sprint(i)
	}
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			for i := range 200 {
				if _, err := r.Render(t.Context(), bundles[(i*7+worker)%len(bundles)], PartEnvironment, Inputs{}, Provision); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if n := len(r.cache.byKey); n != 10 || r.cache.size != n*(templateCost+100) {
		t.Errorf("the cache holds %d templates of %d bytes, want 10", n, r.cache.size)
	}
}
