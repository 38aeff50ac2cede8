package gitsource

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/memory"

	"baryon/gitsource/disk"
)

// Change is a commit that gives files other content, or takes them away.
type Change struct {
	// Parent is the commit that the branch has to stand at.
	Parent string
	// Branch is the one that is pushed to; empty for the one that is followed. With
	// New it must not be there yet, and begins behind Parent.
	Branch string
	New    bool
	// Merge is a commit that is merged as well: the new one has its content, but for
	// Files. Empty for none.
	Merge string
	Files []Replacement // each of another file; at least one, unless there is a merge
	// Author and Email say whose change it is; the committer is Baryon.
	Author, Email, Message string
	When                   time.Time
}

// A Replacement is the new content of one file, or that it goes.
type Replacement struct {
	Path string // from the root of Repo.Path; the file has to be there
	Data []byte
	Gone bool
}

const committer, committerEmail = "Baryon", "baryon@baryon.invalid"

// Push adds a commit to the repository's branch, without a work tree and never by
// force, and returns its hash. An Error of KindMoved says that the branch does not
// stand at the parent any more. The mirror gets the commit with its next fetch.
func (c *Client) Push(ctx context.Context, r Repo, change Change) (string, error) {
	commit, err := c.push(ctx, r, change)
	return commit, failure("push", r, r.Auth.clean(err))
}

func (c *Client) push(ctx context.Context, r Repo, change Change) (string, error) {
	t, ref, err := c.resolve(r)
	if err != nil {
		return "", err
	}
	s, err := c.at(ctx, r, change.Parent)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, 2*c.cfg.ListTimeout, timedOut("the push", 2*c.cfg.ListTimeout))
	defer cancel()
	if change.Branch != "" {
		ref, err = refName(change.Branch)
	}
	if err == nil {
		ref, err = c.branch(ctx, t, ref)
	}
	if err != nil {
		return "", err
	}
	objects := memory.NewStorage()
	commit, err := s.change(objects, path.Clean(strings.Trim(r.Path, "/")), change)
	if err != nil {
		return "", err
	}
	p := push{ref: ref, old: change.Parent, new: commit.String(), objects: objects}
	if change.New {
		p.old = plumbing.ZeroHash.String()
	}
	if err = c.pushers[t.addr.scheme].push(ctx, t, p); err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return p.new, err
}

// branch is the full name of the branch that a ref means.
func (c *Client) branch(ctx context.Context, t target, ref string) (string, error) {
	if ref == string(plumbing.HEAD) {
		var l listing
		var err error
		if t.addr.scheme == local {
			var s *store
			if s, err = c.local.open(t); err == nil {
				l.head = s.headTarget()
			}
		} else {
			l, err = c.transport(t).list(ctx, t, ref)
		}
		if err != nil {
			return "", err
		}
		ref = l.head
	}
	if _, ok := cutBranch(ref); !ok {
		return "", &fault{kind: KindInvalid, text: "what is followed here is no branch, so nothing can be committed to it", next: "name a branch in the configuration"}
	}
	return ref, nil
}

func (s *store) headTarget() string {
	var target string
	_ = s.use(func(st *filesystem.Storage) error { // a HEAD that cannot be read names no branch
		head, err := st.Reference(plumbing.HEAD)
		if err == nil && head.Type() == plumbing.SymbolicReference {
			target = head.Target().String()
		}
		return err
	})
	return target
}

// pusher speaks to servers that take pushes: always this package itself, since
// there is but one dialect of it.
type pusher interface {
	push(ctx context.Context, t target, p push) error
}

// push is one branch that moves on by the objects of one commit.
type push struct {
	ref, old, new string
	objects       *memory.Storage
	said          bool // the server hands on what its hooks say
}

func moved(text string) error {
	return &fault{kind: KindMoved, text: text, next: "try again from where the branch is now"}
}

// request is what a server is sent once it has listed its refs: the move, and the
// pack. The pack is not thin.
func (p push) request() ([]byte, error) {
	caps := "report-status agent=" + agent
	if p.said {
		caps += " side-band-64k quiet"
	}
	b := appendPacket(nil, p.old+" "+p.new+" "+p.ref+"\x00"+caps)
	out := bytes.NewBuffer(append(b, flushPacket...))
	var hashes []plumbing.Hash
	for h := range p.objects.Objects {
		hashes = append(hashes, h)
	}
	_, err := packfile.NewEncoder(out, p.objects, false).Encode(hashes, 0)
	return out.Bytes(), err
}

// expects checks that the branch stands where the commit goes on from.
func (p *push) expects(g *greeting) error {
	p.said = g.caps["side-band-64k"] && g.caps["quiet"]
	there := g.listing.hash
	if there == "" {
		there = plumbing.ZeroHash.String()
	}
	switch {
	case there != p.old:
		return moved("the branch has been pushed to")
	case !g.caps["report-status"]:
		return &fault{kind: KindUnsupported, text: "the server does not say what becomes of a push"}
	}
	return nil
}

// report reads what became of the push.
func (p push) report(in *packetReader) error {
	var hooks *sideband
	if p.said {
		hooks = &sideband{p: in}
		in = newPacketReader(hooks, chatterBudget)
	}
	unpacked := false
	for {
		line, kind, err := in.next()
		switch text := string(line); {
		case err != nil:
			return err
		case kind != packetData:
			return &fault{kind: KindCorrupt, text: "the server does not say what became of the push"}
		case text == "unpack ok":
			unpacked = true
		case strings.HasPrefix(text, "unpack "):
			return &fault{kind: KindCorrupt, text: "the server could not take the push: " + printable(text[7:])}
		case text == "ok "+p.ref && unpacked:
			return nil
		case strings.HasPrefix(text, "ng "):
			return pushRefused(strings.TrimPrefix(text, "ng "+p.ref+" "), hooks.text())
		}
	}
}

// pushRefused tells a branch that moved from one that takes no push. said is what
// hooks and the host had to say about it.
func pushRefused(why, said string) error {
	for _, sign := range []string{
		"fetch first", "non-fast-forward", "stale info", "failed to update ref", "cannot lock ref", "incorrect old value", "failed to lock", "reference already exists",
	} {
		if strings.Contains(why, sign) {
			return moved("the server says: " + printable(why))
		}
	}
	text, next := "the server refused the push: "+printable(why), mayPush
	if said != "" {
		text += "; it says: " + said
	}
	all := strings.ToLower(why + said)
	switch {
	case strings.Contains(all, "signature") || strings.Contains(all, "signed"):
		next = "Baryon does not sign commits; let its user push without, or make the change in Git"
	case strings.Contains(all, "protected") || strings.Contains(all, "gh006") || strings.Contains(all, "gh013"):
		next = "the branch is protected; let Baryon's user push to it, or have changes written back as pull requests"
	case strings.Contains(why, "hook declined"):
		next = "make the change as the hook wants it, in Git"
	}
	return &fault{kind: KindDenied, text: text, next: next}
}

const mayPush = "the branch has to take commits pushed with the credential of the repository's configuration"

// denied says of a refusal that it is about pushing.
func denied(err error) error {
	if f, ok := errors.AsType[*fault](err); ok && f.kind == KindDenied {
		return &fault{kind: KindDenied, text: f.text, err: f.err, next: mayPush}
	}
	return err
}

func (w *webTransport) push(ctx context.Context, t target, p push) error {
	g, base, err := w.greet(ctx, t, receivePack, p.ref, "")
	if err == nil {
		err = p.expects(g)
	}
	if err != nil {
		return denied(err)
	}
	body, err := p.request()
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/"+receivePack, bytes.NewReader(body))
	if err != nil {
		return &fault{kind: KindInvalid, text: "the URL cannot be used", err: err}
	}
	req.Header.Set("Content-Type", "application/x-git-receive-pack-request")
	req.Header.Set("Accept", "application/x-git-receive-pack-result")
	res, err := w.do(req, t)
	if err != nil {
		return denied(err)
	}
	defer res.Body.Close()
	return p.report(newPacketReader(res.Body, chatterBudget))
}

func (s *shellTransport) push(ctx context.Context, t target, p push) error {
	talk, err := s.dial(ctx, t, receivePack, nil)
	if err != nil {
		return denied(err)
	}
	defer talk.close()
	g, err := talk.greet(ctx, p.ref, "")
	if err == nil {
		err = p.expects(g)
	}
	if err != nil {
		return denied(err)
	}
	body, err := p.request()
	if err != nil {
		return err
	}
	if err := talk.say(body); err != nil {
		return err
	}
	return p.report(talk.out)
}

// push writes into a repository on this machine. The branch moves under the lock
// that git itself takes; hooks of the repository are not run.
func (l *localTransport) push(_ context.Context, t target, p push) error {
	dir, common, err := gitDir(t.addr.path)
	if err != nil {
		return err
	}
	st := filesystem.NewStorage(disk.Open(common), cache.NewObjectLRU(cache.MiByte))
	defer st.Close()
	cfg, err := st.Config()
	if err != nil {
		return &fault{kind: KindCorrupt, text: "the repository's configuration cannot be read", err: err}
	}
	if !cfg.Core.IsBare && l.pool.store(dir, common, false).headTarget() == p.ref {
		return &fault{kind: KindDenied, text: "the branch is checked out there, and its files would not follow", next: "give a bare repository, or check out another branch"}
	}
	for _, o := range p.objects.Objects {
		if _, err := st.SetEncodedObject(o); err != nil {
			return err
		}
	}
	file := filepath.Join(common, filepath.FromSlash(p.ref))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { // the branch may be among the packed ones
		return err
	}
	lock, err := os.OpenFile(file+".lock", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		return moved("the branch is being pushed to")
	}
	if err != nil {
		return err
	}
	defer os.Remove(lock.Name())
	now, err := st.Reference(plumbing.ReferenceName(p.ref))
	if errors.Is(err, plumbing.ErrReferenceNotFound) {
		now, err = plumbing.NewHashReference(plumbing.ReferenceName(p.ref), plumbing.ZeroHash), nil
	}
	if err == nil && now.Hash().String() != p.old {
		err = moved("the branch has been pushed to")
	}
	if err == nil {
		_, err = fmt.Fprintln(lock, p.new)
	}
	if err = errors.Join(err, lock.Close()); err != nil {
		return err
	}
	return os.Rename(lock.Name(), file)
}
