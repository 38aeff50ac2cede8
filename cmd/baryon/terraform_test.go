package main

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"baryon/provisioner"
	"baryon/provisioner/provisionertest"
	"baryon/provisioner/terraform"
	"baryon/state/pgtest"
)

// TestTerraformStatesInPostgres keeps the states of two stacks in a database,
// each a row, and nothing of its address on the disk.
func TestTerraformStatesInPostgres(t *testing.T) {
	t.Parallel()
	needTerraform(t)
	url, dir := pgtest.Start(t), t.TempDir()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	runner, err := provisioner.NewCommand(provisioner.CommandConfig{
		Dir: filepath.Join(dir, "work"), Executable: exe, Path: os.Getenv("PATH"),
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg := config{Data: dir, Store: url}
	tf := cfg.terraformConfig()
	tf.Runner = runner
	engine, err := terraform.New(tf)
	if err != nil {
		t.Fatal(err)
	}
	run := func(id, stack, size string) {
		t.Helper()
		c := provisionertest.Caller{Job: provisioner.Job{
			ID: id, Stack: stack, Action: provisioner.Provision,
			Files: fstest.MapFS{"main.tf": {Data: []byte("resource \"terraform_data\" \"" + size + "\" {}\n")}},
		}}
		if p := c.End(t, engine); p.State != provisioner.Succeeded {
			t.Fatalf("%s: %s\n%s", p.State, p.Message, c.Log)
		}
		if want := map[string]string{"three": "1 added, 0 changed, 1 destroyed"}[id]; !strings.Contains(string(c.Log), want) {
			t.Errorf("log lacks %q:\n%s", want, c.Log)
		}
	}
	run("one", "environment-dev", "small")
	run("two", "environment-prod", "small")
	run("three", "environment-dev", "big")
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		if entry.Name() == "terraform.tfstate" && !strings.Contains(path, ".terraform/") {
			t.Errorf("a state lies in %s", path)
		}
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // the engine clears away what has ended
		}
		if strings.Contains(string(text), url) {
			t.Errorf("%s holds the address of the database", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// needTerraform is the path of terraform, or of tofu where that alone is on PATH.
func needTerraform(t *testing.T) string {
	t.Helper()
	if file, err := exec.LookPath("tofu"); err == nil && !onPath("terraform") {
		return file
	}
	return program(t, "terraform")
}

func onPath(name string) bool {
	_, err := exec.LookPath(name)
	return err == nil
}

// program is the path of a program, without which the test skips, or fails where
// it has to be there.
func program(t *testing.T, name string) string {
	t.Helper()
	file, err := exec.LookPath(name)
	switch {
	case err == nil:
	case slices.Contains(strings.Split(os.Getenv("BARYON_REQUIRE"), ","), name):
		t.Fatalf("%s is required here and is not on PATH", name)
	default:
		t.Skipf("%s is not on PATH", name)
	}
	return file
}
