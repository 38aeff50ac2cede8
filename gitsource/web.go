package gitsource

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// webTransport speaks smart HTTP. Protocol v2 is tried first and blindly: one
// POST answers where a branch stands, whatever the number of refs. A server that
// does not understand is asked properly, and remembered.
//
// go-git's own HTTP transport is not used: it lists every ref each time, and
// giving it a client with time-outs means changing its process-wide registry.
type webTransport struct {
	client *http.Client
	stall  time.Duration

	mu    sync.Mutex
	known map[string]dialect // by repository URL
}

// dialect is how a repository wants to be spoken to.
type dialect struct {
	base    string // where it answers; another path of the same host after a redirect
	version int
}

func newWebTransport(stall time.Duration) *webTransport {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second, Control: refuseLinkLocal}
	return &webTransport{
		stall: stall,
		known: map[string]dialect{},
		client: &http.Client{
			CheckRedirect: sameOrigin,
			Transport: &http.Transport{
				Proxy:               http.ProxyFromEnvironment,
				DialContext:         dialer.DialContext,
				TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
				TLSHandshakeTimeout: 10 * time.Second,
				IdleConnTimeout:     5 * time.Minute,
				MaxIdleConns:        256,
				MaxIdleConnsPerHost: 32,
				MaxConnsPerHost:     32,
				ForceAttemptHTTP2:   true,
			},
		},
	}
}

// refuseLinkLocal keeps a host name that resolves to a link-local address from
// reaching the metadata service of a cloud.
func refuseLinkLocal(_, addr string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(addr)
	if err == nil && ap.Addr().Unmap().IsLinkLocalUnicast() {
		return &fault{kind: KindInvalid, text: "the host resolves to a link-local address, which is never a Git server"}
	}
	return nil
}

// sameOrigin follows a redirect only of the first question and only within the
// host, or from http up to https: a repository that moved elsewhere needs a
// person to say so, and no credential ever follows it.
func sameOrigin(req *http.Request, via []*http.Request) error {
	from, to := via[0].URL, req.URL
	refuse := func(why string) error {
		return &fault{kind: KindInvalid, text: fmt.Sprintf("the server redirects to %s, %s", redact(to.String()), why),
			next: "put the repository's new address into the configuration if you trust it"}
	}
	upgrade := from.Scheme == "http" && to.Scheme == "https" && from.Port() == "" && to.Port() == ""
	switch {
	case via[0].Method != http.MethodGet && via[0].Method != http.MethodHead:
		return http.ErrUseLastResponse
	case len(via) > 5:
		return refuse("after too many redirects")
	case to.Scheme != from.Scheme && !upgrade:
		return refuse("another scheme")
	case !strings.EqualFold(to.Hostname(), from.Hostname()) || (to.Port() != from.Port() && !upgrade):
		return refuse("another host")
	}
	return nil
}

func (w *webTransport) close() { w.client.CloseIdleConnections() }

func (w *webTransport) dialect(key string) (dialect, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d, ok := w.known[key]
	return d, ok
}

func (w *webTransport) learn(key string, d dialect) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if d.version == 0 && d.base == "" {
		delete(w.known, key)
		return
	}
	w.known[key] = d
}

func (w *webTransport) list(ctx context.Context, t target, ref string) (listing, error) {
	key := t.addr.key()
	d, ok := w.dialect(key)
	if !ok {
		d = dialect{base: key, version: 2}
	}
	if d.version == 2 {
		l, err := w.lsRefs(ctx, t, d.base, ref)
		if err == nil {
			w.learn(key, d)
			return l, nil
		}
		if !worthGreeting(err) {
			return listing{}, err
		}
	}
	g, base, err := w.greet(ctx, t, uploadPack, ref, "")
	if err != nil {
		w.learn(key, dialect{})
		return listing{}, err
	}
	w.learn(key, dialect{base: base, version: g.version})
	if g.version == 2 {
		return w.lsRefs(ctx, t, base, ref)
	}
	return g.listing, nil
}

// lsRefs asks for one ref in protocol v2. Only when nothing came back, not even
// HEAD, it asks again whether there is any branch at all: an empty repository
// and a missing branch are different news.
func (w *webTransport) lsRefs(ctx context.Context, t target, base, ref string) (listing, error) {
	ask := func(prefix string) (listing, error) {
		body, err := w.post(ctx, t, base, 2, lsRefs(prefix))
		if err != nil {
			return listing{}, err
		}
		defer body.Close()
		return readLsRefs(newPacketReader(body, listBudget), ref)
	}
	l, err := ask(ref)
	if err == nil && !l.exists {
		return ask("refs/")
	}
	return l, err
}

// fetch brings want, or what ref stands at by now, into the mirror.
func (w *webTransport) fetch(ctx context.Context, t target, m *mirror, ref, want string) error {
	d, ok := w.dialect(t.addr.key())
	if !ok {
		if _, err := w.list(ctx, t, ref); err != nil {
			return err
		}
		d, _ = w.dialect(t.addr.key())
	}
	if d.version == 2 {
		err := w.pack(ctx, t, m, d, ref, want, fetchV2(want, m.haves()))
		if !notOurs(err) {
			return err
		}
		l, err := w.lsRefs(ctx, t, d.base, ref)
		if err != nil {
			return err
		}
		if l.hash == "" || l.hash == want {
			return noCommit(want)
		}
		return w.pack(ctx, t, m, d, ref, l.hash, fetchV2(l.hash, m.haves()))
	}
	g, base, err := w.greet(ctx, t, uploadPack, ref, want)
	if err != nil {
		return err
	}
	want, err = g.pick(want)
	if err != nil {
		return err
	}
	return w.pack(ctx, t, m, dialect{base: base}, ref, want, fetchV0(g, want, m.haves()))
}

// pick chooses what to ask a server for that only hands out what it advertises.
func (g *greeting) pick(want string) (string, error) {
	if g.tips[want] {
		return want, nil
	}
	if g.listing.hash == "" {
		return "", noCommit(want)
	}
	return g.listing.hash, nil
}

func noCommit(want string) error {
	return &fault{kind: KindNoCommit, text: "the server has no commit " + want,
		next: "the branch was probably force-pushed; list it again"}
}

// notOurs recognises the refusal of a commit that the server does not have or
// does not hand out by name.
func notOurs(err error) bool {
	s, ok := errors.AsType[*serverError](err)
	return ok && strings.Contains(s.text, "not our ref")
}

func (w *webTransport) pack(ctx context.Context, t target, m *mirror, d dialect, ref, want string, question []byte) error {
	ctx, alive, stop := watchStall(ctx, w.stall)
	defer stop()
	body, err := w.post(ctx, t, d.base, d.version, question)
	if err != nil {
		return wrapRead(ctx, err)
	}
	defer body.Close()
	pack, err := openPack(newPacketReader(alive(body), chatterBudget))
	if err != nil {
		return wrapRead(ctx, err)
	}
	return m.receive(ctx, pack, ref, want)
}

// post asks one question. The answer must be closed.
func (w *webTransport) post(ctx context.Context, t target, base string, version int, question []byte) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/git-upload-pack", bytes.NewReader(question))
	if err != nil {
		return nil, &fault{kind: KindInvalid, text: "the URL cannot be used", err: err}
	}
	req.Header.Set("Content-Type", "application/x-git-upload-pack-request")
	req.Header.Set("Accept", "application/x-git-upload-pack-result")
	if version == 2 {
		req.Header.Set("Git-Protocol", "version=2")
	}
	// The questions change nothing on the server: net/http may repeat one that
	// met a connection the server had just closed. The key itself is not sent.
	req.Header["Idempotency-Key"] = nil
	res, err := w.do(req, t)
	if err != nil {
		return nil, err
	}
	if got := res.Header.Get("Content-Type"); got != "application/x-git-upload-pack-result" {
		res.Body.Close()
		return nil, &fault{kind: KindCorrupt, text: fmt.Sprintf("the server answers with content type %q", printable(got)), next: notGit}
	}
	return res.Body, nil
}

const notGit = "check that the URL is the one git clone takes"

// The programs of a server that answer fetches and pushes.
const (
	uploadPack  = "git-upload-pack"
	receivePack = "git-receive-pack"
)

// greet asks in the way every smart server understands and returns what it says
// and where it said so.
func (w *webTransport) greet(ctx context.Context, t target, service, ref, commit string) (*greeting, string, error) {
	const suffix = "/info/refs"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.addr.key()+suffix+"?service="+service, nil)
	if err != nil {
		return nil, "", &fault{kind: KindInvalid, text: "the URL cannot be used", err: err}
	}
	if service == uploadPack {
		req.Header.Set("Git-Protocol", "version=2")
	}
	res, err := w.do(req, t)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	switch got := res.Header.Get("Content-Type"); {
	case strings.HasPrefix(got, "text/plain"):
		return nil, "", &fault{kind: KindUnsupported, text: "the server speaks only the dumb HTTP protocol",
			next: "serve the repository with git http-backend or a forge"}
	case got != "application/x-"+service+"-advertisement":
		return nil, "", &fault{kind: KindCorrupt, text: fmt.Sprintf("the server answers with content type %q", printable(got)), next: notGit}
	}
	path, ok := strings.CutSuffix(res.Request.URL.Path, suffix)
	if !ok {
		return nil, "", &fault{kind: KindCorrupt, text: "the server redirects to something that is no repository", next: notGit}
	}
	p := newPacketReader(res.Body, listBudget)
	line, kind, err := p.next()
	if err == nil && kind == packetData && string(line) == "# service="+service {
		if _, kind, err = p.next(); err == nil && kind != packetFlush {
			err = &fault{kind: KindCorrupt, text: "no flush after the service line"}
		}
	} else if err == nil {
		// Servers of protocol v2 may leave the service line out.
		p = newPacketReader(io.MultiReader(bytes.NewReader(appendPacket(nil, string(line))), p.r), listBudget)
	}
	if err != nil {
		return nil, "", err
	}
	g, err := readGreeting(p, ref, commit)
	if err != nil {
		return nil, "", err
	}
	base := url.URL{Scheme: res.Request.URL.Scheme, Host: res.Request.URL.Host, Path: path}
	return g, base.String(), nil
}

// do sends a request with the repository's credential and turns every refusal
// into a fault. Nothing of the answer's body is repeated: a hostile server could
// hand the credential back in it.
func (w *webTransport) do(req *http.Request, t target) (*http.Response, error) {
	req.Header.Set("User-Agent", "git/2.40.0 ("+agent+")")
	user, token, has, err := t.repo.Auth.basic()
	if err != nil {
		return nil, err
	}
	if has {
		if req.URL.Scheme == "http" && !loopback(req.URL.Hostname()) {
			return nil, &fault{kind: KindInvalid, text: "a token would travel over plain http", next: "use https"}
		}
		req.SetBasicAuth(user, token)
	}
	res, err := w.client.Do(req)
	if err != nil {
		return nil, unreachable(err)
	}
	if res.StatusCode == http.StatusOK {
		return res, nil
	}
	res.Body.Close()
	return nil, refusal(res, has)
}

// unreachable drops the wrapping of net/http, which repeats the whole URL.
func unreachable(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	if _, ok := errors.AsType[*fault](err); ok {
		return err
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return &fault{kind: KindUnreachable, err: err, next: "if the server's certificate has a private issuer, set SSL_CERT_FILE"}
	}
	return &fault{kind: KindUnreachable, err: err}
}

// statusFault is a refusal with its HTTP status.
type statusFault struct {
	fault
	status int
}

func (s *statusFault) Unwrap() error { return &s.fault }

func refusal(res *http.Response, withToken bool) error {
	s := &statusFault{status: res.StatusCode, fault: fault{text: "the server answers " + strconv.Itoa(res.StatusCode)}}
	switch {
	case res.StatusCode == http.StatusUnauthorized && !withToken:
		s.kind, s.next = KindDenied, "the repository is private or does not exist; name a token in auth"
	case res.StatusCode == http.StatusUnauthorized:
		s.kind, s.next = KindDenied, "check that the token in auth is current and may read this repository"
	case res.StatusCode == http.StatusForbidden:
		s.kind, s.next = KindDenied, "check that the credential in auth may read this repository"
	case res.StatusCode == http.StatusNotFound, res.StatusCode == http.StatusGone:
		s.kind, s.next = KindNotFound, "check the URL; a forge also hides a private repository behind this answer"
	case res.StatusCode == http.StatusTooManyRequests:
		s.kind = KindRateLimited
		if n, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && n > 0 {
			s.wait = min(time.Duration(n)*time.Second, time.Hour)
		}
	case res.StatusCode >= 500:
		s.kind = KindUnreachable
	case res.StatusCode >= 300 && res.StatusCode < 400:
		s.kind, s.next = KindCorrupt, "the repository has probably moved; check the URL"
	default:
		s.kind, s.next = KindCorrupt, notGit
	}
	return s
}

// worthGreeting tells whether a failed blind question in protocol v2 says
// nothing yet: the server may speak an older one, have moved, or not exist.
func worthGreeting(err error) bool {
	if s, ok := errors.AsType[*statusFault](err); ok {
		return s.kind != KindDenied && s.kind != KindRateLimited
	}
	if f, ok := errors.AsType[*fault](err); ok {
		return f.kind == KindCorrupt
	}
	_, ok := errors.AsType[*serverError](err)
	return ok
}
