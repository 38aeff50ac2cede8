package renderer

import (
	"path"
	"regexp"
	"strings"
	"time"
)

// CodeBuild is what a manifest says about a part that runs commands.
//
// Beside Proton's own keys, settings take two of Baryon's: "rerun: safe" says
// that the commands may be run again when a run was lost half-way, and
// "timeout: 30m" bounds a run. A manifest that has them is still accepted by
// whatever tolerates unknown keys.
type CodeBuild struct {
	Image       string
	Runtimes    []Setting // runtime name and version, as in a buildspec
	HCL         bool      // input_type: HCL, inputs are handed over as .tfvars
	Variables   []Setting // environment variables, never rendered
	Secrets     []Secret  // environment variables whose values are references
	Provision   []Command
	Deprovision []Command
	Properties  *Node // project_properties, nil when there are none
	RerunSafe   bool
	Timeout     time.Duration // 0 when not given
}

// A Setting is a name and its value.
type Setting struct{ Name, Value string }

// A Secret is an environment variable whose value an engine looks up when it
// runs. Reference has the form of a buildspec: "id:json-key:stage:version" for
// Secrets Manager, a name for the Parameter Store. Under either key a manifest
// may also say {{resolve:env:NAME}} or {{resolve:file:PATH}}, for what is kept
// where the commands run; the reference is then NAME or PATH alone.
type Secret struct {
	Name      string
	Source    SecretSource
	Reference string
}

// SecretSource says where a secret is kept.
type SecretSource string

// The stores a manifest can refer to.
const (
	SecretsManager SecretSource = "secrets-manager"
	ParameterStore SecretSource = "parameter-store"
	SecretEnv      SecretSource = "env"
	SecretFile     SecretSource = "file"
)

// A Command is one line for the shell, before rendering, with its position.
type Command struct {
	Text string
	at   *Node
}

const (
	minTimeout = time.Second
	maxTimeout = 36 * time.Hour // the longest an AWS CodeBuild build may take
)

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func readCodeBuild(d *Decoder, t *Node) *CodeBuild {
	settings := t.Get("settings")
	if old := t.KeyNode("codebuild"); old != nil && settings == nil {
		d.Warn(old.Problem("the key codebuild is an older form", "", "settings", "rename it to settings"))
		settings = t.Get("codebuild")
	}
	if settings.Null() {
		d.Add(t.Problem("a codebuild template needs the key \"settings\"", "", "", "add settings with a list of commands under provision"))
		return &CodeBuild{}
	}
	const what = "settings"
	if !d.Mapping(settings, what, "image", "runtimes", "input_type", "env", "provision", "deprovision", "deprovisioning",
		"project_properties", "rerun", "timeout") {
		return &CodeBuild{}
	}
	c := &CodeBuild{
		Image:       d.String(settings.Get("image"), "image"),
		Runtimes:    readSettings(d, settings.Get("runtimes"), "runtimes", false),
		HCL:         d.OneOf(settings.Get("input_type"), "input_type", "JSON", "HCL") == "HCL",
		RerunSafe:   d.OneOf(settings.Get("rerun"), "rerun", "safe") == "safe",
		Timeout:     d.Duration(settings.Get("timeout"), "timeout", minTimeout, maxTimeout),
		Provision:   readCommands(d, d.Require(settings, what, "provision"), "provision"),
		Deprovision: readCommands(d, deprovision(d, settings), "deprovision"),
		Properties:  settings.Get("project_properties"),
	}
	if c.Properties.Null() {
		c.Properties = nil
	} else if c.Properties.Kind != Mapping {
		d.Add(c.Properties.Problem("project_properties must be a mapping", c.Properties.Describe(), "", ""))
		c.Properties = nil
	}
	if n := settings.Get("provision"); n != nil && n.Kind == Sequence && len(n.Items) == 0 {
		d.Add(n.Problem("provision is empty", "", "at least one command", ""))
	}
	c.environment(d, settings.Get("env"))
	return c
}

func deprovision(d *Decoder, settings *Node) *Node {
	if n := settings.Get("deprovision"); n != nil {
		return n
	}
	if old := settings.KeyNode("deprovisioning"); old != nil {
		d.Warn(old.Problem("the key deprovisioning is an older form", "", "deprovision", "rename it to deprovision"))
		return settings.Get("deprovisioning")
	}
	d.Warn(settings.Problem("settings have no deprovision commands", "", "", "deleting will remove nothing; add a list under deprovision"))
	return nil
}

func readCommands(d *Decoder, n *Node, what string) []Command {
	if n.Null() {
		return nil
	}
	if n.Kind == Scalar {
		d.Add(n.Problem(what+" must be a list of commands", n.Describe(), "items that begin with \"- \"", ""))
		return nil
	}
	var out []Command
	for _, item := range d.List(n, what) {
		if item.Kind == Mapping {
			d.Add(item.Problem("a command must be a text", "a mapping", "", "put the command in quotes: it holds a \": \""))
			continue
		}
		if text := d.String(item, "a command"); text != "" {
			out = append(out, Command{Text: text, at: item})
		}
	}
	return out
}

func (c *CodeBuild) environment(d *Decoder, env *Node) {
	if env.Null() || !d.Mapping(env, "env", "variables", "secrets_manager", "parameter_store", "secrets-manager", "parameter-store") {
		return
	}
	c.Variables = readSettings(d, env.Get("variables"), "env.variables", true)
	for _, kind := range []struct {
		key, old string
		source   SecretSource
	}{
		{"secrets_manager", "secrets-manager", SecretsManager},
		{"parameter_store", "parameter-store", ParameterStore},
	} {
		n := env.Get(kind.key)
		if n == nil {
			n = env.Get(kind.old)
		}
		for _, s := range readSettings(d, n, "env."+kind.key, true) {
			if secret, ok := readSecret(d, n.Get(s.Name), s, kind.source); ok {
				c.Secrets = append(c.Secrets, secret)
			}
		}
	}
	seen := map[string]bool{}
	for _, group := range env.Pairs {
		for _, p := range group.Value.Pairs {
			if seen[p.Key.Text] {
				d.Add(p.Key.Problem("the variable "+p.Key.Text+" is given twice", "", "", "keep one of variables, secrets_manager and parameter_store"))
			}
			seen[p.Key.Text] = true
		}
	}
}

var resolveForm = regexp.MustCompile(`^\{\{\s*resolve:([a-z-]+):(.+?)\s*\}\}$`)

// readSecret reads one reference.
func readSecret(d *Decoder, at *Node, s Setting, source SecretSource) (Secret, bool) {
	secret := Secret{Name: s.Name, Source: source, Reference: s.Value}
	if secret.Reference == "" {
		d.Add(at.Problem("the reference to the secret "+s.Name+" is empty", "", "the name of a secret", ""))
		return secret, false
	}
	if !strings.HasPrefix(s.Value, "{{") {
		return secret, true
	}
	form := resolveForm.FindStringSubmatch(s.Value)
	if form == nil {
		form = make([]string, 3)
	}
	secret.Reference = form[2]
	switch form[1] {
	case "env":
		secret.Source = SecretEnv
		if !variableName.MatchString(secret.Reference) {
			d.Add(at.Problem("not a name for an environment variable", quote(secret.Reference), "letters, digits and _, no digit first", ""))
			return secret, false
		}
	case "file":
		secret.Source = SecretFile
		if !path.IsAbs(secret.Reference) {
			d.Add(at.Problem("the path of a secret must be absolute", quote(secret.Reference), "a path from / on", ""))
			return secret, false
		}
	case "secretsmanager":
		secret.Source = SecretsManager
	case "ssm", "ssm-secure":
		secret.Source = ParameterStore
	default:
		d.Add(at.Problem("this is no reference to a secret", quote(s.Value),
			"{{resolve:env:NAME}}, {{resolve:file:PATH}}, {{resolve:secretsmanager:ID}} or {{resolve:ssm:NAME}}", ""))
		return secret, false
	}
	return secret, true
}

// readSettings reads a mapping of names to texts.
func readSettings(d *Decoder, n *Node, what string, variables bool) []Setting {
	if n.Null() {
		return nil
	}
	if n.Kind != Mapping {
		d.Add(n.Problem(what+" must be a mapping", n.Describe(), "names and values", ""))
		return nil
	}
	out := make([]Setting, 0, len(n.Pairs))
	for _, p := range n.Pairs {
		if variables && !variableName.MatchString(p.Key.Text) {
			d.Add(p.Key.Problem("not a name for an environment variable", quote(p.Key.Text), "letters, digits and _, no digit first", ""))
			continue
		}
		value := ""
		if !p.Value.Null() || !variables {
			value = d.String(p.Value, what+"."+p.Key.Text)
		}
		out = append(out, Setting{Name: p.Key.Text, Value: value})
	}
	return out
}
