package terraform

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// backendFile says where the state is. As an override file it replaces whatever
// backend the code asks for.
const backendFile = "baryon_override.tf.json"

// backend is the content of backendFile for a stack.
func (e *Engine) backend(stack string) []byte {
	text, err := json.Marshal(map[string]any{"terraform": map[string]any{"backend": map[string]any{
		"local": map[string]any{"path": filepath.Join(stack, stateFile)},
	}}})
	if err != nil {
		panic(err) // strings
	}
	return text
}

const (
	stateFile = "terraform.tfstate"
	lockFile  = ".terraform.lock.hcl"
)

// settingsName is where the program's own configuration is. Nobody else's is
// read.
func (e *Engine) settingsName() string { return filepath.Join(e.cfg.Dir, "settings.tfrc") }

// writeSettings writes the program's own configuration.
func (e *Engine) writeSettings() error {
	text := fmt.Sprintf(`# Written by baryon at each start; changes here are lost.
disable_checkpoint = true
plugin_cache_dir   = %s
provider_installation {
  filesystem_mirror {
    path = %s
  }
}
`, hclString(filepath.Join(e.cfg.Dir, "plugins")), hclString(filepath.Join(e.cfg.Dir, "mirror")))
	draft := e.settingsName() + ".draft"
	if err := os.WriteFile(draft, []byte(text), 0o600); err != nil {
		return fmt.Errorf("terraform settings: %w", err)
	}
	return os.Rename(draft, e.settingsName())
}

// environment is what the program sees besides what every command sees. Nothing
// that would add arguments or other settings gets through.
func (e *Engine) environment(of map[string]string) map[string]string {
	env := maps.Clone(of)
	maps.DeleteFunc(env, func(name, _ string) bool {
		return strings.HasPrefix(name, "TF_") && !strings.HasPrefix(name, "TF_VAR_")
	})
	if env == nil {
		env = map[string]string{}
	}
	env["TF_CLI_CONFIG_FILE"] = e.settingsName()
	env["TF_IN_AUTOMATION"], env["TF_INPUT"], env["CHECKPOINT_DISABLE"] = "1", "0", "1"
	return env
}

var (
	plainName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$`)
	plainPath = regexp.MustCompile(`^[A-Za-z0-9/._-]+$`)
)

// safeName makes the name of a folder out of any name.
func safeName(name string) string {
	if plainName.MatchString(name) {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return "stack-" + hex.EncodeToString(sum[:16])
}

// quote makes a word of the shell.
func quote(s string) string {
	if plainPath.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// hclString makes a string of Terraform's language, with no evaluation in it.
func hclString(s string) string {
	return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(fmt.Sprintf("%q", s))
}
