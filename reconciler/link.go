package reconciler

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"baryon/gitsource"
	"baryon/reconciler/declare"
	"baryon/renderer"
	"baryon/state"
)

// A Link is where a repository is that callers of the Proton API know as
// OWNER/NAME of a provider, and how it is read.
type Link struct {
	Provider string // GITHUB, GITHUB_ENTERPRISE or BITBUCKET
	Name     string // OWNER/NAME
	Repository
}

// Linked finds where a linked repository is: where the configuration says, else
// where a configured repository of that name is, else on the provider's own
// host, which is read without credentials.
func (s Settings) Linked(provider, name string) (Repository, error) {
	for _, l := range s.Links {
		if l.Provider == provider && strings.EqualFold(l.Name, name) {
			return l.Repository, nil
		}
	}
	for _, r := range s.Repositories {
		if hosts(provider, r.URL) && strings.EqualFold(slug(r.URL), name) {
			return Repository{Repo: gitsource.Repo{URL: r.URL, Auth: r.Auth}, Interval: r.Interval}, nil
		}
	}
	host := map[string]string{"GITHUB": "github.com", "BITBUCKET": "bitbucket.org"}[provider]
	if host == "" {
		return Repository{}, fmt.Errorf("nothing says where %s of %s is; add it to links in the daemon's configuration", name, provider)
	}
	return Repository{Repo: gitsource.Repo{URL: "https://" + host + "/" + name + ".git"}}, nil
}

// slug is OWNER/NAME at the end of an address.
func slug(address string) string {
	parts := strings.FieldsFunc(strings.TrimSuffix(address, ".git"), func(r rune) bool { return r == '/' || r == ':' })
	return strings.Join(parts[max(0, len(parts)-2):], "/")
}

// hosts reports whether an address can be one of a provider. A local path can be
// a copy of any.
func hosts(provider, address string) bool {
	host := ""
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		host = u.Hostname()
	} else if before, _, ok := strings.Cut(address, ":"); ok && !strings.Contains(before, "/") {
		host = before[strings.LastIndex(before, "@")+1:]
	}
	switch host {
	case "":
		return true
	case "github.com":
		return provider == "GITHUB"
	case "bitbucket.org":
		return provider == "BITBUCKET"
	}
	return provider == "GITHUB_ENTERPRISE"
}

// repository is what a repository is read with: as the configuration says, or
// as a sync configuration of the API does. False for one that is no more.
func (r *Reconciler) repository(ctx context.Context, name string) (Repository, bool, error) {
	if repo, configured := r.current().repository(name); configured || !state.IsSyncName(name) {
		return repo, configured, nil
	}
	c, _, err := r.cfg.Store.SyncConfig(ctx, name)
	if isMissing(err) {
		return Repository{}, false, nil
	}
	if err != nil {
		return Repository{}, false, err
	}
	repo, err := r.current().Linked(c.Provider, c.Link)
	repo.Name, repo.Branch, repo.Path, repo.Sync = name, c.Branch, ".", &c
	if repo.Interval == 0 {
		repo.Interval = defaultInterval
	}
	repo.Publish = PublishManual
	all := []string{"*"}
	repo.Allow = Allow{Kinds: []string{AllowService}, Environments: all, Templates: all}
	if !c.OfService() {
		repo.Path = orElse(c.Path, ".")
		repo.Allow = Allow{Kinds: []string{AllowEnvironmentTemplate, AllowServiceTemplate}, Templates: []string{c.Name}}
	}
	return repo, true, err
}

// SameRepository are the names by which the loop knows a repository: as it is
// configured, and each sync configuration that reads it. An empty url is for all.
func (r *Reconciler) SameRepository(ctx context.Context, url string) ([]state.Ref, error) {
	var refs []state.Ref
	s := r.current()
	for _, repo := range s.Repositories {
		if url == "" || gitsource.SameRepository(url, repo.URL) {
			refs = append(refs, state.RepositoryRef(repo.Name))
		}
	}
	configs, err := r.cfg.Store.SyncConfigs(ctx)
	for _, c := range configs {
		repo, unknown := s.Linked(c.Provider, c.Link)
		if unknown == nil && (url == "" || gitsource.SameRepository(url, repo.URL)) {
			refs = append(refs, state.RepositoryRef(c.Repository()))
		}
	}
	return refs, err
}

// narrow leaves of what a tree declares what a sync configuration is about. It
// is an error when there is nothing of it.
func (s *takeover) narrow() error {
	c := s.repo.Sync
	if c == nil {
		return nil
	}
	d := s.decl
	all := *d
	d.Documents, d.Files, d.Bundles, d.Ops = nil, nil, nil, map[string]map[string]declare.OpsInstance{}
	if !c.OfService() {
		for _, b := range all.Bundles {
			if b.Template == c.Name {
				d.Bundles = append(d.Bundles, b)
			}
		}
		var problems renderer.Problems
		for _, p := range all.Problems {
			if strings.Contains("/"+p.File, "/"+c.Name+"/") {
				problems = append(problems, p)
			}
		}
		if problems.Failed() {
			return problems
		}
		if len(d.Bundles) == 0 {
			return fmt.Errorf("there is no folder %s/vMAJOR with a bundle below %s on branch %s of %s", c.Name, orElse(c.Path, "."), c.Branch, c.Link)
		}
		return nil
	}
	for _, f := range all.Files {
		if f.Path != c.Path {
			continue
		}
		d.Files = []declare.File{f}
		if f.Ops != nil {
			if instances := f.Ops.Services[c.Name]; instances != nil {
				d.Ops[c.Name] = instances
			}
		}
		if err := f.Problems.Err(); err != nil {
			return err
		}
	}
	switch {
	case len(d.Files) == 0:
		return fmt.Errorf("there is no YAML file %s on branch %s of %s", c.Path, c.Branch, c.Link)
	case d.Ops[c.Name] == nil:
		return fmt.Errorf("%s on branch %s of %s names no instances of the service %s", c.Path, c.Branch, c.Link, c.Name)
	}
	return nil
}

// noteRead writes what came of reading all that a repository is read for.
func (s *takeover) noteRead(tx *state.Tx) error {
	if s.repo.Sync == nil {
		return nil
	}
	a := s.attempt(state.RepositoryRef(s.repo.Name).String(), s.repo.Sync.Path, nil)
	a.Events = append([]state.SyncEvent{{Type: "STARTING_SYNC", Text: "Starting syncs for commit " + s.head}}, a.Events...)
	return tx.AddSyncAttempt(a)
}

// attempt is an attempt on a subject that ended with problems or without.
func (s *takeover) attempt(subject, path string, problems renderer.Problems) state.SyncAttempt {
	a := state.SyncAttempt{
		Subject: subject, Status: state.SyncSucceeded, Target: state.Revision{Repository: s.repo.Name, Branch: s.repo.Branch, Commit: s.head, Path: path},
		Events: []state.SyncEvent{{Type: "SYNC_SUCCEEDED", Text: "took over " + orElse(path, ".") + " of " + short(s.head)}},
	}
	if problems.Failed() {
		a.Status, a.Events = state.SyncFailed, nil
		for _, p := range problems {
			a.Events = append(a.Events, state.SyncEvent{Type: "SYNC_FAILED", Text: p.String()})
		}
	}
	return a
}
