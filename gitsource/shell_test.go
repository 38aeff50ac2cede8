package gitsource_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"baryon/gitsource"
	"baryon/gitsource/gittest"
)

// TestSSHFailsClosed connects with anything but the right key on either side.
func TestSSHFailsClosed(t *testing.T) {
	t.Parallel()
	server := gittest.NewSSHServer(t, true)
	remote := server.Create(t, "platform")
	remote.Commit(t, "main", "one", map[string]string{"a": "1"})
	other, otherFile := gittest.NewKey(t)
	good := gitsource.Auth{SSHKeyFile: server.KeyFile, KnownHostsFile: server.KnownHosts}
	for name, tt := range map[string]struct {
		change func(*gitsource.Auth)
		kind   gitsource.Kind
	}{
		"as it should be":  {func(*gitsource.Auth) {}, ""},
		"another host key": {func(a *gitsource.Auth) { a.KnownHostsFile = gittest.WriteKnownHosts(t, server.Addr, other.PublicKey()) }, gitsource.KindHostKey},
		"an unknown host": {func(a *gitsource.Auth) {
			a.KnownHostsFile = gittest.WriteKnownHosts(t, "example.com:22", other.PublicKey())
		}, gitsource.KindHostKey},
		"no known_hosts":     {func(a *gitsource.Auth) { a.KnownHostsFile = filepath.Join(t.TempDir(), "none") }, gitsource.KindHostKey},
		"empty known_hosts":  {func(a *gitsource.Auth) { a.KnownHostsFile = emptyFile(t) }, gitsource.KindHostKey},
		"a key not accepted": {func(a *gitsource.Auth) { a.SSHKeyFile = otherFile }, gitsource.KindDenied},
	} {
		for _, mode := range []gitsource.Mode{gitsource.ModeGoGit, gitsource.ModeGit} {
			t.Run(name+" "+string(mode), func(t *testing.T) {
				r := gitsource.Repo{Name: "platform", URL: remote.URL, Branch: "main", Auth: good}
				tt.change(&r.Auth)
				_, err := newClient(t, gitsource.Config{Transport: mode}).Head(t.Context(), r)
				wantKind(t, err, tt.kind)
			})
		}
	}
}

func emptyFile(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestSSHCredentialsFromTheEnvironment(t *testing.T) {
	server := gittest.NewSSHServer(t, true)
	remote := server.Create(t, "it's a repo!")
	commit := remote.Commit(t, "main", "one", map[string]string{"a": "1"})
	key, err := os.ReadFile(server.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("BARYON_TEST_KEY", string(key))
	t.Setenv("SSH_KNOWN_HOSTS", filepath.Join(t.TempDir(), "none")+string(os.PathListSeparator)+server.KnownHosts)
	r := gitsource.Repo{Name: "platform", URL: "ssh://git@" + server.Addr + "/it's a repo!.git", Branch: "main", Auth: gitsource.Auth{SSHKeyEnv: "BARYON_TEST_KEY"}}
	for _, mode := range []gitsource.Mode{gitsource.ModeGoGit, gitsource.ModeGit} {
		dir := t.TempDir()
		c := newClient(t, gitsource.Config{Dir: dir, Transport: mode})
		if head, err := c.Head(t.Context(), r); err != nil || head != commit {
			t.Errorf("%s: Head = %q, %v", mode, head, err)
		}
		if got := read(t, c, r, "a"); got != "1" {
			t.Errorf("%s: a = %q", mode, got)
		}
		if strings.Contains(everyFile(t, dir), "PRIVATE KEY") {
			t.Errorf("%s: the key was left on disk", mode)
		}
	}
}

func TestSSHServerInTrouble(t *testing.T) {
	t.Parallel()
	server := gittest.NewSSHServer(t, true)
	r := gitsource.Repo{Name: "platform", URL: "ssh://git@" + server.Addr + "/missing.git", Branch: "main",
		Auth: gitsource.Auth{SSHKeyFile: server.KeyFile, KnownHostsFile: server.KnownHosts}}
	c := newClient(t, gitsource.Config{})
	_, err := c.Head(t.Context(), r)
	wantKind(t, err, gitsource.KindNotFound)
	server.Close()
	_, err = c.Head(t.Context(), r)
	wantKind(t, err, gitsource.KindUnreachable)
	// The last connection may still lie in the queue of the port that was closed.
	if text := fmt.Sprint(err); !strings.Contains(text, "connection refused") && !strings.Contains(text, "connection reset") {
		t.Errorf("the error does not say why: %v", err)
	}
}
