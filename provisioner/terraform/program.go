package terraform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/hashicorp/go-version"
)

// The oldest versions that print what is read here.
const (
	oldestTerraform = "1.5.0"
	oldestTofu      = "1.6.0"
)

// program looks for the program, once.
func (e *Engine) program(ctx context.Context) (Program, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.found.Path != "" {
		return e.found, nil
	}
	p, err := Find(ctx, e.cfg.Binary, e.cfg.Path)
	if err == nil {
		e.found = p
	}
	return p, err
}

// A Program is a terraform or tofu that can be used.
type Program struct {
	Path    string
	Name    string // terraform or tofu
	Version string
}

// ErrNotFound says that there is no terraform and no tofu.
var ErrNotFound = errors.New("terraform is not installed")

// Find looks for the program: binary is a path or a name, or empty for whichever
// of terraform and tofu is found in the search path. One that is too old is an
// error.
func Find(ctx context.Context, binary, path string) (Program, error) {
	names := []string{"terraform", "tofu"}
	if binary != "" {
		names = []string{binary}
	}
	for _, name := range names {
		file := lookIn(path, name)
		if file == "" {
			continue
		}
		return ask(ctx, file, path)
	}
	return Program{}, fmt.Errorf("%w: no %s in %s; install terraform %s or tofu %s or newer, or set terraform.binary",
		ErrNotFound, strings.Join(names, " or "), path, oldestTerraform, oldestTofu)
}

func lookIn(path, name string) string {
	if strings.ContainsRune(name, filepath.Separator) {
		if file, err := exec.LookPath(name); err == nil {
			if abs, err := filepath.Abs(file); err == nil {
				return abs
			}
		}
		return ""
	}
	for _, dir := range filepath.SplitList(path) {
		if file, err := exec.LookPath(filepath.Join(dir, name)); err == nil && filepath.IsAbs(file) {
			return file
		}
	}
	return ""
}

// ask asks a program for its version.
func ask(ctx context.Context, file, path string) (Program, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, file, "version", "-json")
	cmd.Env = []string{"CHECKPOINT_DISABLE=1", "TF_CLI_CONFIG_FILE=/dev/null", "HOME=/nonexistent", "PATH=" + path}
	cmd.Dir = "/"
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) && len(exit.Stderr) > 0 {
			err = errors.New(strings.TrimSpace(string(exit.Stderr)))
		}
		return Program{}, fmt.Errorf("%s version: %w", file, err)
	}
	var said struct {
		Version string `json:"terraform_version"`
	}
	if err := json.Unmarshal(out, &said); err != nil || said.Version == "" {
		return Program{}, fmt.Errorf("%s version -json says %.200q, want a terraform_version; is it terraform or tofu?", file, out)
	}
	p := Program{Path: file, Name: "terraform", Version: said.Version}
	oldest := oldestTerraform
	if strings.Contains(filepath.Base(file), "tofu") {
		p.Name, oldest = "tofu", oldestTofu
	}
	if older(p.Version, oldest) {
		return Program{}, fmt.Errorf("%s is version %s, want %s or newer; install one, or set terraform.binary", file, p.Version, oldest)
	}
	return p, nil
}

// older compares versions; a preview counts as what it is a preview of.
func older(said, than string) bool {
	v, err := version.NewVersion(said)
	if err != nil {
		return true
	}
	other, err := version.NewVersion(than)
	return err == nil && v.Core().LessThan(other.Core())
}
