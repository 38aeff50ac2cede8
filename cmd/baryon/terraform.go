package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"baryon/provisioner/terraform"
	"baryon/renderer"
)

// terraformKeys are what the configuration may say of the terraform engine.
var terraformKeys = []string{
	"binary", "allow", "registries", "providers", "modules", "mirrors", "network_mirror", "network", "env", "patience", "lock_wait", "init_timeout", "state", "retain",
}

// terraform reads what code may do, where providers come from, and where states
// are.
func (c *config) terraform(d *renderer.Decoder, n *renderer.Node) {
	if n == nil || n.Null() || !d.Mapping(n, "terraform", terraformKeys...) {
		return
	}
	t := &c.Terraform
	if v := n.Get("binary"); v != nil {
		if t.Binary = d.String(v, "terraform.binary"); strings.ContainsRune(t.Binary, filepath.Separator) {
			t.Binary = c.beside(v, t.Binary)
		}
	}
	t.Policy.Allow = c.terraformRules(d, n.Get("allow"))
	t.Retain = d.Strings(n.Get("retain"), "terraform.retain")
	for i, rule := range t.Retain {
		if !retainRule.MatchString(rule) {
			d.Add(n.Get("retain").Items[i].Problem("this names no resource", strconv.Quote(rule), "a type, as aws_db_instance, or an address, as module.db.aws_s3_bucket.*", ""))
		}
	}
	t.Policy.Registries = d.Strings(n.Get("registries"), "terraform.registries")
	t.Policy.Providers = d.Strings(n.Get("providers"), "terraform.providers")
	t.Policy.Modules = d.Strings(n.Get("modules"), "terraform.modules")
	if v := n.Get("mirrors"); v != nil {
		for _, dir := range d.Strings(v, "terraform.mirrors") {
			dir, err := filepath.Abs(c.beside(v, dir))
			if err != nil {
				d.Add(v.Problem("the folder of a mirror cannot be used", err.Error(), "a path", ""))
			}
			t.Mirrors = append(t.Mirrors, dir)
		}
	}
	if v := n.Get("network_mirror"); v != nil {
		if t.NetworkMirror = d.String(v, "terraform.network_mirror"); !strings.HasPrefix(t.NetworkMirror, "https://") || !strings.HasSuffix(t.NetworkMirror, "/") {
			d.Add(v.Problem("the address of a mirror is https and ends in /", strconv.Quote(t.NetworkMirror), "https://HOST/PATH/", ""))
		}
	}
	if v := n.Get("network"); v != nil {
		t.Network = d.Bool(v, "terraform.network")
	}
	if v := n.Get("env"); v != nil {
		t.Env = d.Strings(v, "terraform.env")
		for i, name := range t.Env {
			if !passable(name) {
				d.Add(v.Items[i].Problem("this variable cannot be handed on", strconv.Quote(name), "the name of a credential, or TF_VAR_NAME", "TF_ variables change how terraform runs"))
			}
		}
	}
	for key, into := range map[string]*time.Duration{"patience": &t.Patience, "lock_wait": &t.LockWait, "init_timeout": &t.InitWithin} {
		if v := n.Get(key); v != nil {
			*into = d.Duration(v, "terraform."+key, time.Second, 24*time.Hour)
		}
	}
	c.terraformState(d, n.Get("state"))
}

func (c *config) terraformRules(d *renderer.Decoder, n *renderer.Node) []string {
	if n == nil {
		return nil
	}
	var names []string
	for _, r := range terraform.Rules() {
		names = append(names, r.Name)
	}
	list := d.Strings(n, "terraform.allow")
	for i, name := range list {
		if name != "" && !slices.Contains(names, name) {
			next := ""
			if near := renderer.Nearest(name, names); near != "" {
				next = "did you mean " + strconv.Quote(near) + "?"
			}
			d.Add(n.Items[i].Problem("this rule is not known", strconv.Quote(name), "some of "+strings.Join(names, ", "), next))
		}
	}
	return list
}

// terraformState reads where states are, when that is not where everything else
// is.
func (c *config) terraformState(d *renderer.Decoder, n *renderer.Node) {
	if n == nil || n.Null() || !d.Mapping(n, "terraform.state", "s3") {
		return
	}
	s3 := d.Require(n, "terraform.state", "s3")
	if !d.Mapping(s3, "terraform.state.s3", "bucket", "prefix", "region", "endpoint") {
		return
	}
	in := &c.Terraform.State
	in.Bucket = d.String(d.Require(s3, "terraform.state.s3", "bucket"), "bucket")
	in.Region = d.String(d.Require(s3, "terraform.state.s3", "region"), "region")
	if v := s3.Get("endpoint"); v != nil {
		if in.Endpoint = d.String(v, "endpoint"); !strings.HasPrefix(in.Endpoint, "https://") && !strings.HasPrefix(in.Endpoint, "http://") {
			d.Add(v.Problem("this is no address of a server", strconv.Quote(in.Endpoint), "https://HOST", "leave it out for AWS"))
		}
	}
	if v := s3.Get("prefix"); v != nil {
		if in.Prefix = d.String(v, "prefix"); in.Prefix != "" && !strings.HasSuffix(in.Prefix, "/") {
			in.Prefix += "/"
		}
	}
}

// retainRule is a type or an address; * alone would keep everything of every
// target, which is what the verb retain is for.
var retainRule = regexp.MustCompile(`^[A-Za-z_][^\s]*$`)

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// passable reports whether a variable of the daemon may be handed to terraform.
func passable(name string) bool {
	return variableName.MatchString(name) && (!strings.HasPrefix(name, "TF_") || strings.HasPrefix(name, "TF_VAR_"))
}

// terraformConfig is what the engine is made of. With a database that replicas
// share, states are in it, unless they are in S3.
func (c *config) terraformConfig() terraform.Config {
	t := c.Terraform
	t.Dir = filepath.Join(c.Data, "terraform")
	if t.Network && len(t.Policy.Providers) == 0 { // anybody may publish one in a registry
		t.Policy.Providers = []string{"registry.terraform.io/hashicorp/", "registry.opentofu.org/hashicorp/", "registry.opentofu.org/opentofu/"}
	}
	if c.Store != "sqlite" && t.State.Bucket == "" {
		t.State.Postgres = c.Store
	}
	return t
}

// terraform looks for the program and says what it may do.
func (d *diagnosis) terraform(ctx context.Context, cfg config) {
	t := cfg.terraformConfig()
	p, err := terraform.Find(ctx, t.Binary, os.Getenv("PATH"))
	switch {
	case errors.Is(err, terraform.ErrNotFound) && t.Binary == "":
		d.lacks("terraform", err.Error(), "")
		return
	case err != nil:
		d.fails("terraform", err, "")
		return
	}
	d.good("terraform", fmt.Sprintf("%s %s, %s; it runs bundles of kind hcl", p.Name, p.Version, p.Path))
	where := "files below " + filepath.Join(t.Dir, "stacks")
	switch {
	case t.State.Postgres != "":
		where = "the same database as everything else"
	case t.State.Bucket != "":
		where = "the S3 bucket " + t.State.Bucket
	}
	d.good("terraform states", where)
	sources := append([]string{filepath.Join(t.Dir, "mirror")}, t.Mirrors...)
	if t.NetworkMirror != "" {
		sources = append(sources, t.NetworkMirror)
	}
	if t.Network {
		sources = append(sources, "their registries: "+strings.Join(t.Policy.Providers, ", "))
	}
	d.good("terraform providers", "from "+strings.Join(sources, ", "))
	if len(t.Policy.Allow) > 0 {
		d.lacks("terraform policy", "lifted: "+strings.Join(t.Policy.Allow, ", "), "see docs/terraform.md")
	} else {
		d.good("terraform policy", "code that runs programs or reads other files is refused")
	}
}
