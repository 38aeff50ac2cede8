package main

import (
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"baryon/gitsource"
	"baryon/reconciler"
	"baryon/renderer"
)

// repositories reads the list of repositories.
func (c *config) repositories(d *renderer.Decoder, n *renderer.Node) {
	if n.Null() {
		return
	}
	seen := map[string]*renderer.Node{}
	for _, item := range d.List(n, "repositories") {
		r, ok := c.repository(d, item)
		if !ok {
			continue
		}
		if first := seen[r.Name]; first != nil {
			d.Add(item.Problem("two repositories have the same name", strconv.Quote(r.Name), "names that differ",
				"give this one a name; the other is on line "+strconv.Itoa(first.Line)))
			continue
		}
		seen[r.Name] = item
		c.Settings.Repositories = append(c.Settings.Repositories, r)
	}
}

// nameRule is Proton's rule for names.
var nameRule = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z_-]{0,99}$`)

func (c *config) repository(d *renderer.Decoder, n *renderer.Node) (reconciler.Repository, bool) {
	r := reconciler.Repository{Repo: gitsource.Repo{Path: "."}}
	if !d.Mapping(n, "a repository", "name", "url", "branch", "path", "interval", "publish", "allow", "owner_conflict", "write_back", "api", "username",
		"token_file", "token_env", "ssh_key_file", "ssh_key_env", "known_hosts_file") {
		return r, false
	}
	text := func(key string) string { return d.String(n.Get(key), key) }
	r.URL, r.Auth = c.place(d, n, "a repository")
	r.Branch = text("branch")
	if p := n.Get("path"); p != nil {
		if r.Path = path.Clean(filepath.ToSlash(text("path"))); path.IsAbs(r.Path) || r.Path == ".." || strings.HasPrefix(r.Path, "../") {
			d.Add(p.Problem("the path leaves the repository", strconv.Quote(p.Text), "a folder of the repository, or .", ""))
		}
	}
	r.Interval = d.Duration(n.Get("interval"), "interval", time.Second, 24*time.Hour)
	if v := n.Get("publish"); v != nil {
		r.Publish = d.OneOf(v, "publish", reconciler.PublishManual, reconciler.PublishAuto)
	}
	if v := n.Get("owner_conflict"); v != nil {
		r.OwnerConflict = d.OneOf(v, "owner_conflict", reconciler.ConflictBlocker, reconciler.ConflictRefuse, reconciler.ConflictWriteBack)
	}
	c.writeBack(d, n, &r)
	if a := n.Get("allow"); a != nil && d.Mapping(a, "allow", "kinds", "environments", "templates", "roles", "commands") {
		r.Allow = allow(d, a)
	}
	return r, c.named(d, n, &r)
}

// writeBack reads how changes are written back, and where the API of the host is
// that pull requests need.
func (c *config) writeBack(d *renderer.Decoder, n *renderer.Node, r *reconciler.Repository) {
	if v := n.Get("api"); v != nil {
		if r.API = d.String(v, "api"); r.API != "" {
			if problem := gitsource.CheckAPI(r.API); problem != "" {
				d.Add(v.Problem(problem, "", "the base of a REST API, such as https://git.acme.com/api/v3/", ""))
			}
		}
	}
	v := n.Get("write_back")
	if v == nil {
		return
	}
	r.WriteBack = d.OneOf(v, "write_back", reconciler.WriteBackCommit, reconciler.WriteBackPull, reconciler.WriteBackBranch)
	switch {
	case r.OwnerConflict != reconciler.ConflictWriteBack:
		d.Add(v.Problem("write_back says how changes are written back, and owner_conflict that none are", "", "", "say owner_conflict: write-back too, or leave write_back out"))
	case r.WriteBack != reconciler.WriteBackPull:
	case r.API == "" && r.URL != "" && !gitsource.KnowsAPI(r.URL):
		d.Add(v.Problem("pull requests need the API of the host, and nothing says where that is", "", "",
			"add api: https://HOST/api/v3/ of a GitHub Enterprise Server, or say write_back: branch and merge it there"))
	case r.Auth.TokenFile+r.Auth.TokenEnv == "":
		d.Add(v.Problem("pull requests need a token", "", "", "name it with token_file or token_env"))
	}
}

// place reads the address of a repository and the credentials for it.
func (c *config) place(d *renderer.Decoder, n *renderer.Node, what string) (address string, auth gitsource.Auth) {
	url := d.Require(n, what, "url")
	text := func(key string) string { return d.String(n.Get(key), key) }
	file := func(key string) string {
		v := n.Get(key)
		if v == nil {
			return ""
		}
		return c.beside(v, d.String(v, key))
	}
	if address = d.String(url, "url"); address != "" && localPath(address) {
		address = c.beside(url, address)
	}
	if address != "" {
		if problem, next := gitsource.CheckURL(address); problem != "" {
			d.Add(url.Problem(problem, "", "", next))
		}
	}
	auth = gitsource.Auth{
		Username: text("username"), TokenFile: file("token_file"), TokenEnv: text("token_env"),
		SSHKeyFile: file("ssh_key_file"), SSHKeyEnv: text("ssh_key_env"), KnownHostsFile: file("known_hosts_file"),
	}
	for _, pair := range [][2]string{{"token_file", "token_env"}, {"ssh_key_file", "ssh_key_env"}} {
		if n.Get(pair[0]) != nil && n.Get(pair[1]) != nil {
			d.Add(n.Get(pair[1]).Problem("a credential is named twice", pair[0]+" and "+pair[1], "one of them", ""))
		}
	}
	return address, auth
}

// slugForm is how Proton names a repository of a provider.
var slugForm = regexp.MustCompile(`^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$`)

// links reads where the repositories are that callers of the Proton API name.
func (c *config) links(d *renderer.Decoder, n *renderer.Node) {
	if n.Null() {
		return
	}
	for _, item := range d.List(n, "links") {
		if !d.Mapping(item, "a link", "provider", "name", "url", "interval", "username", "token_file", "token_env", "ssh_key_file", "ssh_key_env", "known_hosts_file") {
			continue
		}
		l := reconciler.Link{
			Provider: d.OneOf(d.Require(item, "a link", "provider"), "provider", "GITHUB", "GITHUB_ENTERPRISE", "BITBUCKET"),
			Name:     d.String(d.Require(item, "a link", "name"), "name"),
		}
		if l.Name != "" && !slugForm.MatchString(l.Name) {
			d.Add(item.Get("name").Problem("this is no name of a repository", strconv.Quote(l.Name), "OWNER/NAME", "write it as callers of the Proton API do"))
		}
		for _, other := range c.Settings.Links {
			if other.Provider == l.Provider && strings.EqualFold(other.Name, l.Name) {
				d.Add(item.Problem("a repository is linked twice", l.Provider+" "+l.Name, "", "remove one of the two"))
			}
		}
		l.URL, l.Auth = c.place(d, item, "a link")
		l.Interval = d.Duration(item.Get("interval"), "interval", time.Second, 24*time.Hour)
		c.Settings.Links = append(c.Settings.Links, l)
	}
}

// named gives a repository its name: the one it is given, or the last element
// of its address.
func (c *config) named(d *renderer.Decoder, n *renderer.Node, r *reconciler.Repository) bool {
	if v := n.Get("name"); v != nil {
		r.Name = d.String(v, "name")
		if r.Name != "" && !nameRule.MatchString(r.Name) {
			d.Add(v.Problem("this is no name", strconv.Quote(r.Name), "up to 100 letters, digits, - and _, beginning with a letter or digit", ""))
		}
		return r.Name != ""
	}
	if r.URL == "" {
		return false
	}
	address := strings.TrimRight(filepath.ToSlash(r.URL), "/")
	if i := strings.LastIndexAny(address, "/:"); i >= 0 {
		address = address[i+1:]
	}
	if r.Name = strings.TrimSuffix(address, ".git"); !nameRule.MatchString(r.Name) {
		d.Add(n.Problem("the repository needs the key \"name\"", "", "", "its address ends in "+strconv.Quote(address)+", which is no name"))
		return false
	}
	return true
}

func allow(d *renderer.Decoder, n *renderer.Node) reconciler.Allow {
	kinds := []string{
		reconciler.AllowEnvironmentTemplate, reconciler.AllowServiceTemplate, reconciler.AllowEnvironment,
		reconciler.AllowService, reconciler.AllowComponent, "*",
	}
	var a reconciler.Allow
	if v := n.Get("commands"); v != nil {
		a.Commands = d.Bool(v, "allow.commands")
	}
	for key, into := range map[string]*[]string{"kinds": &a.Kinds, "environments": &a.Environments, "templates": &a.Templates, "roles": &a.Roles} {
		v := n.Get(key)
		if v == nil {
			continue
		}
		if *into = d.Strings(v, "allow."+key); *into == nil {
			*into = []string{} // a list that is empty allows nothing
		}
		for i, kind := range *into {
			if key == "kinds" && kind != "" && !slices.Contains(kinds, kind) {
				next := ""
				if near := renderer.Nearest(kind, kinds); near != "" {
					next = "did you mean " + strconv.Quote(near) + "?"
				}
				d.Add(v.Items[i].Problem("this kind is not known", strconv.Quote(kind), "one of "+strings.Join(kinds, ", "), next))
			}
		}
	}
	return a
}

// localPath tells a path from https and ssh addresses; user@host:path is Git's
// short form of the latter.
func localPath(url string) bool {
	if strings.Contains(url, "://") {
		return false
	}
	before, _, colon := strings.Cut(url, ":")
	return !colon || strings.Contains(before, "/") || len(before) < 2
}
