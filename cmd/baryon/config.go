package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"baryon/gitsource"
	"baryon/reconciler"
	"baryon/renderer"
)

// A config is the daemon's configuration with its defaults: what baryon.yaml
// says, and over it the environment and the flags.
type config struct {
	File        string // empty when there is none
	Listen      string // address of the API and the page
	HooksListen string // a second address that serves /hooks/ alone; empty for none
	Data        string // mirrors, SQLite file, work folders
	Store       string // sqlite, or a postgres:// URL
	Token       secretRef
	GitHub      secretRef // the secret that GitHub signs hooks with
	Settings    reconciler.Settings
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
		return "", fmt.Errorf("%s: %s is empty", what, from)
	}
	return text, nil
}

// defaultConfig is what holds where nothing is said.
func defaultConfig() config {
	return config{Listen: "127.0.0.1:8080", Data: "./baryon-data", Store: "sqlite"}
}

// loadConfig reads the file and applies the environment to it. All that is wrong
// with the file comes back at once, as file:line:column lines.
func loadConfig(file string) (config, error) {
	cfg := defaultConfig()
	if file != "" {
		data, err := os.ReadFile(file)
		if err != nil {
			return cfg, err
		}
		node, problems := renderer.ParseOne(file, data, renderer.Limits{})
		if problems.Failed() {
			return cfg, problems.Err()
		}
		if err := cfg.decode(node); err != nil {
			return cfg, err
		}
		cfg.File = file
		cfg.resolve(filepath.Dir(file))
	}
	for name, value := range map[string]*string{
		"BARYON_LISTEN": &cfg.Listen, "BARYON_HOOKS_LISTEN": &cfg.HooksListen, "BARYON_DATA": &cfg.Data,
		"BARYON_STORE": &cfg.Store, "BARYON_ACCOUNT": &cfg.Settings.Account, "BARYON_REGION": &cfg.Settings.Region,
		"BARYON_TOKEN_FILE": &cfg.Token.File,
	} {
		if v, ok := os.LookupEnv(name); ok {
			*value = v
		}
	}
	return cfg, cfg.validate()
}

// decode reads the keys of the file. An unknown key is an error.
func (c *config) decode(n *renderer.Node) error {
	var d renderer.Decoder
	if !d.Mapping(n, "the configuration", "listen", "hooks_listen", "data", "store", "account", "region", "repositories",
		"token_file", "token_env", "hooks", "workers", "deployments", "deletions", "resync") {
		return d.Problems.Err()
	}
	text := func(key string, into *string) {
		if v := n.Get(key); v != nil {
			*into = d.String(v, key)
		}
	}
	text("listen", &c.Listen)
	text("hooks_listen", &c.HooksListen)
	text("data", &c.Data)
	text("store", &c.Store)
	text("account", &c.Settings.Account)
	text("region", &c.Settings.Region)
	text("token_file", &c.Token.File)
	text("token_env", &c.Token.Env)
	c.Settings.Workers = int(d.Int(n.Get("workers"), "workers", 1, 1024))
	c.Settings.Deployments = int(d.Int(n.Get("deployments"), "deployments", 1, 10000))
	if v := n.Get("deletions"); v != nil {
		c.Settings.Deletions = int(d.Int(v, "deletions", 0, 1<<30))
		if c.Settings.Deletions == 0 {
			c.Settings.Deletions = -1 // Settings takes 0 for "not said"
		}
	}
	c.Settings.Resync = d.Duration(n.Get("resync"), "resync", time.Second, 24*time.Hour)
	if hooks := n.Get("hooks"); hooks != nil && d.Mapping(hooks, "hooks", "github") {
		if g := hooks.Get("github"); d.Mapping(g, "hooks.github", "secret_file", "secret_env") {
			c.GitHub = secretRef{File: d.String(g.Get("secret_file"), "secret_file"), Env: d.String(g.Get("secret_env"), "secret_env")}
			if !c.GitHub.set() {
				d.Add(g.Problem("hooks.github needs a secret", "", "secret_file or secret_env", "without one, anybody could wake the daemon"))
			}
		}
	}
	for _, item := range d.List(n.Get("repositories"), "repositories") {
		c.Settings.Repositories = append(c.Settings.Repositories, decodeRepository(&d, item))
	}
	return d.Problems.Err()
}

func decodeRepository(d *renderer.Decoder, n *renderer.Node) reconciler.Repository {
	r := reconciler.Repository{Repo: gitsource.Repo{Path: "."}}
	if !d.Mapping(n, "a repository", "name", "url", "branch", "path", "interval", "publish", "allow", "username",
		"token_file", "token_env", "ssh_key_file", "ssh_key_env", "known_hosts_file") {
		return r
	}
	text := func(key string) string { return d.String(n.Get(key), key) }
	d.Require(n, "a repository", "url")
	r.URL, r.Name, r.Branch = text("url"), text("name"), text("branch")
	if p := text("path"); p != "" {
		r.Path = p
	}
	if r.Name == "" {
		r.Name = strings.TrimSuffix(path.Base(filepath.ToSlash(strings.TrimRight(r.URL, "/"))), ".git")
	}
	r.Auth = gitsource.Auth{
		Username: text("username"), TokenFile: text("token_file"), TokenEnv: text("token_env"),
		SSHKeyFile: text("ssh_key_file"), SSHKeyEnv: text("ssh_key_env"), KnownHostsFile: text("known_hosts_file"),
	}
	r.Interval = d.Duration(n.Get("interval"), "interval", time.Second, 24*time.Hour)
	if v := n.Get("publish"); v != nil {
		r.Publish = d.OneOf(v, "publish", reconciler.PublishManual, reconciler.PublishAuto)
	}
	if a := n.Get("allow"); a != nil && d.Mapping(a, "allow", "kinds", "environments", "templates", "roles") {
		r.Allow = reconciler.Allow{
			Kinds: d.Strings(a.Get("kinds"), "kinds"), Environments: d.Strings(a.Get("environments"), "environments"),
			Templates: d.Strings(a.Get("templates"), "templates"), Roles: d.Strings(a.Get("roles"), "roles"),
		}
	}
	return r
}

// resolve makes paths in the file relative to the file.
func (c *config) resolve(dir string) {
	at := func(p *string) {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
	at(&c.Data)
	at(&c.Token.File)
	at(&c.GitHub.File)
	for i := range c.Settings.Repositories {
		r := &c.Settings.Repositories[i]
		at(&r.Auth.TokenFile)
		at(&r.Auth.SSHKeyFile)
		at(&r.Auth.KnownHostsFile)
		if !strings.Contains(r.URL, "://") && !scpLike(r.URL) {
			at(&r.URL)
		}
	}
}

// scpLike tells user@host:path, Git's short form of an ssh address, from a path.
func scpLike(url string) bool {
	before, _, found := strings.Cut(url, ":")
	return found && !strings.Contains(before, "/")
}

// validate refuses what would be unsafe or cannot work.
func (c *config) validate() error {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w; want HOST:PORT, such as 127.0.0.1:8080", err)
	}
	if !loopback(host) && !c.Token.set() {
		return errors.New("listen: " + c.Listen + " is reachable from other machines and no token is configured; set token_file or token_env, or listen on 127.0.0.1")
	}
	if c.HooksListen != "" && !c.GitHub.set() {
		return errors.New("hooks_listen: no hook is configured; set hooks.github.secret_file")
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// dsn is the address of the store.
func (c *config) dsn() string {
	if c.Store == "" || c.Store == "sqlite" {
		return filepath.Join(c.Data, "baryon.db")
	}
	return c.Store
}
