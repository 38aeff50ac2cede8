package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"baryon/provisioner"
	"baryon/provisioner/cloudformation"
	"baryon/provisioner/probe"
	"baryon/provisioner/terraform"
	"baryon/reconciler"
	"baryon/renderer"
	"baryon/server/access"
)

// A config is the daemon's configuration: what baryon.yaml says, over that the
// environment, over that the flags, and defaults for the rest.
type config struct {
	File        string                             // empty when there is none
	Flags       map[string]string                  // kept, so that the file can be read again
	Listen      string                             // address of the API and the page
	HooksListen string                             // a second address that serves /hooks/ alone; empty for none
	Data        string                             // mirrors, SQLite file, work folders
	Store       string                             // sqlite, or a postgres:// URL
	Token       secretRef                          // guards the API and the page
	GitHub      secretRef                          // what GitHub signs hooks with
	AWS         cloudformation.Config              // likewise: see cloudformationConfig
	S3Endpoint  string                             // where bundles are that callers of the Proton API name
	Terraform   terraform.Config                   // without what the daemon adds: see terraformConfig
	Secrets     map[string]provisioner.SecretPlace // where what templates refer to is kept, by name
	Policies    map[string]access.Policy           // what keys may be good for, by name
	Events      []eventDestination                 // who is told of changes of status
	HealthHosts []probe.Host                       // where health checks may go
	Settings    reconciler.Settings

	HealthAtOnce int // health checks at once; see probe.Config
}

// A secretRef names where a secret is. Secrets never stand in the configuration.
type secretRef struct{ File, Env string }

func (s secretRef) set() bool { return s.File != "" || s.Env != "" }

// read returns the secret; it is an error when what is named holds none.
func (s secretRef) read(what string) (string, error) {
	if !s.set() {
		return "", nil
	}
	text, from := os.Getenv(s.Env), "the environment variable "+s.Env
	if s.File != "" {
		data, err := os.ReadFile(s.File)
		if err != nil {
			return "", fmt.Errorf("%s: %w", what, err)
		}
		text, from = string(data), s.File
	}
	if text = strings.TrimSpace(text); text == "" {
		return "", fmt.Errorf("%s: %s is empty; put the secret there", what, from)
	}
	return text, nil
}

// defaultConfig is what holds where nothing is said.
func defaultConfig() config {
	return config{Listen: "127.0.0.1:8080", Data: "./baryon-data", Store: "sqlite"}
}

// defaultFile is the configuration that is meant when none is named.
const defaultFile = "baryon.yaml"

// A setting is a key of the configuration that holds one value. It can be set in
// the file, by an environment variable and by a flag, and is checked the same
// way wherever it comes from.
type setting struct {
	key   string
	usage string
	read  func(c *config, d *renderer.Decoder, v *renderer.Node, key string)
}

// env is the variable that overrides the setting; flag the flag that does.
func (s setting) env() string  { return "BARYON_" + strings.ToUpper(s.key) }
func (s setting) flag() string { return strings.ReplaceAll(s.key, "_", "-") }

// settings are all keys that hold one value.
func settings() []setting {
	text := func(into func(*config) *string, check func(string) (want, next string)) func(*config, *renderer.Decoder, *renderer.Node, string) {
		return func(c *config, d *renderer.Decoder, v *renderer.Node, key string) {
			at := into(c)
			if *at = d.String(v, key); *at == "" || check == nil {
				return
			}
			if want, next := check(*at); want != "" {
				d.Add(v.Problem(key+" cannot be used", strconv.Quote(*at), want, next))
			}
		}
	}
	number := func(into func(*config) *int, most int64) func(*config, *renderer.Decoder, *renderer.Node, string) {
		return func(c *config, d *renderer.Decoder, v *renderer.Node, key string) {
			*into(c) = int(d.Int(v, key, 1, most))
		}
	}
	return []setting{
		{"listen", "address of the API and the page (default 127.0.0.1:8080)", text(func(c *config) *string { return &c.Listen }, addressForm)},
		{"hooks_listen", "a second address, that serves /hooks/ alone", text(func(c *config) *string { return &c.HooksListen }, addressForm)},
		{"data", "folder of mirrors, SQLite file and work folders (default ./baryon-data)", pathOf(func(c *config) *string { return &c.Data })},
		{"store", "sqlite, or a postgres:// URL (default sqlite)", text(func(c *config) *string { return &c.Store }, storeForm)},
		{"account", "AWS account of resource names, 12 digits", text(func(c *config) *string { return &c.Settings.Account }, accountForm)},
		{"region", "AWS region of resource names (default us-east-1)", text(func(c *config) *string { return &c.Settings.Region }, nil)},
		{"pipeline_role", "role in which pipelines are deployed (default: of Proton's account settings)", text(func(c *config) *string { return &c.Settings.PipelineRole }, roleForm)},
		{"aws_endpoint", "address of AWS, for a simulated one (default the real one)", text(func(c *config) *string { return &c.AWS.Endpoint }, nil)},
		{"s3_endpoint", "address of S3 for bundles, for another server than Amazon's (default aws_endpoint)", text(func(c *config) *string { return &c.S3Endpoint }, nil)},
		{"aws_bucket", "S3 bucket for templates above 51,200 bytes", text(func(c *config) *string { return &c.AWS.Bucket }, nil)},
		{"aws_external_id", "external ID shown when roles are assumed", text(func(c *config) *string { return &c.Settings.ExternalID }, nil)},
		{"token_file", "file that holds the token that guards the API and the page", pathOf(func(c *config) *string { return &c.Token.File })},
		{"token_env", "environment variable that holds that token", text(func(c *config) *string { return &c.Token.Env }, nil)},
		{"workers", "things looked at once (default 8)", number(func(c *config) *int { return &c.Settings.Workers }, 1024)},
		{"deployments", "deployments under way at once (default 32)", number(func(c *config) *int { return &c.Settings.Deployments }, 10000)},
		{"instances", "instances of one service at most (default 20)", number(func(c *config) *int { return &c.Settings.Instances }, 10000)},
		{"quota", "things of a kind that callers of the Proton API make at most (default 1000)", number(func(c *config) *int { return &c.Settings.Quota }, 1000000)},
		{"deletions", "deletions in 24 hours that need no person (default 3)", func(c *config, d *renderer.Decoder, v *renderer.Node, key string) {
			if c.Settings.Deletions = int(d.Int(v, key, 0, 1<<20)); c.Settings.Deletions == 0 {
				c.Settings.Deletions = -1 // Settings takes 0 for "not said"
			}
		}},
		{"api_commands", "components made through the API may run commands (default false)", func(c *config, d *renderer.Decoder, v *renderer.Node, key string) {
			c.Settings.APICommands = d.Bool(v, key)
		}},
		{"resync", "how often everything is looked at though nothing happened (default 10m)", func(c *config, d *renderer.Decoder, v *renderer.Node, key string) {
			c.Settings.Resync = d.Duration(v, key, time.Second, 24*time.Hour)
		}},
	}
}

// pathOf reads a path. In the file it is relative to the file's folder.
func pathOf(into func(*config) *string) func(*config, *renderer.Decoder, *renderer.Node, string) {
	return func(c *config, d *renderer.Decoder, v *renderer.Node, key string) {
		*into(c) = c.beside(v, d.String(v, key))
	}
}

// beside makes a path relative to the folder of the file it stands in. What
// comes from a flag or a variable has no line and is left as it is.
func (c *config) beside(v *renderer.Node, p string) string {
	if p == "" || filepath.IsAbs(p) || v.Line == 0 {
		return p
	}
	return filepath.Join(filepath.Dir(c.File), p)
}

// loadConfig reads a file, if one is named, and puts the environment and the
// flags over it. All that is wrong comes back at once, as file:line:column
// lines, or with the name of the variable or flag.
func loadConfig(file string, flags map[string]string) (config, error) {
	cfg := defaultConfig()
	cfg.File, cfg.Flags = file, flags
	if file != "" {
		cfg.Data = filepath.Join(filepath.Dir(file), cfg.Data)
	}
	root := &renderer.Node{Kind: renderer.Mapping, File: file, Line: 1, Column: 1}
	var d renderer.Decoder
	if file != "" {
		data, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			return cfg, fmt.Errorf("there is no %s; write one, or name it with --config FILE (two lines are enough, see: baryon serve --help)", file)
		}
		if err != nil {
			return cfg, err
		}
		docs, problems := renderer.ParseYAML(file, data, renderer.Limits{})
		if problems.Failed() {
			return cfg, problems.Err()
		}
		if len(docs) > 1 {
			d.Add(docs[1].Problem("a configuration is one YAML document", strconv.Itoa(len(docs)), "one", ""))
		}
		if len(docs) > 0 && !docs[0].Null() {
			root = docs[0]
		}
	}
	cfg.decode(&d, root)
	return cfg, d.Problems.Err()
}

// decode reads what the file says and what is put over it.
func (c *config) decode(d *renderer.Decoder, root *renderer.Node) {
	keys := []string{"repositories", "links", "hooks", "terraform", "limits", "approvals", "change_policies", "drift", "secrets", "policies", "events", "health"}
	for _, s := range settings() {
		keys = append(keys, s.key)
	}
	if !d.Mapping(root, "the configuration", keys...) {
		return
	}
	said := map[string]*renderer.Node{}
	for _, s := range settings() {
		v := s.node(root, c.Flags)
		if v == nil {
			continue
		}
		said[s.key] = v
		s.read(c, d, v, s.key)
	}
	c.hooks(d, root.Get("hooks"))
	c.terraform(d, root.Get("terraform"))
	if !c.Token.set() && os.Getenv("BARYON_TOKEN") != "" {
		c.Token.Env = "BARYON_TOKEN" // what clients on this machine send anyway
	}
	c.repositories(d, root.Get("repositories"))
	c.links(d, root.Get("links"))
	c.limits(d, root.Get("limits"))
	c.drift(d, root.Get("drift"))
	c.health(d, root.Get("health"))
	c.approvals(d, root.Get("approvals"))
	c.changePolicies(d, root.Get("change_policies"))
	c.secrets(d, root.Get("secrets"))
	c.policies(d, root.Get("policies"))
	c.events(d, root.Get("events"))
	c.check(d, root, said)
}

// node is where the value of a setting stands, nil where nobody says anything.
func (s setting) node(root *renderer.Node, flags map[string]string) *renderer.Node {
	v := root.Get(s.key)
	if v.Null() {
		v = nil
	}
	if text := os.Getenv(s.env()); text != "" {
		v = &renderer.Node{File: s.env(), Text: text, Plain: true}
	}
	if text := flags[s.flag()]; text != "" {
		v = &renderer.Node{File: "--" + s.flag(), Text: text, Plain: true}
	}
	return v
}

func (c *config) hooks(d *renderer.Decoder, n *renderer.Node) {
	if n == nil || !d.Mapping(n, "hooks", "github") {
		return
	}
	g := n.Get("github")
	if !d.Mapping(g, "hooks.github", "secret_file", "secret_env") {
		return
	}
	file, env := g.Get("secret_file"), g.Get("secret_env")
	c.GitHub = secretRef{Env: d.String(env, "secret_env")}
	if file != nil {
		c.GitHub.File = c.beside(file, d.String(file, "secret_file"))
	}
	switch {
	case file != nil && env != nil:
		d.Add(env.Problem("the secret is named twice", "secret_file and secret_env", "one of them", ""))
	case !c.GitHub.set():
		d.Add(g.Problem("hooks.github needs a secret", "", "secret_file or secret_env", "without one, anybody could wake the daemon"))
	}
}

// check refuses what is unsafe or cannot work together.
func (c *config) check(d *renderer.Decoder, root *renderer.Node, said map[string]*renderer.Node) {
	at := func(key string) *renderer.Node {
		if v := said[key]; v != nil {
			return v
		}
		return root
	}
	if said["token_file"] != nil && said["token_env"] != nil {
		d.Add(at("token_env").Problem("the token is named twice", "token_file and token_env", "one of them", ""))
	}
	if host, _, err := net.SplitHostPort(c.Listen); err == nil && !loopback(host) && !c.Token.set() {
		d.Add(at("listen").Problem("the address can be reached from other machines and no token is configured", c.Listen, "an address of 127.0.0.1, or a token",
			"set token_file or token_env, or listen on 127.0.0.1"))
	}
	if c.HooksListen != "" && !c.GitHub.set() {
		d.Add(at("hooks_listen").Problem("an address for hooks is set and no hook is configured", c.HooksListen, "hooks.github", "set hooks.github.secret_file"))
	}
}

func addressForm(text string) (want, next string) {
	_, port, err := net.SplitHostPort(text)
	if err == nil {
		if n, portErr := strconv.Atoi(port); portErr == nil && n >= 0 && n <= 65535 {
			return "", ""
		}
	}
	return "HOST:PORT", "write it as 127.0.0.1:8080"
}

func storeForm(text string) (want, next string) {
	if text == "sqlite" || strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://") {
		return "", ""
	}
	return "sqlite, or a postgres:// URL", "the SQLite file is in the folder that data names"
}

func accountForm(text string) (want, next string) {
	if len(text) == 12 && strings.Trim(text, "0123456789") == "" {
		return "", ""
	}
	return "12 digits in quotes", ""
}

func roleForm(text string) (want, next string) {
	if parts := strings.SplitN(text, ":", 6); len(parts) == 6 && parts[0] == "arn" && parts[2] == "iam" && strings.HasPrefix(parts[5], "role/") {
		return "", ""
	}
	return "arn:aws:iam::ACCOUNT:role/NAME", ""
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.IsLoopback()
}

// dsn is the address of the store.
func (c *config) dsn() string {
	if c.Store == "sqlite" {
		return filepath.Join(c.Data, "baryon.db")
	}
	return c.Store
}

// pending names what differs from another configuration and takes effect with
// the next start alone.
func (c *config) pending(next config) []string {
	var out []string
	for _, p := range []struct {
		key       string
		now, then any
	}{
		{"listen", c.Listen, next.Listen}, {"hooks_listen", c.HooksListen, next.HooksListen}, {"data", c.Data, next.Data},
		{"store", c.Store, next.Store}, {"token_file or token_env", c.Token, next.Token}, {"hooks", c.GitHub, next.GitHub},
		{"aws_endpoint", c.AWS.Endpoint, next.AWS.Endpoint}, {"aws_bucket", c.AWS.Bucket, next.AWS.Bucket}, {"s3_endpoint", c.S3Endpoint, next.S3Endpoint},
		{"terraform", fmt.Sprintf("%+v", c.Terraform), fmt.Sprintf("%+v", next.Terraform)},
	} {
		if p.now != p.then {
			out = append(out, p.key+" has changed; restart the daemon to use it")
		}
	}
	return out
}
