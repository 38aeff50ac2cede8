package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"go.yaml.in/yaml/v3"

	"baryon/provisioner/awssim"
	"baryon/provisioner/provisionertest"
)

// TestExamplePipelinesDeploy runs what the pipelines of the examples run to deploy
// an image, as CodeBuild would, against a daemon that deploys into a simulated
// account.
func TestExamplePipelinesDeploy(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("the AWS CLI is left out of short runs")
	}
	needGit(t)
	python := provisionertest.PythonOfAWS(t)
	if exec.CommandContext(t.Context(), python, "-c", "import yaml").Run() != nil {
		t.Skip("the Python of the AWS CLI has no yaml, which the pipelines install")
	}
	p := newExamplePlatform(t)
	for service, stack := range map[string]string{"shop": "service-shop", "mailer": "service-mailer"} {
		soon(t, func() bool { return p.sim.Stacks("123456789012", "us-east-1")[stack+"-pipeline"] == "CREATE_COMPLETE" })
		template, _ := p.sim.Template("123456789012", "us-east-1", stack+"-pipeline")
		script := deployScript(t, template)
		dir := t.TempDir()
		bin := filepath.Join(dir, "bin")
		if err := os.Mkdir(bin, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(python, filepath.Join(bin, "python3")); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), "bash", "-ec", script)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "API="+p.url, "SERVICE="+service, "INSTANCE=dev", "IMAGE=registry/"+service+":new",
			"KEY_ID=id", "KEY_SECRET=secret", "AWS_DEFAULT_REGION=us-east-1", "AWS_CONFIG_FILE="+os.DevNull, "NO_PROXY=127.0.0.1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", service, err, out)
		}
		if template, _ := p.sim.Template("123456789012", "us-east-1", stack+"-instance-dev"); !strings.Contains(template, `Image: "registry/`+service+`:new"`) {
			t.Errorf("%s runs\n%s", service, template)
		}
	}
}

// deployScript is what the project Deploy of a template runs, without what it
// installs.
func deployScript(t *testing.T, template string) string {
	t.Helper()
	var read struct {
		Resources struct {
			Deploy struct {
				Properties struct {
					Source struct {
						BuildSpec string `yaml:"BuildSpec"`
					} `yaml:"Source"`
				} `yaml:"Properties"`
			} `yaml:"Deploy"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal([]byte(template), &read); err != nil {
		t.Fatal(err)
	}
	var spec struct {
		Phases struct{ Build struct{ Commands []string } }
	}
	if err := yaml.Unmarshal([]byte(read.Resources.Deploy.Properties.Source.BuildSpec), &spec); err != nil {
		t.Fatal(err)
	}
	var script []string
	for _, command := range spec.Phases.Build.Commands {
		if !strings.HasPrefix(command, "pip3 install") {
			script = append(script, command)
		}
	}
	if len(script) < 5 {
		t.Fatalf("the build runs %q", spec.Phases.Build.Commands)
	}
	return strings.Join(script, "\n")
}

// An examplePlatform is a daemon that deploys the services of examples/aws in
// their first stage.
type examplePlatform struct {
	sim *awssim.Sim
	url string
}

var laterStages = regexp.MustCompile(`(?s)  - name: test\n.*$`)

func newExamplePlatform(t *testing.T) *examplePlatform {
	t.Helper()
	p := &examplePlatform{sim: awssim.New(awssim.Config{})}
	account := httptest.NewServer(p.sim)
	t.Cleanup(account.Close)
	dir := t.TempDir()
	repository := filepath.Join(dir, "platform")
	from := filepath.Join("..", "..", "examples", "aws")
	for _, name := range []string{"fargate-env", "fargate-svc", "worker-svc"} {
		if err := os.CopyFS(filepath.Join(repository, name), os.DirFS(filepath.Join(from, name))); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"environments/dev.yaml", "services/shop.yaml", "services/mailer.yaml"} {
		text := laterStages.ReplaceAllString(read(t, filepath.Join(from, name)), "")
		if err := os.MkdirAll(filepath.Dir(filepath.Join(repository, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(repository, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"add", "."}, {"-c", "user.name=Ada", "-c", "user.email=ada@example.com", "commit", "-qm", "Begin"}} {
		if out, err := exec.CommandContext(t.Context(), "git", append([]string{"-C", repository}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	address, err := freeAddress()
	if err != nil {
		t.Fatal(err)
	}
	p.url = "http://" + address
	config := fmt.Sprintf("listen: %s\naccount: \"123456789012\"\naws_endpoint: %s\nrepositories:\n  - {name: platform, url: ./platform, branch: main, publish: auto}\n", address, account.URL)
	if err := os.WriteFile(filepath.Join(dir, "baryon.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "serve", "--config", "baryon.yaml")
	var log bytes.Buffer
	cmd.Dir, cmd.Stderr = dir, &log
	cmd.Env = append(os.Environ(), "BARYON_TEST_MAIN=1", "AWS_ACCESS_KEY_ID=123456789012", "AWS_SECRET_ACCESS_KEY=none", "AWS_SESSION_TOKEN=",
		"AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "AWS_EC2_METADATA_DISABLED=true")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGINT)
		_ = cmd.Wait() // how daemons end is for other tests
		if t.Failed() {
			t.Logf("the daemon said:\n%s", log.String())
		}
	})
	soon(t, func() bool {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"/healthz", nil)
		if err != nil {
			return false
		}
		resp, err := http.DefaultClient.Do(req)
		return err == nil && resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	})
	return p
}
