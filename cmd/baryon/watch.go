package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"baryon/gitsource"
	v1 "baryon/server/v1"
	"baryon/state"
)

// watchRepositories looks at local repositories as soon as something is pushed
// to them, and begins anew when other repositories are configured.
func (d *daemon) watchRepositories(ctx context.Context) error {
	for ctx.Err() == nil {
		round, stop := context.WithCancel(ctx)
		var g errgroup.Group
		for name, path := range d.localRepositories() {
			g.Go(func() error { d.watchRepository(round, name, path); return nil })
		}
		select {
		case <-ctx.Done():
		case <-d.reconfigured:
		}
		stop()
		_ = g.Wait() // none of them returns an error
	}
	return nil
}

// watchRepository watches one repository. Where watching cannot begin, polling
// is what remains.
func (d *daemon) watchRepository(ctx context.Context, name, path string) {
	err := gitsource.Watch(ctx, []string{path}, func() {
		if refs, err := d.loop.SameRepository(ctx, path); err == nil && d.store.Wake(ctx, refs...) == nil {
			d.loop.Wake()
		}
	})
	if err != nil {
		d.log.Warn("repository is polled only", zap.String("repo", name), zap.Error(err))
	}
}

// localRepositories are the paths among the repositories' addresses, by name.
func (d *daemon) localRepositories() map[string]string {
	local := map[string]string{}
	settings := d.current.Load().Settings
	for _, r := range settings.Repositories {
		path := strings.TrimPrefix(r.URL, "file://")
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			local[r.Name] = path
		}
	}
	for _, l := range settings.Links {
		path := strings.TrimPrefix(l.URL, "file://")
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			local[l.Provider+":"+l.Name] = path
		}
	}
	return local
}

// watchFile reads the configuration again whenever its file changes.
func (d *daemon) watchFile(ctx context.Context) error {
	if d.cfg.File == "" {
		return nil
	}
	err := gitsource.Watch(ctx, []string{d.cfg.File}, func() { d.reload(ctx) })
	if err != nil {
		d.log.Warn("the configuration file is not watched, changes take effect with the next start", zap.String("file", d.cfg.File), zap.Error(err))
	}
	return nil
}

// reload puts a good new configuration file in force; a bad one is reported and
// ignored.
func (d *daemon) reload(ctx context.Context) {
	cfg, err := loadConfig(d.cfg.File, d.cfg.Flags)
	if err == nil {
		err = d.loop.Configure(ctx, cfg.Settings)
	}
	if err == nil {
		err = d.events.Configure(ctx, cfg.destinations())
	}
	if ctx.Err() != nil {
		return
	}
	told := *d.file.Load()
	if err != nil {
		told.Problems = strings.Split(strings.TrimSpace(err.Error()), "\n")
		d.file.Store(&told)
		d.log.Error("configuration ignored, the earlier one stays in force", zap.String("file", d.cfg.File), zap.Error(err))
		return
	}
	d.current.Store(&cfg)
	d.file.Store(&v1.Configuration{File: cfg.File, LoadedAt: time.Now(), Pending: d.cfg.pending(cfg)})
	select {
	case d.reconfigured <- struct{}{}:
	default:
	}
	d.log.Info("configuration in force", zap.String("file", d.cfg.File), zap.Int("repositories", len(cfg.Settings.Repositories)),
		zap.Strings("pending", d.cfg.pending(cfg)))
}

// tidyEvery is how often mirrors are repacked and old work folders removed.
const tidyEvery = time.Hour

// maintain keeps the data folder from growing with what nobody needs.
func (d *daemon) maintain(ctx context.Context) error {
	every := time.NewTicker(tidyEvery)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-every.C:
		}
		if err := d.git.Maintain(ctx); err != nil && ctx.Err() == nil {
			d.log.Warn("mirrors not repacked", zap.Error(err))
		}
		d.sweep(ctx)
	}
}

// sweep removes the work folders of deployments that have ended.
func (d *daemon) sweep(ctx context.Context) {
	removed, err := d.command.Sweep(ctx, func(id string) bool { return d.isOpen(ctx, id) })
	switch {
	case err != nil && ctx.Err() == nil:
		d.log.Warn("work folders not swept", zap.Error(err))
	case len(removed) > 0:
		d.log.Info("work folders swept", zap.Int("folders", len(removed)))
	}
}

// isOpen tells whether a work folder belongs to a deployment under way. In doubt
// it does.
func (d *daemon) isOpen(ctx context.Context, id string) bool {
	id, _, _ = strings.Cut(id, ".") // the jobs of health checks are called after it
	deployment, err := d.store.Deployment(ctx, id)
	if _, ok := errors.AsType[*state.NotFoundError](err); ok {
		return false
	}
	return err != nil || deployment.CompletedAt.IsZero()
}
