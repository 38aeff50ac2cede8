package gitsource

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func pkt(lines ...string) string {
	var b []byte
	for _, l := range lines {
		if l == flushPacket || l == delimPacket {
			b = append(b, l...)
			continue
		}
		b = appendPacket(b, l)
	}
	return string(b)
}

func TestReadLsRefs(t *testing.T) {
	t.Parallel()
	one, two := strings.Repeat("1", 40), strings.Repeat("2", 40)
	for name, tt := range map[string]struct {
		in   string
		want listing
	}{
		"the branch and HEAD": {pkt(one+" HEAD symref-target:refs/heads/main\n", one+" refs/heads/main\n", two+" refs/heads/main2\n", flushPacket), listing{one, "refs/heads/main", true}},
		"a tag":               {pkt(one+" refs/heads/main peeled:"+two+"\n", flushPacket), listing{two, "", true}},
		"another branch":      {pkt(two+" refs/heads/main2\n", flushPacket), listing{"", "", true}},
		"an unborn HEAD":      {pkt("unborn HEAD symref-target:refs/heads/main\n", flushPacket), listing{"", "refs/heads/main", false}},
		"nothing":             {pkt(flushPacket), listing{}},
		"without newlines":    {pkt(one+" refs/heads/main", flushPacket), listing{one, "", true}},
		"unknown attributes":  {pkt(one+" refs/heads/main future:x\n", flushPacket), listing{one, "", true}},
	} {
		got, err := readLsRefs(newPacketReader(strings.NewReader(tt.in), listBudget), "refs/heads/main")
		if err != nil || got != tt.want {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, tt.want)
		}
	}
}

func TestReadGreeting(t *testing.T) {
	t.Parallel()
	one, two := strings.Repeat("1", 40), strings.Repeat("2", 40)
	for name, tt := range map[string]struct {
		in      string
		version int
		listing listing
		tip     bool
	}{
		"v2":                          {pkt("version 2\n", "agent=git/2\n", "ls-refs=unborn\n", flushPacket), 2, listing{}, false},
		"v0":                          {pkt(one+" HEAD\x00ofs-delta symref=HEAD:refs/heads/main agent=x\n", one+" refs/heads/main\n", two+" refs/heads/old\n", flushPacket), 0, listing{one, "refs/heads/main", true}, true},
		"v1":                          {pkt("version 1\n", one+" HEAD\x00ofs-delta\n", one+" refs/heads/main\n", flushPacket), 1, listing{one, "", true}, false},
		"an empty repository":         {pkt(strings.Repeat("0", 40)+" capabilities^{}\x00ofs-delta\n", flushPacket), 0, listing{}, false},
		"an older empty repository":   {pkt(flushPacket), 0, listing{}, false},
		"a tag is worth what it tags": {pkt(one+" refs/heads/main\x00\n", two+" refs/heads/main^{}\n", flushPacket), 0, listing{two, "", true}, true},
	} {
		g, err := readGreeting(newPacketReader(strings.NewReader(tt.in), listBudget), "refs/heads/main", two)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if g.version != tt.version || g.listing != tt.listing || g.tips[two] != tt.tip {
			t.Errorf("%s: version %d, %+v, tip %v", name, g.version, g.listing, g.tips[two])
		}
	}
}

// TestOpenPack reads the frames that servers put around a pack.
func TestOpenPack(t *testing.T) {
	t.Parallel()
	hash := strings.Repeat("1", 40)
	for name, tt := range map[string]struct{ in, want, fails string }{
		"v2":                      {pkt("packfile\n", "\x01PACK", "\x02progress", "\x01more", flushPacket), "PACKmore", ""},
		"v2 with acknowledgments": {pkt("acknowledgments\n", "ACK "+hash+"\n", "ready\n", delimPacket, "packfile\n", "\x01PACK", flushPacket), "PACK", ""},
		"v0 with a side band":     {pkt("NAK\n", "\x02counting", "\x01PA", "\x01CK", flushPacket), "PACK", ""},
		"v0 after common ground":  {pkt("ACK "+hash+" common\n", "ACK "+hash+"\n", "\x01PACK", flushPacket), "PACK", ""},
		"v0 bare":                 {pkt("NAK\n") + "PACK and the rest", "PACK and the rest", ""},
		"an error":                {pkt("ERR upload-pack: not our ref x\n"), "", "not our ref x"},
		"an error in a band":      {pkt("packfile\n", "\x01PACK", "\x03disk\nfull"), "", "disk full"},
		"an error first":          {pkt("\x03no"), "", "no"},
		"a band nobody knows":     {pkt("packfile\n", "\x07x"), "", "band 7"},
		"something else":          {pkt("hello\n"), "", "hello"},
		"no end":                  {pkt("packfile\n", "\x01PACK"), "", "ends early"},
		"nothing":                 {"", "", "ends early"},
		"endless acknowledgment":  {strings.Repeat(pkt("NAK\n"), 3_000_000), "", "no pack within the limit"},
	} {
		r, err := openPack(newPacketReader(strings.NewReader(tt.in), chatterBudget))
		var got []byte
		if err == nil {
			got, err = io.ReadAll(r)
		}
		if tt.fails != "" && (err == nil || !strings.Contains(err.Error(), tt.fails)) {
			t.Errorf("%s: error %v, want %q", name, err, tt.fails)
		}
		if tt.fails == "" && (err != nil || string(got) != tt.want) {
			t.Errorf("%s: %q, %v; want %q", name, got, err, tt.want)
		}
	}
}

// TestParseAddress reads the addresses that are fine.
func TestParseAddress(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"https://github.com/acme/platform.git":                      "https://github.com/acme/platform.git",
		"https://GitHub.com/acme/platform.git/":                     "https://github.com/acme/platform.git",
		"HTTPS://github.com:8443/a%20b":                             "https://github.com:8443/a%20b",
		"http://localhost:8080/x":                                   "http://localhost:8080/x",
		"http://[::1]:8080/x":                                       "http://[::1]:8080/x",
		"git@github.com:acme/platform.git":                          "ssh://git@github.com:22/acme/platform.git",
		"ssh://git@github.com/acme/platform.git":                    "ssh://git@github.com:22//acme/platform.git",
		"ssh://example.com:2222/~ada/platform":                      "ssh://@example.com:2222/~ada/platform",
		"ssh.github.com:acme/platform.git":                          "ssh://@ssh.github.com:22/acme/platform.git",
		"/srv/platform.git":                                         "/srv/platform.git",
		"file:///srv/platform.git":                                  "/srv/platform.git",
		"file://localhost/srv/a:b":                                  "/srv/a:b",
		"/srv/with:colon":                                           "/srv/with:colon",
		"https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/x": "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/x",
	} {
		a, err := parseAddress(raw, false)
		if err != nil || a.key() != want {
			t.Errorf("parseAddress(%q) = %q, %v; want %q", raw, a.key(), err, want)
		}
	}
}

// TestNeedsBinary knows the hosts that go-git's dialect does not serve.
func TestNeedsBinary(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]bool{
		"https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/x": true, "ssh://git-codecommit.cn-north-1.amazonaws.com.cn/v1/repos/x": true,
		"https://dev.azure.com/acme/p/_git/x": true, "git@ssh.dev.azure.com:v3/acme/p/x": true, "https://acme.visualstudio.com/p/_git/x": true,
		"https://github.com/acme/x": false, "https://amazonaws.com/git-codecommit.x": false, "/srv/dev.azure.com": false, "https://evildev.azure.com.example/x": false,
	} {
		a, err := parseAddress(raw, false)
		if err != nil || needsBinary(a) != want {
			t.Errorf("needsBinary(%q) = %v, %v; want %v", raw, needsBinary(a), err, want)
		}
	}
}

func TestRedact(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"https://user:hunter2@example.com/x.git":          "https://example.com/x.git",
		"https://hunter2@example.com/x?token=y#z":         "https://example.com/x",
		"ssh://git:hunter2@example.com/x":                 "ssh://git@example.com/x",
		"https://user:hun/ter2@example.com/x":             "https://example.com/x",
		"https://user:" + strings.Repeat("h", 300) + "@h": "https://h",
		"user:hunter2@example.com:x":                      "example.com:x",
		"git@github.com:acme/x":                           "git@github.com:acme/x",
		"/srv/a:b@c":                                      "/srv/a:b@c",
		"/srv/x\x1b[31m":                                  "/srv/x[31m",
	} {
		if got := redact(raw); got != want {
			t.Errorf("redact(%q) = %q, want %q", raw, got, want)
		}
	}
}

func TestMirrorNames(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, raw := range []string{
		"https://github.com/acme/platform.git", "https://github.com/acme/platform", "https://github.com/acme-platform", "https://github.com/acme/Platform.git",
		"git@github.com:acme/platform.git", "ssh://git@github.com/acme/platform.git", "https://github.com/../../etc/passwd", "https://h/" + strings.Repeat("long/", 200), "https://h/é\u202e",
	} {
		a, err := parseAddress(raw, false)
		if err != nil {
			t.Fatal(err)
		}
		name := mirrorName(a)
		if other, ok := seen[name]; ok {
			t.Errorf("%s and %s share the mirror %s", raw, other, name)
		}
		seen[name] = raw
		if len(name) > 120 || strings.ContainsAny(name, "/\\") || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "-") {
			t.Errorf("%s has the mirror %q", raw, name)
		}
	}
}

func TestScrub(t *testing.T) {
	t.Parallel()
	got := scrub("token sekrit123, cut seki… sekrit… se…", "sekrit123")
	if want := "token ***, cut seki… ***… se…"; got != want {
		t.Errorf("scrub = %q, want %q", got, want)
	}
}

func TestKeepNameComesBack(t *testing.T) {
	t.Parallel()
	for _, ref := range []string{"refs/heads/main", "refs/heads/a/b%2F", "refs/tags/v1", "HEAD"} {
		if name := keepName(ref); strings.Count(name.String(), "/") != 2 || name.Validate() != nil {
			t.Errorf("keepName(%q) = %q", ref, name)
		}
	}
}

// FuzzAnswers reads anything as every kind of answer: no panic, no endless loop,
// no object name that is none.
func FuzzAnswers(f *testing.F) {
	one := strings.Repeat("1", 40)
	for _, s := range []string{
		"", "0000", "0001", "0003", "0004", "zzzz", "ffff", "000dpackfile\n", "0008ERR ", "0009ERR \x00",
		pkt("version 2\n", "agent=x\n", flushPacket), pkt(one+" HEAD\x00ofs-delta\n", one+" refs/heads/main\n", flushPacket),
		pkt(one+" HEAD symref-target:refs/heads/main\n", flushPacket), pkt("packfile\n", "\x01PACK", "\x02x", "\x03x", flushPacket), pkt("NAK\n") + "PACK",
		pkt("unborn HEAD\n", " \n", "x \n", flushPacket),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if l, err := readLsRefs(newPacketReader(bytes.NewReader(data), 1<<16), "refs/heads/main"); err == nil && l.hash != "" && checkHash(l.hash) != nil {
			t.Errorf("a list gave %q", l.hash)
		}
		if g, err := readGreeting(newPacketReader(bytes.NewReader(data), 1<<16), "refs/heads/main", one); err == nil && g.listing.hash != "" && checkHash(g.listing.hash) != nil {
			t.Errorf("a greeting gave %q", g.listing.hash)
		}
		if r, err := openPack(newPacketReader(bytes.NewReader(data), 1<<16)); err == nil {
			if n, err := io.Copy(io.Discard, r); n > int64(len(data)) {
				t.Errorf("%d bytes of pack in %d: %v", n, len(data), err)
			}
		}
		if l, err := readLsRemote(data, "refs/heads/main"); err == nil && l.hash != "" && checkHash(l.hash) != nil {
			t.Errorf("ls-remote gave %q", l.hash)
		}
	})
}

// FuzzTree parses anything as a tree: what is handed out has names that are safe.
func FuzzTree(f *testing.F) {
	f.Add([]byte("100644 a\x00" + strings.Repeat("x", 20) + "40000 .git\x00" + strings.Repeat("x", 20)))
	f.Add([]byte("100644 ..\x00" + strings.Repeat("x", 20)))
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, err := parseTree(data)
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, e := range entries {
			if e.rule != "" {
				continue
			}
			if e.name == "" || e.name == "." || e.name == ".." || strings.ContainsAny(e.name, "/\\\x00") || strings.EqualFold(e.name, ".git") || seen[e.name] {
				t.Errorf("%q was handed out", e.name)
			}
			seen[e.name] = true
			_ = e.fileMode().String()
		}
	})
}

// FuzzAddress parses anything as a URL: what passes holds no credential, and no
// message repeats one.
func FuzzAddress(f *testing.F) {
	for _, s := range []string{"https://u:hunter2@h/x", "ssh://u:hunter2@h/x", "git@h:x", "-x", "ext::sh", "file:///x", "https://[::1]:x/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		a, err := parseAddress(raw, false)
		if err != nil {
			if _, ok := errors.AsType[*fault](err); !ok {
				t.Errorf("an error without a kind: %v", err)
			}
			return
		}
		if a.scheme != local {
			if _, has := a.url.User.Password(); has || (a.scheme == web && a.url.User != nil) {
				t.Errorf("%q passed with a credential", raw)
			}
			for _, word := range []string{cloneURL(a), a.url.Hostname(), a.path} {
				if strings.HasPrefix(word, "-") {
					t.Errorf("%q passed as the option %q", raw, word)
				}
			}
			mirrorName(a)
		}
	})
}

func TestErrorText(t *testing.T) {
	t.Parallel()
	r := Repo{Name: "platform", URL: "https://u:hunter2@github.com/acme/platform.git"}
	err := failure("list", r, &fault{kind: KindNoBranch, text: `there is no branch "mian"`, next: "push it"})
	want := `list platform (https://github.com/acme/platform.git): branch not found: there is no branch "mian"; push it`
	if diff := cmp.Diff(want, fmt.Sprint(err)); diff != "" {
		t.Error(diff)
	}
	for kind, cause := range map[Kind]error{
		KindStorage: fmt.Errorf("make: %w", &fs.PathError{Op: "mkdir", Path: "/x", Err: fs.ErrPermission}), KindStopped: context.Canceled, KindUnreachable: io.ErrClosedPipe,
	} {
		if got := KindOf(failure("list", r, cause)); got != kind {
			t.Errorf("%v is of kind %q, want %q", cause, got, kind)
		}
	}
	if failure("list", r, nil) != nil {
		t.Error("an error out of nothing")
	}
	if again := failure("fetch", r, fmt.Errorf("wrapped: %w", err)); KindOf(again) != KindNoBranch {
		t.Errorf("wrapping lost the kind: %v", again)
	}
}
