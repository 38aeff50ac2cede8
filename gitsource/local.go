package gitsource

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// gitDir finds the Git directory of a local repository: the path itself when it
// is bare, its .git folder, or where a .git file points (a linked work tree or a
// submodule). common holds the objects and refs.
func gitDir(path string) (dir, common string, err error) {
	if _, err := os.Stat(path); err != nil {
		kind := KindNotFound
		if !errors.Is(err, fs.ErrNotExist) {
			kind = KindDenied
		}
		return "", "", &fault{kind: kind, err: err, next: "check the path, and that the daemon's user may read it"}
	}
	dir = filepath.Join(path, ".git")
	info, err := os.Stat(dir)
	switch {
	case err == nil && !info.IsDir():
		if dir, err = followGitFile(path, dir); err != nil {
			return "", "", err
		}
	case err != nil:
		dir = path
	}
	common = dir
	if data, err := os.ReadFile(filepath.Join(dir, "commondir")); err == nil {
		common = strings.TrimSpace(string(data))
		if !filepath.IsAbs(common) {
			common = filepath.Join(dir, common)
		}
	}
	for _, part := range []string{filepath.Join(dir, "HEAD"), filepath.Join(common, "objects")} {
		if _, err := os.Stat(part); err != nil {
			return "", "", &fault{kind: KindNotFound, text: "the path is not a Git repository", err: err,
				next: "give the folder that holds .git, or a bare repository"}
		}
	}
	return dir, common, nil
}

func followGitFile(path, file string) (string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", &fault{kind: KindDenied, err: err}
	}
	dir, ok := strings.CutPrefix(strings.TrimSpace(string(data)), "gitdir: ")
	if !ok {
		return "", &fault{kind: KindNotFound, text: "the .git file does not say where the repository is"}
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(path, dir)
	}
	return dir, nil
}

// localTransport reads a repository where it lies: no server, no git binary, no
// mirror.
type localTransport struct{ pool *pool }

func (l *localTransport) open(t target) (*store, error) {
	dir, common, err := gitDir(t.addr.path)
	if err != nil {
		return nil, err
	}
	return l.pool.store(dir, common, false), nil
}

// list reads the wanted ref, loose or packed.
func (l *localTransport) list(_ context.Context, t target, ref string) (listing, error) {
	s, err := l.open(t)
	if err != nil {
		return listing{}, err
	}
	var out listing
	err = s.use(func(st *filesystem.Storage) error {
		out = listing{}
		r, err := storer.ResolveReference(st, plumbing.ReferenceName(ref))
		if err == nil {
			out.hash, err = s.peelLocked(r.Hash())
			out.exists = true
			return err
		}
		if !errors.Is(err, plumbing.ErrReferenceNotFound) {
			return &fault{kind: KindCorrupt, text: fmt.Sprintf("the ref %s cannot be read", ref), err: err}
		}
		if head, err := st.Reference(plumbing.HEAD); err == nil && head.Type() == plumbing.SymbolicReference {
			out.head = head.Target().String()
		}
		refs, err := st.IterReferences()
		if err != nil {
			return &fault{kind: KindCorrupt, text: "the refs cannot be read", err: err}
		}
		defer refs.Close()
		return refs.ForEach(func(r *plumbing.Reference) error {
			out.exists = out.exists || r.Type() == plumbing.HashReference
			return nil
		})
	})
	return out, err
}

// peelLocked follows annotated tags down to what they are about.
func (s *store) peelLocked(h plumbing.Hash) (string, error) {
	for range 10 {
		o, err := s.findLocked(plumbing.AnyObject, h, 0)
		if err != nil {
			return "", err
		}
		if o.Type() != plumbing.TagObject {
			return h.String(), nil
		}
		var tag object.Tag
		if err := tag.Decode(o); err != nil {
			return "", err
		}
		h = tag.Target
	}
	return "", &fault{kind: KindCorrupt, text: "tags of tags nest more than ten deep"}
}
