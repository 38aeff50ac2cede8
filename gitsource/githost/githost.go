// Package githost serves a folder of bare repositories over smart HTTP, for clone,
// fetch and ordinary push by the git command line, with nothing but this binary. It
// knows repositories, refs and packs; it refuses to know users, permissions and
// what a push means: whoever can reach it may read and write, so it belongs on
// loopback.
package githost

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	git "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"go.uber.org/zap"

	"baryon/gitsource/disk"
)

// Config is what a Host needs. Only Dir is required.
type Config struct {
	// Dir holds the repositories: NAME.git, or OWNER/NAME.git. It is created.
	Dir string
	// OnPush is called after each push and each Commit that moved a ref, with the
	// name of the repository. It must not block.
	OnPush func(name string)
	// Hosts are the host names that requests may be addressed to, besides those of
	// loopback. A page in a browser can make a name of its own mean 127.0.0.1; it
	// cannot make the browser say "localhost".
	Hosts []string
	// MaxPush bounds the bytes of one push, 512 MiB by default.
	MaxPush int64
	Log     *zap.Logger
}

// Host is an http.Handler. Its methods may be called from any number of
// goroutines.
type Host struct {
	cfg Config

	mu    sync.Mutex
	locks map[string]*locks // by repository
}

// locks of one repository. A list of refs that is read while one of them goes away
// is no list.
type locks struct {
	write sync.Mutex   // one push at a time
	refs  sync.RWMutex // held for the moment in which a ref moves
}

// New returns a Host for the repositories in cfg.Dir.
func New(cfg Config) (*Host, error) {
	if cfg.Dir == "" {
		return nil, errors.New("githost: Config.Dir is required")
	}
	if cfg.OnPush == nil {
		cfg.OnPush = func(string) {}
	}
	if cfg.MaxPush <= 0 {
		cfg.MaxPush = 512 << 20
	}
	if cfg.Log == nil {
		cfg.Log = zap.NewNop()
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("githost: %w", err)
	}
	return &Host{cfg: cfg, locks: map[string]*locks{}}, nil
}

// names of repositories: segments that start with a letter or digit, so that none
// is a path or hidden.
var names = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?$`)

// Create makes an empty repository whose default branch is main. It is an error
// when the name is taken.
func (h *Host) Create(name string) error {
	dir, err := h.dir(name)
	if err != nil {
		return err
	}
	options := &git.PlainInitOptions{Bare: true, InitOptions: git.InitOptions{DefaultBranch: plumbing.Main}}
	if _, err := git.PlainInitWithOptions(dir, options); err != nil {
		return fmt.Errorf("create repository %s: %w", name, err)
	}
	return nil
}

// dir is where a repository is or would be.
func (h *Host) dir(name string) (string, error) {
	name = strings.TrimSuffix(name, ".git")
	if !names.MatchString(name) || len(name) > 200 {
		return "", fmt.Errorf("%q is no name of a repository: letters, digits, dots, dashes and at most one slash", name)
	}
	return filepath.Join(h.cfg.Dir, filepath.FromSlash(name)+".git"), nil
}

// open opens a repository that exists. Each caller has its own storage, since
// go-git's is not safe for concurrent use.
func (h *Host) open(name string) (*filesystem.Storage, error) {
	dir, err := h.dir(name)
	if err != nil {
		return nil, fs.ErrNotExist
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(dir, "HEAD")); err != nil || !info.IsDir() {
		return nil, fs.ErrNotExist
	}
	return filesystem.NewStorage(disk.Open(dir), cache.NewObjectLRU(16*cache.MiByte)), nil
}

// of returns the locks of a repository.
func (h *Host) of(name string) *locks {
	name = strings.TrimSuffix(name, ".git")
	h.mu.Lock()
	defer h.mu.Unlock()
	l, ok := h.locks[name]
	if !ok {
		l = &locks{}
		h.locks[name] = l
	}
	return l
}

const (
	uploadPack  = "git-upload-pack"
	receivePack = "git-receive-pack"
)

// ServeHTTP answers the three questions of smart HTTP: what refs there are, fetch,
// and push.
func (h *Host) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !h.addressed(r.Host) {
		http.Error(w, "this server answers to loopback names only", http.StatusForbidden)
		return
	}
	w.Header().Set("Cache-Control", "no-cache")
	for suffix, serve := range map[string]func(http.ResponseWriter, *http.Request, string, *filesystem.Storage){
		"/info/refs": h.refs, "/" + uploadPack: h.upload, "/" + receivePack: h.receive,
	} {
		name, ok := strings.CutSuffix(r.URL.Path, suffix)
		if !ok {
			continue
		}
		name = strings.TrimPrefix(name, "/")
		st, err := h.open(name)
		if err != nil {
			break
		}
		defer st.Close()
		serve(w, r, strings.TrimSuffix(name, ".git"), st)
		return
	}
	http.Error(w, "there is no such repository here", http.StatusNotFound)
}

// addressed tells whether a request was meant for this server.
func (h *Host) addressed(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() || host == "localhost" {
		return true
	}
	return slices.Contains(h.cfg.Hosts, host)
}

// body returns what a client posted. The content type is one that no page can send
// to another site unasked.
func body(w http.ResponseWriter, r *http.Request, service string, limit int64) (io.Reader, bool) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "a POST is expected", http.StatusMethodNotAllowed)
		return nil, false
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-"+service+"-request" {
		http.Error(w, "the content type is not that of "+service, http.StatusUnsupportedMediaType)
		return nil, false
	}
	in := io.Reader(http.MaxBytesReader(w, r.Body, limit))
	switch r.Header.Get("Content-Encoding") {
	case "", "identity":
		return in, true
	case "gzip":
		unpacked, err := gzip.NewReader(in)
		if err != nil {
			http.Error(w, "the body is not gzip", http.StatusBadRequest)
			return nil, false
		}
		return io.LimitReader(unpacked, limit), true
	}
	http.Error(w, "unknown content encoding", http.StatusUnsupportedMediaType)
	return nil, false
}

// failed notes an error in the middle of an answer, when no status can be sent any
// more.
func (h *Host) failed(name, service string, err error) {
	h.cfg.Log.Warn("request failed", zap.String("repo", name), zap.String("service", service), zap.Error(err))
}
