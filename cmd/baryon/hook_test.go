package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"baryon/gitsource"
	"baryon/gitsource/githost"
	"baryon/reconciler"
	"baryon/state"
)

// TestHookWakes pushes to a repository that is polled once a day, and looks at
// what a signed hook, a forged one and an unsigned one do.
func TestHookWakes(t *testing.T) {
	dir := t.TempDir()
	host, err := githost.New(githost.Config{Dir: filepath.Join(dir, "git")})
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Create("platform"); err != nil {
		t.Fatal(err)
	}
	commit := func(files map[string]string) {
		t.Helper()
		if _, err := host.Commit("platform", githost.Change{Author: "Ada", Email: "ada@example.com", Message: "m", Files: mapFiles(files)}); err != nil {
			t.Fatal(err)
		}
	}
	commit(map[string]string{"a.txt": "a"})
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte("s3cret-of-the-hook\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := defaultConfig()
	cfg.Listen, cfg.Data, cfg.GitHub = "127.0.0.1:0", filepath.Join(dir, "data"), secretRef{File: secret}
	server := serveFolder(t, host)
	cfg.Settings.Repositories = []reconciler.Repository{{
		Repo: gitsource.Repo{Name: "platform", URL: server + "/platform.git", Branch: "main", Path: "."}, Interval: 24 * time.Hour,
	}}
	d := startDaemon(t, cfg)
	waitSync(t, d, func(s state.Sync) bool { return s.Commit != "" })
	commit(map[string]string{
		"net/v1/schema/schema.yaml":           plainSchema,
		"net/v1/infrastructure/manifest.yaml": "infrastructure:\n  templates:\n    - rendering_engine: codebuild\n      settings: {provision: [echo hi], deprovision: [echo bye]}\n",
	})
	body := `{"ref": "refs/heads/main", "repository": {"clone_url": "` + server + `/platform.git"}}`
	for _, forged := range []string{"", "sha256=" + strings.Repeat("0", 64)} {
		if code := hook(t, d, body, forged); code/100 != 4 {
			t.Errorf("a hook with signature %q was answered %d, want a refusal", forged, code)
		}
	}
	mac := hmac.New(sha256.New, []byte("s3cret-of-the-hook"))
	mac.Write([]byte(body))
	if code := hook(t, d, body, "sha256="+hex.EncodeToString(mac.Sum(nil))); code/100 != 2 {
		t.Fatalf("a signed hook was answered %d", code)
	}
	waitSync(t, d, func(s state.Sync) bool { return s.Bundles == 1 })
}

func hook(t *testing.T, d *daemon, body, signature string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, d.address()+"/hooks/github", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-GitHub-Event", "push")
	if signature != "" {
		req.Header.Set("X-Hub-Signature-256", signature)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode
}

// startDaemon runs a daemon in this process until the test ends.
func startDaemon(t *testing.T, cfg config) *daemon {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	d, err := newDaemon(ctx, cfg, zap.NewNop())
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- d.run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := d.close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// serveFolder serves repositories over HTTP until the test ends.
func serveFolder(t *testing.T, host http.Handler) (address string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l, err := listenLoopback(ctx)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- serveHTTP(ctx, l, host) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return "http://" + l.Addr().String()
}

// waitSync waits until the repository stands as wanted.
func waitSync(t *testing.T, d *daemon, as func(state.Sync) bool) {
	t.Helper()
	name := d.cfg.Settings.Repositories[0].Name
	deadline := time.After(30 * time.Second)
	for {
		changed := d.store.Changed()
		if s, err := d.store.Sync(context.Background(), name); err == nil && as(s) {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("repository %s does not stand as wanted", name)
		}
	}
}
