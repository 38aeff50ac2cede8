package gitsource

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/memory"

	"baryon/gitsource/disk"
)

// Change is a commit that gives one file other content.
type Change struct {
	// Parent is the commit that the branch has to stand at.
	Parent string
	// Path is the file, from the root of Repo.Path. It has to be there.
	Path string
	Data []byte
	// Author and Email say whose change it is; the committer is Baryon.
	Author, Email, Message string
	When                   time.Time
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
	if ref, err = c.branch(ctx, t, ref); err != nil {
		return "", err
	}
	objects := memory.NewStorage()
	commit, err := s.change(objects, path.Join(path.Clean(strings.Trim(r.Path, "/")), change.Path), change)
	if err != nil {
		return "", err
	}
	p := push{ref: ref, old: change.Parent, new: commit.String(), objects: objects}
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

// change puts the objects of a commit that changes one file into to.
func (s *store) change(to *memory.Storage, name string, c Change) (plumbing.Hash, error) {
	parent, err := s.commit(c.Parent)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	tree, err := s.replaced(to, parent.TreeHash, strings.Split(name, "/"), c.Data)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	return save(to, &object.Commit{
		Author:    object.Signature{Name: signable(c.Author), Email: signable(c.Email), When: c.When},
		Committer: object.Signature{Name: committer, Email: committerEmail, When: c.When},
		Message:   c.Message, TreeHash: tree, ParentHashes: []plumbing.Hash{parent.Hash},
	})
}

// signable is a name without what would end the line or the name of a commit.
func signable(name string) string {
	return strings.NewReplacer("<", "", ">", "").Replace(printable(name))
}

// replaced is a tree in which one file has other content and the same mode.
func (s *store) replaced(to *memory.Storage, tree plumbing.Hash, name []string, data []byte) (plumbing.Hash, error) {
	var t object.Tree
	err := s.use(func(*filesystem.Storage) error {
		o, err := s.findLocked(plumbing.TreeObject, tree, maxTree)
		if err != nil {
			return err
		}
		return t.Decode(o)
	})
	if err != nil {
		return plumbing.ZeroHash, err
	}
	at := slices.IndexFunc(t.Entries, func(e object.TreeEntry) bool { return e.Name == name[0] })
	gone := &fault{kind: KindNoPath, text: "the commit has no file " + printable(strings.Join(name, "/"))}
	if at < 0 {
		return plumbing.ZeroHash, gone
	}
	mode := t.Entries[at].Mode
	var hash plumbing.Hash
	switch {
	case len(name) > 1 && mode == filemode.Dir:
		hash, err = s.replaced(to, t.Entries[at].Hash, name[1:], data)
	case len(name) == 1 && mode.IsRegular() || len(name) == 1 && mode == filemode.Executable:
		blob := to.NewEncodedObject()
		blob.SetType(plumbing.BlobObject)
		var w io.WriteCloser
		if w, err = blob.Writer(); err == nil {
			_, err = w.Write(data)
			err = errors.Join(err, w.Close())
		}
		if err == nil {
			hash, err = to.SetEncodedObject(blob)
		}
	default:
		err = gone
	}
	if err != nil {
		return plumbing.ZeroHash, err
	}
	t.Entries[at].Hash = hash
	return save(to, &t)
}

func save(to *memory.Storage, o interface {
	Encode(raw plumbing.EncodedObject) error
}) (plumbing.Hash, error) {
	raw := to.NewEncodedObject()
	if err := o.Encode(raw); err != nil {
		return plumbing.ZeroHash, err
	}
	return to.SetEncodedObject(raw)
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
}

func moved(text string) error {
	return &fault{kind: KindMoved, text: text, next: "try again from where the branch is now"}
}

// request is what a server is sent once it has listed its refs: the move, and the
// pack. The pack is not thin.
func (p push) request() ([]byte, error) {
	b := appendPacket(nil, p.old+" "+p.new+" "+p.ref+"\x00report-status agent="+agent)
	out := bytes.NewBuffer(append(b, flushPacket...))
	var hashes []plumbing.Hash
	for h := range p.objects.Objects {
		hashes = append(hashes, h)
	}
	_, err := packfile.NewEncoder(out, p.objects, false).Encode(hashes, 0)
	return out.Bytes(), err
}

// expects checks that the branch stands where the commit goes on from.
func (p push) expects(g *greeting) error {
	switch {
	case g.listing.hash != p.old:
		return moved("the branch has been pushed to")
	case !g.caps["report-status"]:
		return &fault{kind: KindUnsupported, text: "the server does not say what becomes of a push"}
	}
	return nil
}

// report reads what became of the push.
func (p push) report(in *packetReader) error {
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
			return pushRefused(strings.TrimPrefix(text, "ng "+p.ref+" "))
		}
	}
}

// pushRefused tells a branch that moved from one that takes no push.
func pushRefused(why string) error {
	for _, sign := range []string{"fetch first", "non-fast-forward", "stale info", "failed to update ref", "cannot lock ref", "incorrect old value", "failed to lock"} {
		if strings.Contains(why, sign) {
			return moved("the server says: " + printable(why))
		}
	}
	return &fault{kind: KindDenied, text: "the server refused the push: " + printable(why), next: mayPush}
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
