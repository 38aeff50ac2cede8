package gitsource

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/google/go-github/v60/github"
	"go.uber.org/zap"
)

// maxHook bounds the body of a hook. GitHub itself stops at 25 MB, but a push
// lists at most 20 commits and stays far below this.
const maxHook = 5 << 20

// WebhookConfig is what a Webhook needs.
type WebhookConfig struct {
	// SecretFile or SecretEnv names where the secret is that the forge signs with.
	// It is read for each hook, so it can be changed while the daemon runs.
	SecretFile, SecretEnv string
	// Wake is called for a push, or when something becomes of a pull request, with
	// the address that the forge gives for cloning the repository, or with "" when
	// it is not known. It is a hint: compare it with SameRepository, or look
	// everywhere. Calls never overlap, and what arrives during one is told once for
	// each repository.
	Wake func(cloneURL string)
	Log  *zap.Logger
}

// Webhook answers the hooks of GitHub. A hook can only wake: what is new is always
// asked from the repository itself, so a lost, doubled or forged hook does no harm.
type Webhook struct {
	cfg WebhookConfig

	mu      sync.Mutex
	waking  bool
	pending map[string]bool
}

// maxPending bounds how many repositories are remembered during a slow Wake;
// beyond it one look at everything stands for all.
const maxPending = 1000

// NewWebhook returns the handler for POST /hooks/github. It is an error when there
// is no secret: anybody could then wake the daemon as often as they like.
func NewWebhook(cfg WebhookConfig) (*Webhook, error) {
	if cfg.Wake == nil {
		return nil, errors.New("gitsource: WebhookConfig.Wake is required")
	}
	if cfg.Log == nil {
		cfg.Log = zap.NewNop()
	}
	w := &Webhook{cfg: cfg, pending: map[string]bool{}}
	if _, err := w.secret(); err != nil {
		return nil, failure("webhook", Repo{}, err)
	}
	return w, nil
}

func (w *Webhook) secret() ([]byte, error) {
	s, err := secret("webhook secret", w.cfg.SecretFile, w.cfg.SecretEnv)
	if err == nil && s == "" {
		err = &fault{kind: KindInvalid, text: "there is no webhook secret", next: "make one (openssl rand -hex 32), give it to the forge, and name its file or variable"}
	}
	return []byte(s), err
}

// ServeHTTP checks a hook and wakes. The answer is sent before Wake is called.
func (w *Webhook) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	status, text := w.handle(rw, r)
	if status != http.StatusAccepted {
		http.Error(rw, text, status)
		return
	}
	rw.WriteHeader(status)
	// A writer that cannot flush sends the answer when the handler returns.
	_ = http.NewResponseController(rw).Flush()
	w.wake(text)
}

// handle returns the status of the answer and its text; for StatusAccepted the
// text is the repository to wake for.
func (w *Webhook) handle(rw http.ResponseWriter, r *http.Request) (int, string) {
	if r.Method != http.MethodPost {
		rw.Header().Set("Allow", http.MethodPost)
		return http.StatusMethodNotAllowed, "a hook is a POST"
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || (kind != "application/json" && kind != "application/x-www-form-urlencoded") {
		return http.StatusUnsupportedMediaType, "a hook is application/json"
	}
	if enc := r.Header.Get("Content-Encoding"); enc != "" && enc != "identity" {
		return http.StatusUnsupportedMediaType, "a hook is not compressed"
	}
	body, status, text := readHook(rw, r)
	if status != 0 {
		return status, text
	}
	if status, text := w.verify(r.Header.Get("X-Hub-Signature-256"), body); status != 0 {
		return status, text
	}
	said := r.Header.Get("X-Github-Event")
	if said != "push" && said != "pull_request" {
		return http.StatusOK, "nothing to do" // ping, and whatever else the hook is set up to send
	}
	payload, err := hookPayload(kind, body)
	if err != nil {
		return http.StatusBadRequest, "the payload cannot be read"
	}
	event, err := github.ParseWebHook(said, payload)
	var from string
	switch event := event.(type) {
	case *github.PushEvent:
		from = event.GetRepo().GetCloneURL()
	case *github.PullRequestEvent:
		from = event.GetRepo().GetCloneURL()
	}
	if err != nil {
		return http.StatusBadRequest, "the payload is no " + said
	}
	w.cfg.Log.Debug("change announced", zap.String("event", said), zap.String("repo", redact(from)), zap.String("delivery", printable(r.Header.Get("X-Github-Delivery"))))
	return http.StatusAccepted, from
}

func readHook(rw http.ResponseWriter, r *http.Request) (body []byte, status int, text string) {
	// A sender that dawdles holds a connection, not more; a writer without
	// deadlines has them set by its server.
	_ = http.NewResponseController(rw).SetReadDeadline(time.Now().Add(10 * time.Second))
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxHook))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, http.StatusRequestEntityTooLarge, "the hook is too large"
	}
	if err != nil {
		return nil, http.StatusBadRequest, "the hook could not be read"
	}
	return body, 0, ""
}

// verify checks the signature over the body as it came, in constant time. SHA-1,
// which GitHub still sends beside it, does not count.
func (w *Webhook) verify(signature string, body []byte) (int, string) {
	key, err := w.secret()
	if err != nil {
		w.cfg.Log.Error("hook refused", zap.Error(failure("webhook", Repo{}, err)))
		return http.StatusInternalServerError, "the secret cannot be read"
	}
	if !strings.HasPrefix(signature, "sha256=") {
		return http.StatusUnauthorized, "X-Hub-Signature-256 is missing"
	}
	if github.ValidateSignature(signature, body, key) != nil {
		return http.StatusUnauthorized, "the signature is wrong"
	}
	return 0, ""
}

// hookPayload is the JSON of a hook that came alone or as a form.
func hookPayload(kind string, body []byte) ([]byte, error) {
	if kind == "application/json" {
		return bytes.TrimSpace(body), nil
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	return []byte(form.Get("payload")), nil
}

// wake calls Wake for a repository, or leaves that to the call that is running.
func (w *Webhook) wake(from string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.pending) >= maxPending {
		clear(w.pending)
		from = ""
	}
	if w.pending[from] = true; w.waking {
		return
	}
	w.waking = true
	defer func() { w.waking = false }()
	for len(w.pending) > 0 {
		batch := w.pending
		w.pending = map[string]bool{}
		w.mu.Unlock()
		func() {
			defer w.mu.Lock() // also when Wake panics
			for from := range batch {
				w.cfg.Wake(from)
			}
		}()
	}
}

// SameRepository tells whether two addresses mean one repository on one host,
// however each is spelled: https or ssh, with or without .git, user or port.
func SameRepository(a, b string) bool {
	x, y := identity(a), identity(b)
	return x != "" && x == y
}

func identity(raw string) string {
	a, err := parseAddress(raw, true)
	if err != nil {
		return ""
	}
	if a.scheme == local {
		return a.path
	}
	path := a.url.Path
	if a.scheme == shell {
		path = a.path
	}
	return strings.ToLower(a.url.Hostname() + "/" + strings.TrimSuffix(strings.Trim(path, "/"), ".git"))
}
