package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"baryon/gitsource"
	"baryon/gitsource/githost"
	"baryon/reconciler"
	"baryon/state"
)

// canaryCode handles two secrets: one of the daemon's environment, and one that
// terraform makes and nobody could have masked.
const canaryCode = `variable "token" {
  sensitive = true
}
locals {
  made = sensitive(join("-", ["made", "canary", "by", "terraform"]))
}
resource "terraform_data" "a" {
  input            = { token = var.token, made = local.made, size = var.environment.inputs.size }
  triggers_replace = [local.made, var.token, var.environment.inputs.size]
}
resource "terraform_data" "b" {
  input = [local.made, var.token, var.environment.inputs.size]
}
resource "terraform_data" "c" {
  input            = nonsensitive(var.token)
  triggers_replace = ["${nonsensitive(var.token)} ${var.environment.inputs.size}"]
}
output "bare" { value = nonsensitive(var.token) }
output "within" { value = { key = "x ${nonsensitive(var.token)} y" } }
output "token" {
  value     = var.token
  sensitive = true
}
output "made" {
  value     = { in = [local.made] }
  sensitive = true
}
output "size" { value = var.environment.inputs.size }
`

// saysSecret fails with words that hold the value of a secret.
const saysSecret = `resource "terraform_data" "d" {
  lifecycle {
    precondition {
      condition     = length(var.token) == 1
      error_message = "the token is ${nonsensitive(var.token)}"
    }
  }
}
`

var canaries = []string{"token-canary-of-the-environment", "made-canary-by-terraform"}

// A safeBuffer takes the log of a daemon.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

// TestTerraformSecrets plans, approves, applies, updates, checks for drift, fails
// and destroys with secrets at hand, and looks for them afterwards in the log,
// in every file but terraform's own states and plans, on every page, and in what a
// webhook is told.
func TestTerraformSecrets(t *testing.T) {
	needTerraform(t)
	t.Setenv("TF_VAR_token", canaries[0])
	dir := t.TempDir()
	host, err := githost.New(githost.Config{Dir: filepath.Join(dir, "git")})
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Create("platform"); err != nil {
		t.Fatal(err)
	}
	push := func(files map[string]string) {
		t.Helper()
		if _, err := host.Commit("platform", githost.Change{Author: "Ada", Email: "ada@example.com", Message: "more", Files: mapFiles(files)}); err != nil {
			t.Fatal(err)
		}
	}
	document := func(size string) string {
		return "proton: EnvironmentSpec\nbaryon: {environment: prod, template: net, version: \"1\", approval: true}\nspec: {size: " + size + "}\n"
	}
	push(map[string]string{
		"net/v1/schema/schema.yaml": plainSchema, "net/v1/infrastructure/manifest.yaml": terraformManifest, "net/v1/infrastructure/main.tf": canaryCode,
		"prod.yaml": document("small"),
	})
	cfg := defaultConfig()
	cfg.Listen, cfg.Data = "127.0.0.1:0", filepath.Join(dir, "data")
	cfg.Terraform.Env = []string{"TF_VAR_token"}
	cfg.Settings.Drift = reconciler.DriftRule{Every: time.Second}
	cfg.Settings.Repositories = []reconciler.Repository{{
		Repo: gitsource.Repo{Name: "platform", URL: filepath.Join(dir, "git", "platform.git"), Branch: "main", Path: "."}, Interval: time.Second, Publish: reconciler.PublishAuto,
	}}
	var log, told safeBuffer
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if err := r.Write(&told); err != nil {
			t.Error(err)
		}
	}))
	defer receiver.Close()
	cfg.Events = []eventDestination{{Name: "test", URL: receiver.URL, Secret: secretRef{Env: "PATH"}}}
	d, err := newDaemon(t.Context(), cfg, zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(&log), zapcore.DebugLevel)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.run(ctx) }()
	s := &story{d: d, out: io.Discard}
	within, stop := context.WithTimeout(ctx, 2*time.Minute)
	defer stop()
	until := func(what string, so func(state.Target) bool) state.Target {
		t.Helper()
		target, err := s.until(within, prod, what, so)
		if err != nil {
			t.Fatal(err)
		}
		return target
	}
	approve := func() {
		t.Helper()
		until("asking", func(t state.Target) bool {
			return t.Waiting.Reason == state.WaitApproval || t.Waiting.Reason == state.WaitGuard
		})
		if err := s.approve(within, prod, "yes"); err != nil {
			t.Fatal(err)
		}
	}
	approve()
	until("up", func(t state.Target) bool { return t.Status == state.Succeeded })
	push(map[string]string{"prod.yaml": document("big")})
	d.pushed("")
	approve()
	target := until("bigger", func(t state.Target) bool { return t.Deployed.Outputs["size"] == "big" })
	if len(target.Deployed.Outputs) != 1 {
		t.Errorf("outputs %v, want those that are not sensitive", target.Deployed.Outputs)
	}
	until("checked for drift", func(t state.Target) bool { return t.Observed.Drift.CheckedAt.After(t.Deployed.At) })
	push(map[string]string{"net/v1/infrastructure/broken.tf": "output \"leak\" {\n  value = var.token\n}\n"})
	d.pushed("")
	until("refused by terraform", func(t state.Target) bool { return strings.Contains(t.Waiting.Why, "there is none") })
	crawl(t, d.address())
	push(map[string]string{"net/v1/infrastructure/broken.tf": saysSecret})
	d.pushed("")
	until("refused by its own condition", func(t state.Target) bool { return strings.Contains(t.Waiting.Why, "the token is ****") })
	crawl(t, d.address())
	for _, args := range [][]string{
		{"get", "environment", "prod", "-o", "json"}, {"why", "environment/prod"}, {"logs", "environment/prod"}, {"plan", "environment/prod"},
		{"history", "environment/prod", "-o", "json"}, {"audit", "environment/prod"},
	} {
		out, errs, err := command(within, append(args, "--server", d.address())...)
		leaks(t, strings.Join(args, " "), []byte(out+errs+fmt.Sprint(err)))
		if strings.Contains(errs+fmt.Sprint(err), "unknown") || out == "" {
			t.Errorf("%v says nothing that could leak: %s %v", args, errs, err)
		}
	}
	push(map[string]string{"prod.yaml": "", "other.yaml": ""})
	d.pushed("")
	if _, err := d.store.Target(within, prod); err != nil {
		t.Fatal(err)
	}
	approve()
	if err := s.gone(within, prod); err != nil {
		t.Fatal(err)
	}
	crawl(t, d.address())
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := d.close(); err != nil {
		t.Error(err)
	}
	leaks(t, "the log", log.b.Bytes())
	leaks(t, "a webhook", told.b.Bytes())
	if !strings.Contains(told.b.String(), `"status":"SUCCEEDED"`) {
		t.Errorf("the webhook was told %s", told.b.String())
	}
	looked := 0
	err = filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		if in := filepath.Join(dir, "data", "terraform", "stacks"); strings.HasPrefix(name, in) && (strings.HasPrefix(entry.Name(), "terraform.tfstate") || filepath.Base(filepath.Dir(name)) == "plans") {
			if info, err := os.Stat(filepath.Dir(name)); err != nil || info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s holds secrets and others may read its folder (%v)", name, err)
			}
			return nil
		}
		text, err := os.ReadFile(name)
		looked++
		leaks(t, name, text)
		return err
	})
	if err != nil || looked < 10 {
		t.Errorf("looked into %d files: %v", looked, err)
	}
}

// ids are the deployments that are listed.
var ids = regexp.MustCompile(`"id": ?"([0-9a-f-]{36})"`)

var links = regexp.MustCompile(`(?:href|hx-get|src|sse-connect)="(/[^"#]*)"`)

// crawl reads every page that can be reached by links, and what /v1 and the
// metrics say.
func crawl(t *testing.T, address string) {
	t.Helper()
	queue, seen := []string{"/", "/metrics", "/v1/status", "/v1/environments", "/v1/environments/prod", "/v1/environments/prod/plan", "/v1/environments/prod/rendered",
		"/v1/deployments", "/v1/why", "/v1/plan", "/v1/sources", "/v1/audit", "/v1/blockers", "/v1/repositories/platform"}, map[string]bool{}
	for len(queue) > 0 && len(seen) < 300 {
		path := queue[0]
		queue = queue[1:]
		if seen[path] || strings.HasPrefix(path, "/static") || strings.Contains(path, "events") || strings.Contains(path, "stream") {
			continue
		}
		seen[path] = true
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, address+strings.ReplaceAll(path, "&amp;", "&"), nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		cancel()
		if err != nil {
			t.Fatal(path, err)
		}
		leaks(t, path, text)
		for _, link := range links.FindAllSubmatch(text, -1) {
			queue = append(queue, string(link[1]))
		}
		if path == "/v1/deployments" {
			for _, id := range ids.FindAllSubmatch(text, -1) {
				one := "/v1/deployments/" + string(id[1])
				queue = append(queue, one, one+"/log", one+"/diff")
			}
		}
	}
	if len(seen) < 8 {
		t.Errorf("saw %d pages: %v", len(seen), seen)
	}
	t.Log(fmt.Sprint(len(seen), " pages"))
}

func leaks(t *testing.T, where string, text []byte) {
	t.Helper()
	for _, canary := range canaries {
		if bytes.Contains(text, []byte(canary)) {
			t.Errorf("%s holds %s", where, canary)
		}
	}
}
