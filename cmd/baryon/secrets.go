package main

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"baryon/provisioner"
	"baryon/renderer"
)

// secrets reads where the secrets are that manifests refer to by the names they
// have in AWS:
//
//	secrets:
//	  shop/db: {file: /run/secrets/shop-db}
//	  /shop/key: {env: SHOP_KEY}
func (c *config) secrets(d *renderer.Decoder, n *renderer.Node) {
	if n.Null() {
		return
	}
	if n.Kind != renderer.Mapping {
		d.Add(n.Problem("secrets must be a mapping", n.Describe(), "names, each with a file or a variable", "write: secrets: {NAME: {file: PATH}}"))
		return
	}
	c.Secrets = map[string]provisioner.SecretPlace{}
	for _, p := range n.Pairs {
		if !d.Mapping(p.Value, "a secret", "file", "env") {
			continue
		}
		file, env := p.Value.Get("file"), p.Value.Get("env")
		place := provisioner.SecretPlace{Env: d.String(env, "env")}
		if file != nil {
			place.File = c.beside(file, d.String(file, "file"))
		}
		if (place.File == "") == (place.Env == "") {
			d.Add(p.Key.Problem("a secret is in one place", strconv.Quote(p.Key.Text), "file or env", ""))
			continue
		}
		c.Secrets[p.Key.Text] = place
	}
}

// own reports whether a place holds a credential of the daemon itself, or is in
// its data folder. What templates may ask for and what the daemon signs in with
// are kept apart.
func (c *config) own(p provisioner.SecretPlace) bool {
	if p.File != "" && within(c.Data, p.File) {
		return true
	}
	refs := []secretRef{c.Token, c.GitHub, {Env: "BARYON_TOKEN"}, {Env: "BARYON_STORE"}}
	for _, e := range c.Events {
		refs = append(refs, e.Secret)
	}
	repositories := slices.Clone(c.Settings.Repositories)
	for _, l := range c.Settings.Links {
		repositories = append(repositories, l.Repository)
	}
	for _, r := range repositories {
		refs = append(refs, secretRef{File: r.Auth.TokenFile, Env: r.Auth.TokenEnv}, secretRef{File: r.Auth.SSHKeyFile, Env: r.Auth.SSHKeyEnv})
	}
	for _, ref := range refs {
		if p.Env != "" && p.Env == ref.Env || p.File != "" && ref.File != "" && sameFile(p.File, ref.File) {
			return true
		}
	}
	return false
}

// within reports whether a file is below a folder, links followed.
func within(folder, file string) bool {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return false
	}
	if real, err := filepath.EvalSymlinks(folder); err == nil {
		folder = real
	}
	if real, err := filepath.EvalSymlinks(file); err == nil {
		file = real
	}
	below, err := filepath.Rel(folder, file)
	return err == nil && filepath.IsLocal(below)
}

// sameFile also sees through links.
func sameFile(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return a == b
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}
