package terraform_test

import (
	"archive/zip"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"baryon/provisioner"
	"baryon/provisioner/provisionertest"
	"baryon/provisioner/terraform"
)

// registry is where the program looks for providers of which only the name is
// known.
func (p place) registry() string {
	if p.tofu() {
		return "registry.opentofu.org"
	}
	return "registry.terraform.io"
}

// localProvider is a mirror with the program that .ci/providers builds, under
// these versions.
func localProvider(t *testing.T, p place, versions ...string) (mirror, program string) {
	t.Helper()
	built := os.Getenv("BARYON_PROVIDERS")
	if cache, err := os.UserCacheDir(); built == "" && err == nil {
		built = filepath.Join(cache, "baryon", "providers")
	}
	platform := runtime.GOOS + "_" + runtime.GOARCH
	built = filepath.Join(built, "registry.terraform.io", "hashicorp", "local", "1.4.0", platform, "terraform-provider-local_v1.4.0")
	if !exists(built) {
		t.Skip("there is no mirror of providers; .ci/providers makes one")
	}
	mirror = t.TempDir()
	for _, version := range append([]string{"1.4.0"}, versions...) {
		program = filepath.Join(mirror, p.registry(), "hashicorp", "local", version, platform, "terraform-provider-local_v"+version)
		if err := os.MkdirAll(filepath.Dir(program), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Link(built, program); err != nil {
			if err := copyProgram(built, program); err != nil {
				t.Fatal(err)
			}
		}
	}
	return mirror, program
}

func copyProgram(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return provisionertest.WriteProgram(to, string(text))
}

const usesLocal = `
resource "local_file" "it" {
  filename = "${path.module}/it.txt"
  content  = "x"
}
`

// TestMirror takes a provider from a folder, keeps what was chosen and its
// checksum, and refuses another program of the same name.
func TestMirror(t *testing.T) {
	t.Parallel()
	eachProgram(t, func(t *testing.T, p place) {
		mirror, program := localProvider(t, p)
		if got, log := end(t, p.engine(t, func(c *terraform.Config) { c.Mirrors = []string{mirror} }), job("one", usesLocal)); got.State != provisioner.Succeeded {
			t.Fatalf("%s\n%s", got.Message, log)
		}
		lock, err := os.ReadFile(filepath.Join(p.dir, "terraform", "stacks", "environment-dev", ".terraform.lock.hcl"))
		if err != nil || !strings.Contains(string(lock), `version = "1.4.0"`) || !strings.Contains(string(lock), "h1:") {
			t.Errorf("the lock file says (%v):\n%s", err, lock)
		}
		cached := filepath.Join(p.dir, "terraform", "plugins", strings.TrimPrefix(program, mirror))
		if !exists(cached) {
			t.Errorf("%s is not in the cache that all stacks share", cached)
		}
		other := job("other", usesLocal)
		other.Stack = "environment-other"
		if got, log := end(t, p.engine(t, nil), other); got.State == provisioner.Succeeded || !strings.Contains(log, "Nothing is downloaded here") {
			t.Errorf("without the mirror: %s\n%s", got.State, log)
		}
		evil := t.TempDir()
		if err := os.CopyFS(evil, os.DirFS(mirror)); err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(evil, strings.TrimPrefix(program, mirror))
		text, err := os.ReadFile(name)
		if err == nil {
			err = os.WriteFile(name, append(text, "more"...), 0o700)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(filepath.Join(p.dir, "terraform", "plugins")); err != nil {
			t.Fatal(err)
		}
		got, log := end(t, p.engine(t, func(c *terraform.Config) { c.Mirrors = []string{evil} }), job("two", usesLocal))
		if got.State != provisioner.Failed || !strings.Contains(strings.ReplaceAll(got.Message+log, "\n", " "), "checksums") {
			t.Errorf("another program: %s\n%s", got.State, log)
		}
	})
}

// TestNetworkMirror takes a provider from a server, once for all stacks.
func TestNetworkMirror(t *testing.T) {
	for name, file := range programs(t) {
		t.Run(name, func(t *testing.T) { networkMirror(t, place{t.TempDir(), file}) })
	}
}

func networkMirror(t *testing.T, p place) {
	t.Helper()
	_, program := localProvider(t, p)
	archive := filepath.Join(t.TempDir(), "local.zip")
	if err := zipped(archive, program); err != nil {
		t.Fatal(err)
	}
	var downloads atomic.Int32
	mux := http.NewServeMux()
	mux.HandleFunc("GET /m/"+p.registry()+"/hashicorp/local/index.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"versions": {"1.4.0": {}}}`)
	})
	mux.HandleFunc("GET /m/"+p.registry()+"/hashicorp/local/1.4.0.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"archives": {"`+runtime.GOOS+"_"+runtime.GOARCH+`": {"url": "local.zip"}}}`)
	})
	mux.HandleFunc("GET /m/"+p.registry()+"/hashicorp/local/local.zip", func(w http.ResponseWriter, r *http.Request) {
		downloads.Add(1)
		http.ServeFile(w, r, archive)
	})
	server := httptest.NewTLSServer(mux)
	t.Cleanup(server.Close)
	certificate := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSL_CERT_FILE", certificate)
	e := p.engine(t, func(c *terraform.Config) { c.NetworkMirror, c.Env = server.URL+"/m/", []string{"SSL_CERT_FILE"} })
	var once int32
	for i, stack := range []string{"environment-one", "environment-two", "environment-two"} {
		j := job(fmt.Sprint("job-", i), usesLocal)
		j.Stack = stack
		if got, log := end(t, e, j); got.State != provisioner.Succeeded {
			t.Fatalf("%s: %s\n%s", stack, got.Message, log)
		}
		if i == 0 {
			once = downloads.Load()
		}
	}
	if got := downloads.Load(); once == 0 || got != once {
		t.Errorf("%d downloads for the first stack, %d for all; want no more", once, got)
	}
}

// zipped packs a program as registries do.
func zipped(archive, program string) (err error) {
	to, err := os.Create(archive)
	if err != nil {
		return err
	}
	defer to.Close()
	w := zip.NewWriter(to)
	header := &zip.FileHeader{Name: filepath.Base(program), Method: zip.Store}
	header.SetMode(0o755)
	part, err := w.CreateHeader(header)
	if err != nil {
		return err
	}
	from, err := os.Open(program)
	if err != nil {
		return err
	}
	defer from.Close()
	if _, err := io.Copy(part, from); err != nil {
		return err
	}
	return w.Close()
}

// TestProviderVersions keeps the version that was chosen while another one is
// there, until the code asks for that.
func TestProviderVersions(t *testing.T) {
	t.Parallel()
	eachProgram(t, func(t *testing.T, p place) {
		mirror, _ := localProvider(t, p)
		e := p.engine(t, func(c *terraform.Config) { c.Mirrors = []string{mirror} })
		version := func(id, constraint string) string {
			t.Helper()
			code := "terraform {\n  required_providers {\n    local = {\n      source  = \"hashicorp/local\"\n      version = \"" + constraint + "\"\n    }\n  }\n}\n"
			got, log := end(t, e, job(id, code+usesLocal))
			if got.State != provisioner.Succeeded {
				t.Fatalf("%s: %s\n%s", id, got.Message, log)
			}
			lock, err := os.ReadFile(filepath.Join(p.dir, "terraform", "stacks", "environment-dev", ".terraform.lock.hcl"))
			_, rest, found := strings.Cut(string(lock), "version     = \"")
			if err != nil || !found {
				t.Fatalf("%v: the lock file names no version:\n%s", err, lock)
			}
			return rest[:5]
		}
		if got := version("one", "~> 1.4"); got != "1.4.0" {
			t.Errorf("first got %s", got)
		}
		newer := filepath.Join(mirror, p.registry(), "hashicorp", "local")
		if err := os.CopyFS(filepath.Join(newer, "1.4.9"), os.DirFS(filepath.Join(newer, "1.4.0"))); err != nil {
			t.Fatal(err)
		}
		if got := version("two", "~> 1.4 "); got != "1.4.0" {
			t.Errorf("with a newer one in the mirror got %s, want what was chosen", got)
		}
		if got := version("three", "> 1.4.0"); got != "1.4.9" {
			t.Errorf("asked for a newer one, got %s", got)
		}
		if got := version("four", "1.4.0"); got != "1.4.0" {
			t.Errorf("asked for the old one, got %s", got)
		}
	})
}

// TestProviderVersionOfModule follows a downloaded module that wants another
// version than the one that was chosen.
func TestProviderVersionOfModule(t *testing.T) {
	t.Parallel()
	eachProgram(t, func(t *testing.T, p place) {
		mirror, _ := localProvider(t, p, "1.4.9")
		module := filepath.Join(p.dir, "modules", "m")
		e := p.engine(t, func(c *terraform.Config) {
			c.Mirrors, c.Policy.Modules = []string{mirror}, []string{filepath.Dir(module) + "/"}
		})
		if err := os.MkdirAll(module, 0o700); err != nil {
			t.Fatal(err)
		}
		for id, version := range map[string]string{"one": "1.4.0", "two": "1.4.9"} {
			code := "terraform {\n  required_providers {\n    local = {\n      source  = \"hashicorp/local\"\n      version = \"" + version + "\"\n    }\n  }\n}\n"
			if err := os.WriteFile(filepath.Join(module, "main.tf"), []byte(code+usesLocal), 0o600); err != nil {
				t.Fatal(err)
			}
			got, log := end(t, e, job(id, "module \"m\" {\n  source = \""+module+"\"\n}\n"))
			if got.State != provisioner.Succeeded {
				t.Fatalf("%s: %s\n%s", version, got.Message, log)
			}
			lock, err := os.ReadFile(filepath.Join(p.dir, "terraform", "stacks", "environment-dev", ".terraform.lock.hcl"))
			if err != nil || !strings.Contains(string(lock), `"`+version+`"`) {
				t.Errorf("%v: want %s chosen:\n%s", err, version, lock)
			}
		}
	})
}
