package terraform

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// longestScratch leaves room for the name of a socket.
const longestScratch = 80

// settingsName is where the program's own configuration is. Nobody else's is
// read.
func (e *Engine) settingsName() string { return filepath.Join(e.cfg.Dir, "settings.tfrc") }

// writeSettings writes the program's own configuration: one cache of providers
// for all, and no other places to take them from than those configured.
func (e *Engine) writeSettings() error {
	draft := e.settingsName() + ".draft"
	if err := os.WriteFile(draft, []byte(e.settings()), 0o600); err != nil {
		return fmt.Errorf("terraform settings: %w", err)
	}
	return os.Rename(draft, e.settingsName())
}

// settings are the content of that file.
func (e *Engine) settings() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Written by baryon at each start; changes here are lost.\ndisable_checkpoint = true\nplugin_cache_dir   = %s\n"+
		// A stack that is new has no checksums yet, and takes those of the cache,
		// whose programs were checked when they came. Else each would be downloaded anew.
		"plugin_cache_may_break_dependency_lock_file = true\n",
		hclString(filepath.Join(e.cfg.Dir, "plugins")))
	b.WriteString("provider_installation {\n")
	for _, dir := range append([]string{filepath.Join(e.cfg.Dir, "mirror")}, e.cfg.Mirrors...) {
		fmt.Fprintf(&b, "  filesystem_mirror {\n    path = %s\n  }\n", hclString(dir))
	}
	if e.cfg.NetworkMirror != "" {
		fmt.Fprintf(&b, "  network_mirror {\n    url = %s\n  }\n", hclString(e.cfg.NetworkMirror))
	}
	if e.cfg.Network {
		b.WriteString("  direct {}\n")
	}
	b.WriteString("}\n")
	return b.String()
}

// secrets adds the variables of this process that the program is to see.
func (e *Engine) secrets(of map[string]string) map[string]string {
	all := maps.Clone(of)
	if all == nil {
		all = map[string]string{}
	}
	for _, name := range e.cfg.Env {
		if value, ok := os.LookupEnv(name); ok {
			all[name] = value
		}
	}
	if e.cfg.State.Postgres != "" {
		all["PG_CONN_STR"] = e.cfg.State.Postgres
	}
	return all
}

// environment is what the program sees besides what every command sees. Nothing
// that would add arguments or other settings gets through.
func (e *Engine) environment(id, name string, of map[string]string) map[string]string {
	env := maps.Clone(of)
	maps.DeleteFunc(env, func(name, _ string) bool {
		return strings.HasPrefix(name, "TF_") && !strings.HasPrefix(name, "TF_VAR_")
	})
	if env == nil {
		env = map[string]string{}
	}
	env["TF_CLI_CONFIG_FILE"] = e.settingsName()
	// Providers listen on a socket there, whose name must not be longer than 104
	// bytes or so. They begin where the program does.
	if e.cfg.Runner != nil && len(e.cfg.Runner.Scratch(id)) > longestScratch {
		env["TMPDIR"] = "../tmp"
	}
	if e.cfg.State.Postgres != "" {
		env["TF_WORKSPACE"] = safeName(name)
	}
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
