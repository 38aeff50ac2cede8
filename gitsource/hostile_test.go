package gitsource_test

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"baryon/gitsource"
	"baryon/gitsource/gittest"
)

// echoServer answers everything with what it was sent, credentials included.
// The text begins after a filler of cutAt bytes.
func echoServer(t *testing.T, cutAt int) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		text := "ERR " + strings.Repeat("-", cutAt) + user + " " + password + " " + r.Header.Get("Authorization")
		kind := "application/x-git-upload-pack-result"
		if r.Method == http.MethodGet {
			kind = "application/x-git-upload-pack-advertisement"
		}
		w.Header().Set("Content-Type", kind)
		fmt.Fprintf(w, "%04x%s", len(text)+4, text)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/echo.git"
}

// TestSurvivesHostileServers asks servers that answer with anything but Git.
func TestSurvivesHostileServers(t *testing.T) {
	t.Parallel()
	const (
		result    = "application/x-git-upload-pack-result"
		advertise = "application/x-git-upload-pack-advertisement"
	)
	packet := func(s string) string { return fmt.Sprintf("%04x%s", len(s)+4, s) }
	say := func(status int, kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			k := kind
			if kind == "git" {
				k = result
				if r.Method == http.MethodGet {
					k = advertise
				}
			}
			w.Header().Set("Content-Type", k)
			w.WriteHeader(status)
			io.WriteString(w, body)
		}
	}
	hash := strings.Repeat("ab", 20)
	for name, tt := range map[string]struct {
		handler http.HandlerFunc
		kind    gitsource.Kind
	}{
		"a web page":                {say(200, "text/html", "<html>"), gitsource.KindCorrupt},
		"dumb http":                 {dumb(say(200, "text/plain", hash+"\trefs/heads/main\n")), gitsource.KindUnsupported},
		"nothing":                   {say(200, "git", ""), gitsource.KindCorrupt},
		"no pkt-line":               {say(200, "git", "hello world"), gitsource.KindCorrupt},
		"cut short":                 {say(200, "git", "003d"+hash), gitsource.KindCorrupt},
		"no end":                    {say(200, "git", packet(hash+" HEAD\n")), gitsource.KindCorrupt},
		"no hash":                   {say(200, "git", packet("xyz refs/heads/main\n")+"0000"), gitsource.KindCorrupt},
		"an upper-case hash":        {say(200, "git", packet(strings.ToUpper(hash)+" refs/heads/main\n")+"0000"), gitsource.KindCorrupt},
		"a forbidden length":        {say(200, "git", "0003"), gitsource.KindCorrupt},
		"a terminal escape":         {say(200, "git", packet("ERR \x1b]8;;http://evil\x07click")), gitsource.KindUnreachable},
		"not found":                 {say(404, "text/plain", "no"), gitsource.KindNotFound},
		"forbidden":                 {say(403, "text/plain", "no"), gitsource.KindDenied},
		"in trouble":                {say(503, "text/plain", "no"), gitsource.KindUnreachable},
		"too many requests":         {say(429, "text/plain", "no"), gitsource.KindRateLimited},
		"sha256 in v2":              {say(200, "git", packet(strings.Repeat("ab", 32)+" refs/heads/main\n")+"0000"), gitsource.KindUnsupported},
		"an endless list of refs":   {endless(advertise, result, packet(hash+" refs/heads/"+strings.Repeat("x", 60000)+"\n")), gitsource.KindTooLarge},
		"a redirect loop":           {redirect(func(r *http.Request) string { return r.URL.Path + "?" + r.URL.RawQuery }), gitsource.KindInvalid},
		"a redirect to metadata":    {redirect(func(*http.Request) string { return "http://169.254.169.254/latest" }), gitsource.KindInvalid},
		"a redirect to a file":      {redirect(func(*http.Request) string { return "file:///etc/passwd" }), gitsource.KindInvalid},
		"a redirect to another one": {redirect(func(*http.Request) string { return "http://127.0.0.2:1/x" }), gitsource.KindInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewServer(tt.handler)
			t.Cleanup(s.Close)
			c := newClient(t, gitsource.Config{})
			_, err := c.Head(t.Context(), gitsource.Repo{Name: "platform", URL: s.URL + "/x.git", Branch: "main"})
			wantKind(t, err, tt.kind)
			if strings.ContainsAny(fmt.Sprint(err), "\x1b\x07\n") {
				t.Errorf("the error holds control characters: %q", err)
			}
		})
	}
}

// dumb answers a file server's way: there is nothing to post to.
func dumb(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			http.Error(w, "no", http.StatusMethodNotAllowed)
			return
		}
		next(w, r)
	}
}

func redirect(to func(*http.Request) string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", to(r))
		w.WriteHeader(http.StatusFound)
	}
}

func endless(advertise, result, line string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", result)
		if r.Method == http.MethodGet {
			w.Header().Set("Content-Type", advertise)
		}
		for {
			if _, err := io.WriteString(w, line); err != nil {
				return
			}
		}
	}
}

// TestCredentialsStayOnTheirHost redirects to another host and looks at what
// arrives there.
func TestCredentialsStayOnTheirHost(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s reached the other host with %q", r.Method, r.URL, r.Header.Get("Authorization"))
	}))
	t.Cleanup(other.Close)
	first := httptest.NewServer(redirect(func(r *http.Request) string {
		return other.URL + r.URL.Path + "?" + r.URL.RawQuery
	}))
	t.Cleanup(first.Close)
	gittest.RequireGit(t)
	for _, mode := range []gitsource.Mode{gitsource.ModeGoGit, gitsource.ModeGit} {
		c := newClient(t, gitsource.Config{Transport: mode})
		r := gitsource.Repo{Name: "platform", URL: first.URL + "/x.git", Branch: "main", Auth: gitsource.Auth{TokenFile: gittest.SecretFile(t, "canary")}}
		if _, err := c.Head(t.Context(), r); err == nil {
			t.Errorf("%s: no error", mode)
		}
	}
}

// TestFollowsARename follows a redirect within one host, as forges answer for a
// renamed repository.
func TestFollowsARename(t *testing.T) {
	t.Parallel()
	server := gittest.NewServer(t, gittest.Options{Password: "right", Wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if rest, ok := strings.CutPrefix(r.URL.Path, "/old.git"); ok {
				http.Redirect(w, r, "/new.git"+rest+"?"+r.URL.RawQuery, http.StatusMovedPermanently)
				return
			}
			next.ServeHTTP(w, r)
		})
	}})
	remote := server.Create(t, "new")
	remote.Commit(t, "main", "one", map[string]string{"a": "1"})
	c := newClient(t, gitsource.Config{})
	r := gitsource.Repo{Name: "platform", URL: server.URL + "/old.git", Branch: "main", Auth: gitsource.Auth{TokenFile: gittest.SecretFile(t, "right")}}
	if got := read(t, c, r, "a"); got != "1" {
		t.Errorf("a = %q", got)
	}
}

// A pack is written by hand so that it can lie.
type packWriter struct {
	bytes.Buffer
	count uint32
}

func (p *packWriter) blob(declared int, content []byte) {
	p.count++
	first := 3<<4 | byte(declared&15)
	for declared >>= 4; declared > 0; declared >>= 7 {
		p.WriteByte(first | 0x80)
		first = byte(declared & 0x7f)
	}
	p.WriteByte(first)
	z := zlib.NewWriter(p)
	z.Write(content)
	z.Close()
}

// refDelta is a delta on a base by name that claims a size for its result.
func (p *packWriter) refDelta(base [20]byte, baseSize, resultSize int) {
	p.count++
	body := append(varint(baseSize), varint(resultSize)...)
	body = append(body, 0x01, 'x')
	p.WriteByte(7<<4 | byte(len(body)&15))
	p.Write(base[:])
	z := zlib.NewWriter(p)
	z.Write(body)
	z.Close()
}

func varint(n int) []byte {
	var b []byte
	for ; n > 0x7f; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}

func (p *packWriter) pack() []byte {
	all := append([]byte("PACK\x00\x00\x00\x02"), binary.BigEndian.AppendUint32(nil, p.count)...)
	all = append(all, p.Bytes()...)
	sum := sha1.Sum(all)
	return append(all, sum[:]...)
}

// TestRefusesHostilePacks fetches packs that are broken, lie or are bombs; none
// leaves anything behind.
func TestRefusesHostilePacks(t *testing.T) {
	t.Parallel()
	gittest.RequireGit(t)
	blob := []byte("hello")
	blobName := sha1.Sum([]byte("blob 5\x00hello"))
	good := func() []byte {
		var p packWriter
		p.blob(len(blob), blob)
		return p.pack()
	}
	for name, tt := range map[string]struct {
		pack func() []byte
		kind gitsource.Kind
	}{
		"without the commit": {good, gitsource.KindCorrupt},
		"truncated":          {func() []byte { p := good(); return p[:len(p)-25] }, gitsource.KindCorrupt},
		"wrong checksum":     {func() []byte { p := good(); p[len(p)-1] ^= 1; return p }, gitsource.KindCorrupt},
		"flipped bit":        {func() []byte { p := good(); p[15] ^= 1; return p }, gitsource.KindCorrupt},
		"empty":              {func() []byte { return nil }, gitsource.KindCorrupt},
		"an absurd number of objects": {func() []byte {
			p := packWriter{count: 0xfffffff0}
			return p.pack()
		}, gitsource.KindCorrupt},
		"a size that lies": {func() []byte {
			var p packWriter
			p.blob(2, blob)
			return p.pack()
		}, gitsource.KindCorrupt},
		"a huge object": {func() []byte {
			var p packWriter
			p.blob(10<<20, make([]byte, 10<<20))
			return p.pack()
		}, gitsource.KindTooLarge},
		"a delta bomb": {func() []byte {
			var p packWriter
			p.blob(len(blob), blob)
			p.refDelta(blobName, 5, 50<<30)
			return p.pack()
		}, gitsource.KindTooLarge},
		"many large deltas": {func() []byte {
			var p packWriter
			p.blob(len(blob), blob)
			for range 100 {
				p.refDelta(blobName, 5, 1<<19)
			}
			return p.pack()
		}, gitsource.KindTooLarge},
		"a thin delta": {func() []byte {
			var p packWriter
			p.refDelta(sha1.Sum([]byte("elsewhere")), 5, 6)
			return p.pack()
		}, gitsource.KindCorrupt},
		"too many bytes": {func() []byte {
			noise := make([]byte, 3<<20)
			state := uint32(1)
			for i := range noise {
				state = state*1664525 + 1013904223
				noise[i] = byte(state >> 24)
			}
			var p packWriter
			p.blob(len(noise), noise)
			return p.pack()
		}, gitsource.KindTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pack := tt.pack()
			s := packServer(t, func(w io.Writer) {
				for len(pack) > 0 {
					n := min(60000, len(pack))
					fmt.Fprintf(w, "%04x\x01%s", n+5, pack[:n])
					pack = pack[n:]
				}
				io.WriteString(w, "0000")
			})
			dir := t.TempDir()
			c := newClient(t, gitsource.Config{Dir: dir, MaxFetch: 2 << 20, MaxUnpacked: 16 << 20, MaxObject: 1 << 20})
			_, err := c.Tree(t.Context(), gitsource.Repo{Name: "platform", URL: s, Branch: "main"}, strings.Repeat("ab", 20))
			wantKind(t, err, tt.kind)
			left, globErr := filepath.Glob(filepath.Join(dir, "*", "objects", "pack", "tmp_*"))
			more, _ := filepath.Glob(filepath.Join(dir, "*", "incoming-*"))
			if globErr != nil || len(left)+len(more) > 0 {
				t.Errorf("left behind: %v %v", left, more)
			}
		})
	}
}

// packServer is a v2 server with one ref that answers a fetch as told.
func packServer(t *testing.T, send func(io.Writer)) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		question, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
		if bytes.Contains(question, []byte("command=ls-refs")) {
			line := strings.Repeat("ab", 20) + " refs/heads/main\n"
			fmt.Fprintf(w, "%04x%s0000", len(line)+4, line)
			return
		}
		io.WriteString(w, "000dpackfile\n")
		send(w)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/x.git"
}

// TestGivesUpOnSlowServers fetches from servers that never finish.
func TestGivesUpOnSlowServers(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		send func(io.Writer, <-chan struct{})
		kind gitsource.Kind
		says string
	}{
		"silent in the middle": {func(w io.Writer, end <-chan struct{}) {
			io.WriteString(w, "000c\x01PACK\x00\x00\x00")
			w.(http.Flusher).Flush()
			<-end
		}, gitsource.KindUnreachable, "silent for"},
		"progress without end": {func(w io.Writer, end <-chan struct{}) {
			for {
				if _, err := fmt.Fprintf(w, "%04x\x02%s", 60005, bytes.Repeat([]byte("x"), 60000)); err != nil {
					return
				}
			}
		}, gitsource.KindTooLarge, "progress"},
		"an error in its own band": {func(w io.Writer, _ <-chan struct{}) {
			io.WriteString(w, "0013\x03out of memory\n")
		}, gitsource.KindUnreachable, "out of memory"},
		"a byte now and then": {func(w io.Writer, end <-chan struct{}) {
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-end:
					return
				case <-tick.C:
					if _, err := io.WriteString(w, "0006\x01P"); err != nil {
						return
					}
					w.(http.Flusher).Flush()
				}
			}
		}, gitsource.KindUnreachable, "longer than"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			end := make(chan struct{})
			url := packServer(t, func(w io.Writer) { tt.send(w, end) })
			var cfg gitsource.Config
			switch tt.says {
			case "silent for":
				cfg.StallTimeout = 200 * time.Millisecond
			case "longer than":
				cfg.FetchTimeout = time.Second
			}
			c := newClient(t, cfg)
			_, err := c.Tree(t.Context(), gitsource.Repo{Name: "platform", URL: url, Branch: "main"}, strings.Repeat("ab", 20))
			close(end)
			wantKind(t, err, tt.kind)
			if !strings.Contains(fmt.Sprint(err), tt.says) {
				t.Errorf("error %v does not say %q", err, tt.says)
			}
		})
	}
}

// TestRefusesSHA256 meets repositories that go-git would misread.
func TestRefusesSHA256(t *testing.T) {
	t.Parallel()
	server := gittest.NewServer(t, gittest.Options{})
	old := gittest.NewServer(t, gittest.Options{Wrap: beforeV2})
	for _, s := range []*gittest.Server{server, old} {
		dir := filepath.Join(s.Dir, "new.git")
		gittest.Git(t, "", "init", "--quiet", "--bare", "--initial-branch=main", "--object-format=sha256", dir)
		repo := &gittest.Repo{Dir: dir, URL: s.URL + "/new.git"}
		repo.Commit(t, "main", "one", map[string]string{"a": "1"})
		for _, url := range []string{repo.URL, repo.Dir} {
			c := newClient(t, gitsource.Config{})
			_, err := c.Head(t.Context(), gitsource.Repo{Name: "platform", URL: url, Branch: "main"})
			wantKind(t, err, gitsource.KindUnsupported)
			if !strings.Contains(fmt.Sprint(err), "SHA-256") {
				t.Errorf("the error does not name SHA-256: %v", err)
			}
		}
	}
}

// TestRefusesAddresses applies the URL policy.
func TestRefusesAddresses(t *testing.T) {
	t.Parallel()
	c := newClient(t, gitsource.Config{})
	marker := filepath.Join(t.TempDir(), "touched")
	for _, url := range []string{
		"", "--upload-pack=touch " + marker, "-x", "ext::sh -c touch% " + marker, "fd::17", "transport::address",
		"git://example.com/x.git", "git://127.0.0.1/x.git", "ftp://example.com/x", "http://example.com/x.git", "http://169.254.169.254/latest",
		"https://169.254.169.254/x", "https://[fe80::1]/x", "https://user:hunter2@example.com/x.git", "https://hunter2@example.com/x.git", "user:hunter2@example.com:x", "https://user:hun/hunter2@example.com/x",
		"https:///x", "https://example.com/x.git?token=hunter2", "https://example.com/x\nHost: evil", "https://example.com/%zz",
		"ssh://git:hunter2@example.com/x.git", "ssh://-oProxyCommand=touch/x", "ssh://example.com/", "ssh://-u@example.com/x", "git@-host:x", "git@host:-x",
		"file://example.com/x", "https://" + strings.Repeat("a", 5000),
	} {
		_, err := c.Head(t.Context(), gitsource.Repo{Name: "platform", URL: url, Branch: "main"})
		wantKind(t, err, gitsource.KindInvalid)
		if strings.Contains(fmt.Sprint(err), "hunter2") {
			t.Errorf("the error repeats the password: %v", err)
		}
	}
	for _, branch := range []string{"../../x", "-upload-pack=x", "a..b", "a b", "a\nb", "a:b", "a*", "/a", "a/", "a//b", ".a", "a/.b", "a.lock", "x@{1}", strings.Repeat("x", 65536)} {
		_, err := c.Head(t.Context(), gitsource.Repo{Name: "platform", URL: t.TempDir(), Branch: branch})
		wantKind(t, err, gitsource.KindInvalid)
		if len(fmt.Sprint(err)) > 600 {
			t.Errorf("the error for a long branch is %d bytes long", len(fmt.Sprint(err)))
		}
	}
	if _, err := os.Stat(marker); err == nil {
		t.Error("a URL ran a command")
	}
}

func TestRefusesUnreadableCredentials(t *testing.T) {
	t.Parallel()
	c := newClient(t, gitsource.Config{AllowHTTP: true})
	for name, tt := range map[string]struct {
		url  string
		auth gitsource.Auth
	}{
		"a file that is not there":      {"https://git.invalid/x", gitsource.Auth{TokenFile: "/nonexistent/token"}},
		"an empty file":                 {"https://git.invalid/x", gitsource.Auth{TokenFile: gittest.SecretFile(t, "")}},
		"two lines":                     {"https://git.invalid/x", gitsource.Auth{TokenFile: gittest.SecretFile(t, "a\nb")}},
		"a variable that is not set":    {"https://git.invalid/x", gitsource.Auth{TokenEnv: "BARYON_TEST_NOT_SET"}},
		"two places":                    {"https://git.invalid/x", gitsource.Auth{TokenEnv: "X", TokenFile: "y"}},
		"a token over plain http":       {"http://git.invalid/x", gitsource.Auth{TokenFile: gittest.SecretFile(t, "canary")}},
		"no ssh key":                    {"ssh://git@git.invalid/x", gitsource.Auth{}},
		"an ssh key that is none":       {"ssh://git@git.invalid/x", gitsource.Auth{SSHKeyFile: gittest.SecretFile(t, "canary")}},
		"known_hosts that cannot parse": {"ssh://git@git.invalid/x", gitsource.Auth{KnownHostsFile: gittest.SecretFile(t, "canary is not a key"), SSHKeyFile: keyFile(t)}},
	} {
		_, err := c.Head(t.Context(), gitsource.Repo{Name: "platform", URL: tt.url, Branch: "main", Auth: tt.auth})
		if gitsource.KindOf(err) != gitsource.KindInvalid {
			t.Errorf("%s: error is %v, want kind %q", name, err, gitsource.KindInvalid)
		}
	}
}

func keyFile(t *testing.T) string {
	t.Helper()
	_, file := gittest.NewKey(t)
	return file
}
