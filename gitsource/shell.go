package gitsource

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// shellTransport speaks to Git over ssh, protocol v2 where the server takes the
// hint. go-git's own ssh transport is not used: it dials without a context, reads
// the user's ssh configuration, and chooses host key algorithms by other files
// than the ones it checks the key with.
type shellTransport struct {
	stall time.Duration
}

// shellTalk is one program of Git on a server.
type shellTalk struct {
	conn    *ssh.Client
	session *ssh.Session
	in      io.WriteCloser
	out     *packetReader
	said    *tail
	release func() bool
}

func (s *shellTransport) close() {}

func (s *shellTransport) list(ctx context.Context, t target, ref string) (listing, error) {
	talk, err := s.dial(ctx, t, uploadPack, nil)
	if err != nil {
		return listing{}, err
	}
	defer talk.close()
	g, err := talk.greet(ctx, ref, "")
	if err != nil {
		return listing{}, err
	}
	l := g.listing
	if g.version == 2 {
		l, err = talk.lsRefs(ref)
	}
	// The server takes a flush for the end of the talk; without one it only
	// complains to its own log.
	_ = talk.say([]byte(flushPacket))
	return l, err
}

func (k *shellTalk) lsRefs(ref string) (listing, error) {
	ask := func(prefix string) (listing, error) {
		k.out.budget = listBudget
		if err := k.say(lsRefs(prefix)); err != nil {
			return listing{}, err
		}
		return readLsRefs(k.out, ref)
	}
	l, err := ask(ref)
	if err == nil && !l.exists {
		return ask("refs/")
	}
	return l, err
}

func (s *shellTransport) fetch(ctx context.Context, t target, m *mirror, ref, want string) error {
	err := s.fetchOnce(ctx, t, m, ref, want)
	if !notOurs(err) {
		return err
	}
	l, err := s.list(ctx, t, ref)
	if err != nil {
		return err
	}
	if l.hash == "" || l.hash == want {
		return noCommit(want)
	}
	return s.fetchOnce(ctx, t, m, ref, l.hash)
}

func (s *shellTransport) fetchOnce(ctx context.Context, t target, m *mirror, ref, want string) error {
	ctx, alive, stop := watchStall(ctx, s.stall)
	defer stop()
	talk, err := s.dial(ctx, t, uploadPack, alive)
	if err != nil {
		return wrapRead(ctx, err)
	}
	defer talk.close()
	g, err := talk.greet(ctx, ref, want)
	if err != nil {
		return wrapRead(ctx, err)
	}
	question := fetchV2(want, m.haves())
	if g.version != 2 {
		if want, err = g.pick(want); err != nil {
			return err
		}
		question = fetchV0(g, want, m.haves())
	}
	talk.out.budget = chatterBudget
	if err := talk.say(question); err != nil {
		return wrapRead(ctx, err)
	}
	pack, err := openPack(talk.out)
	if err != nil {
		return wrapRead(ctx, err)
	}
	return m.receive(ctx, pack, ref, want)
}

// dial connects, checks the host key, authenticates and starts a program of Git.
// The connection ends with ctx.
func (s *shellTransport) dial(ctx context.Context, t target, program string, alive func(io.Reader) io.Reader) (*shellTalk, error) {
	cfg, err := t.repo.Auth.shellConfig(t.addr)
	if err != nil {
		return nil, err
	}
	dialer := net.Dialer{Timeout: 10 * time.Second, Control: refuseLinkLocal}
	raw, err := dialer.DialContext(ctx, "tcp", t.addr.hostPort())
	if err != nil {
		return nil, unreachable(err)
	}
	release := context.AfterFunc(ctx, func() { raw.Close() })
	fail := func(err error) (*shellTalk, error) {
		release()
		raw.Close()
		return nil, err
	}
	conn, channels, requests, err := ssh.NewClientConn(raw, t.addr.hostPort(), cfg)
	if err != nil {
		return fail(handshakeFault(t, err))
	}
	k := &shellTalk{conn: ssh.NewClient(conn, channels, requests), said: &tail{}, release: release}
	if k.session, err = k.conn.NewSession(); err != nil {
		return fail(unreachable(err))
	}
	// A server that does not accept the variable answers in the older protocol.
	_ = k.session.Setenv("GIT_PROTOCOL", "version=2")
	k.session.Stderr = k.said
	var out io.Reader
	if k.in, err = k.session.StdinPipe(); err == nil {
		if out, err = k.session.StdoutPipe(); err == nil {
			err = k.session.Start(program + " " + shellQuote(t.addr.path))
		}
	}
	if err != nil {
		return fail(unreachable(err))
	}
	if alive != nil {
		out = alive(out)
	}
	k.out = newPacketReader(out, listBudget)
	return k, nil
}

// shellQuote makes one word of s for any POSIX shell, as git's own sq_quote does.
func shellQuote(s string) string {
	return "'" + strings.NewReplacer("'", `'\''`, "!", `'\!'`).Replace(s) + "'"
}

func (k *shellTalk) close() {
	k.release()
	// The answer is complete or the talk has failed: a refusal to close adds
	// nothing.
	_ = k.session.Close()
	_ = k.conn.Close()
}

func (k *shellTalk) say(b []byte) error {
	_, err := k.in.Write(b)
	return err
}

// greet reads the server's first words. A server that ends without one has said
// why on its standard error.
func (k *shellTalk) greet(ctx context.Context, ref, commit string) (*greeting, error) {
	g, err := readGreeting(k.out, ref, commit)
	if err == nil || ctx.Err() != nil || !errors.Is(err, io.ErrUnexpectedEOF) {
		return g, err
	}
	_ = k.session.Wait() // its text is what counts, not its exit status
	said := k.said.String()
	for _, sign := range []string{"not found", "does not appear to be a git repository", "does not exist", "no such", "could not be found"} {
		if strings.Contains(strings.ToLower(said), sign) {
			return nil, &fault{kind: KindNotFound, text: "the server says: " + said, next: "check the URL and that the key may read this repository"}
		}
	}
	for _, sign := range []string{"denied", "not allowed", "unauthorized", "no access"} {
		if strings.Contains(strings.ToLower(said), sign) {
			return nil, &fault{kind: KindDenied, text: "the server says: " + said, next: "check that the key in auth may read this repository"}
		}
	}
	if said != "" {
		return nil, &fault{kind: KindCorrupt, text: "the server says: " + said}
	}
	return nil, err
}

// tail keeps the first kilobytes of what a program says on its standard error.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if room := 4096 - len(t.text); room > 0 {
		t.text = append(t.text, p[:min(room, len(p))]...)
	}
	return len(p), nil
}

// String is the text as one printable line.
func (t *tail) String() string { return printable(t.all()) }

func (t *tail) all() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
