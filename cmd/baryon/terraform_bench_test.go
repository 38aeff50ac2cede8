package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/zap"

	"baryon/gitsource"
	"baryon/gitsource/githost"
	"baryon/reconciler"
	"baryon/state"
)

const (
	// benchCode is enough for an apply to be one.
	benchCode = `resource "terraform_data" "a" {
  count = 20
  input = "${var.environment.inputs.size} ${count.index}"
}
output "last" {
  value = terraform_data.a[19].output
}
`
	// benchFile is a resource of a provider that is a program of its own.
	benchFile = `resource "local_file" "it" {
  filename = "${path.module}/it.txt"
  content  = "x"
}
`
	benchManifest  = "infrastructure:\n  templates:\n    - {file: \"*\", rendering_engine: hcl, template_language: terraform}\n"
	shellVariables = "variable \"environment\" {\n  type = any\n}\n"
	shellValues    = `{"environment": {"name": "e", "inputs": {"size": "small"}}}`
)

// terraformDaemon is a daemon with an empty repository.
func terraformDaemon(b *testing.B, change func(*config)) (*daemon, func(files map[string]string)) {
	b.Helper()
	if _, err := exec.LookPath("terraform"); err != nil {
		b.Skip("terraform is not on PATH")
	}
	dir := b.TempDir()
	host, err := githost.New(githost.Config{Dir: filepath.Join(dir, "git")})
	if err != nil {
		b.Fatal(err)
	}
	if err := host.Create("fleet"); err != nil {
		b.Fatal(err)
	}
	commit := func(files map[string]string) {
		if _, err := host.Commit("fleet", githost.Change{Author: "Ada", Email: "ada@example.com", Message: "more", Files: mapFiles(files)}); err != nil {
			b.Fatal(err)
		}
	}
	commit(map[string]string{
		"net/v1/schema/schema.yaml": plainSchema, "net/v1/infrastructure/manifest.yaml": benchManifest, "net/v1/infrastructure/main.tf": benchCode,
	})
	cfg := defaultConfig()
	cfg.Listen, cfg.Data = "127.0.0.1:0", filepath.Join(dir, "data")
	cfg.Settings.Repositories = []reconciler.Repository{{
		Repo: gitsource.Repo{Name: "fleet", URL: filepath.Join(dir, "git", "fleet.git"), Branch: "main", Path: "."}, Interval: time.Hour, Publish: reconciler.PublishAuto,
	}}
	change(&cfg)
	d, err := newDaemon(b.Context(), cfg, zap.NewNop())
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.run(ctx) }()
	b.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
		if err := d.close(); err != nil {
			b.Error(err)
		}
	})
	return d, commit
}

// BenchmarkTerraformApply makes environments by a push each, and the same in a
// shell, in turn: of one template, of a template of its own each, and of one each
// that asks for something of which it is not known what init comes to: without
// and with a provider that is a program. Engine is from the opening of the deployment to its end.
func BenchmarkTerraformApply(b *testing.B) {
	each := func(i int) string { return fmt.Sprint("net", i) }
	b.Run("known", func(b *testing.B) { applies(b, func(int) string { return "net" }, "# ", "") })
	b.Run("new", func(b *testing.B) { applies(b, each, "# ", "") })
	b.Run("unknown", func(b *testing.B) { applies(b, each, "terraform {}\n# ", "") })
	b.Run("unknown-provider", func(b *testing.B) {
		if mirror() == "" {
			b.Skip("no mirror of providers, see .ci/providers")
		}
		applies(b, each, "terraform {}\n"+benchFile+"# ", mirror())
	})
}

// applies makes b.N environments with more behind their code, whose providers
// come from a mirror that the shell has, too, as it has a cache for them.
func applies(b *testing.B, template func(i int) string, more, mirror string) {
	b.Helper()
	code, rc := benchCode, os.DevNull
	d, commit := terraformDaemon(b, func(c *config) {
		if mirror != "" {
			c.Terraform.Mirrors = []string{mirror}
		}
	})
	shellDir := b.TempDir()
	if mirror != "" {
		code, rc = benchCode+benchFile, filepath.Join(shellDir, "rc")
		cache := filepath.Join(shellDir, "cache")
		text := fmt.Sprintf("plugin_cache_dir = %q\nprovider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", cache, mirror)
		if err := errors.Join(os.Mkdir(cache, 0o700), os.WriteFile(rc, []byte(text), 0o600)); err != nil {
			b.Fatal(err)
		}
	}
	var shell, all, engine, shellCPU, allCPU time.Duration
	for i := 0; b.Loop(); i++ {
		before := spentCPU(b)
		shell += terraformInShell(b, filepath.Join(shellDir, fmt.Sprint(i)), code, rc, "apply -input=false plan")
		between := spentCPU(b)
		shellCPU += between - before
		begun := time.Now()
		name := template(i)
		commit(map[string]string{
			name + "/v1/schema/schema.yaml": plainSchema, name + "/v1/infrastructure/manifest.yaml": benchManifest, name + "/v1/infrastructure/main.tf": benchCode + strings.ReplaceAll(more, "{}", "{ # "+name+"\n}") + name + "\n",
			fleetFile(i): strings.Replace(fleetSpec(i, "small"), "template: net,", "template: "+name+",", 1),
		})
		d.pushed("")
		ref := state.EnvironmentRef(fmt.Sprintf("e%d", i))
		for { // asking every millisecond would be part of what is measured
			changed := d.store.Changed()
			t, err := d.store.Target(b.Context(), ref)
			if err == nil && t.Status == state.Succeeded {
				break
			}
			<-changed
		}
		all += time.Since(begun)
		await(b, "supervisor ended", func() bool { return idleWork(filepath.Join(d.cfg.Data, "work")) })
		allCPU += spentCPU(b) - between
		last, err := d.store.LastDeployment(b.Context(), ref)
		if err != nil {
			b.Fatal(err)
		}
		engine += last.CompletedAt.Sub(last.CreatedAt)
	}
	b.ReportMetric(float64(shell.Milliseconds())/float64(b.N), "shell-ms")
	b.ReportMetric(float64(engine.Milliseconds())/float64(b.N), "daemon-ms")
	b.ReportMetric(engine.Seconds()/shell.Seconds(), "daemon/shell")
	b.ReportMetric(all.Seconds()/shell.Seconds(), "from-push/shell")
	b.ReportMetric(float64(shellCPU.Milliseconds())/float64(b.N), "shell-cpu-ms")
	b.ReportMetric(allCPU.Seconds()/shellCPU.Seconds(), "cpu/shell")
}

// spentCPU is what this process and all that it waited for have computed: on a
// busy machine it tells more than the clock.
func spentCPU(b *testing.B) (sum time.Duration) {
	b.Helper()
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if err := syscall.Getrusage(who, &u); err != nil {
			b.Fatal(err)
		}
		sum += time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	return sum
}

func idleWork(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && !holdsJob(entries)
}

// BenchmarkTerraformPlan200 plans 200 new environments two at a time, in a shell
// and in the daemon, where each waits for the approval of its plan.
func BenchmarkTerraformPlan200(b *testing.B) {
	const n = 200
	d, commit := terraformDaemon(b, func(cfg *config) { cfg.Settings.Plans = 2 })
	var shell, daemon, shellCPU, daemonCPU time.Duration
	for i := 0; b.Loop(); i++ {
		before := spentCPU(b)
		shell += plansInShell(b, b.TempDir(), n)
		between := spentCPU(b)
		shellCPU += between - before
		files := map[string]string{}
		for k := range n {
			k += i * n
			files[fleetFile(k)] = fmt.Sprintf("proton: EnvironmentSpec\nbaryon: {environment: e%d, template: net, version: \"1\", approval: true}\nspec: {size: small}\n", k)
		}
		commit(files)
		begun := time.Now()
		d.pushed("")
		for next := i * n; next < (i+1)*n; { // a look for each change, as looks are in what is measured
			changed := d.store.Changed()
			t, err := d.store.Target(b.Context(), state.EnvironmentRef(fmt.Sprint("e", next)))
			if err == nil && t.Waiting.Reason == state.WaitApproval && t.Observed.Foreseen.Done {
				next++
				continue
			}
			<-changed
		}
		daemon += time.Since(begun)
		await(b, "supervisors ended", func() bool { return idleWork(filepath.Join(d.cfg.Data, "work")) })
		daemonCPU += spentCPU(b) - between
	}
	b.ReportMetric(shell.Seconds()/float64(b.N), "shell-s")
	b.ReportMetric(daemon.Seconds()/float64(b.N), "daemon-s")
	b.ReportMetric(daemon.Seconds()/shell.Seconds(), "daemon/shell")
	b.ReportMetric(shellCPU.Seconds()/float64(b.N), "shell-cpu-s")
	b.ReportMetric(daemonCPU.Seconds()/shellCPU.Seconds(), "cpu/shell")
}

// plansInShell is how long two shells take for n plans.
func plansInShell(b *testing.B, dir string, n int) time.Duration {
	begun, next := time.Now(), make(chan int)
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			for i := range next {
				terraformInShell(b, filepath.Join(dir, fmt.Sprint(i)), benchCode, os.DevNull, "")
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	both.Wait()
	return time.Since(begun)
}

// terraformInShell is how long a person's commands take.
func terraformInShell(b *testing.B, dir, code, rc, apply string) time.Duration {
	b.Helper()
	if err := os.Mkdir(dir, 0o700); err != nil {
		b.Error(err)
	}
	for name, text := range map[string]string{"main.tf": code, "variables.tf": shellVariables, "v.auto.tfvars.json": shellValues} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			b.Error(err)
		}
	}
	commands := "terraform init -input=false && terraform plan -input=false -out=plan"
	if apply != "" {
		commands += " && terraform " + apply
	}
	begun := time.Now()
	cmd := exec.CommandContext(b.Context(), "sh", "-c", commands)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+rc, "CHECKPOINT_DISABLE=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Errorf("%v\n%s", err, out)
	}
	return time.Since(begun)
}
