package gitsource

import (
	"context"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// Commit is what is told about a commit.
type Commit struct {
	Hash, Author, Email string
	// Subject is the first line of the message.
	Subject string
	// Time is when it was committed.
	Time time.Time
}

// Commit describes a commit, fetching it when the mirror does not have it.
func (c *Client) Commit(ctx context.Context, r Repo, commit string) (Commit, error) {
	s, err := c.at(ctx, r, commit)
	if err != nil {
		return Commit{}, failure("fetch", r, err)
	}
	o, err := s.commit(commit)
	if err != nil {
		return Commit{}, failure("read", r, err)
	}
	subject, _, _ := strings.Cut(strings.TrimLeft(o.Message, "\r\n"), "\n")
	return Commit{
		Hash: commit, Author: printable(o.Author.Name), Email: printable(o.Author.Email),
		Subject: printable(subject), Time: o.Committer.When.UTC(),
	}, nil
}

func (s *store) commit(hash string) (*object.Commit, error) {
	var c object.Commit
	err := s.use(func(*filesystem.Storage) error {
		o, err := s.findLocked(plumbing.CommitObject, plumbing.NewHash(hash), maxTree)
		if err != nil {
			return err
		}
		return c.Decode(o)
	})
	if err != nil {
		return nil, &fault{kind: KindCorrupt, text: "commit " + hash + " cannot be read", err: err}
	}
	return &c, nil
}

// Descends tells whether commit next has commit old among its ancestors or is the
// same. It is false for a branch that was rewound or replaced, and when old is not
// in the repository any more.
func (c *Client) Descends(ctx context.Context, r Repo, old, next string) (bool, error) {
	s, err := c.at(ctx, r, next)
	if err != nil {
		return false, failure("fetch", r, err)
	}
	if ok, err := s.has(old); err != nil || !ok || len(old) != 40 {
		return false, failure("read", r, err)
	}
	ok, err := s.descends(ctx, plumbing.NewHash(old), plumbing.NewHash(next))
	return ok, failure("read", r, err)
}

// borrowing is a storage that finds objects in alternates too. It is used with
// the store locked.
type borrowing struct {
	*filesystem.Storage
	store *store
}

func (b borrowing) EncodedObject(kind plumbing.ObjectType, h plumbing.Hash) (plumbing.EncodedObject, error) {
	return b.store.findLocked(kind, h, 0)
}

// descends walks back from next, newest commit first, so that an ancestor nearby
// is found early. The history of a shallow repository ends where it is cut.
func (s *store) descends(ctx context.Context, old, next plumbing.Hash) (bool, error) {
	if old == next {
		return true, nil
	}
	var found bool
	err := s.use(func(st *filesystem.Storage) error {
		tip, err := object.GetCommit(borrowing{st, s}, next)
		if err != nil {
			return err
		}
		return object.NewCommitIterCTime(tip, nil, nil).ForEach(func(c *object.Commit) error {
			if c.Hash == old {
				found = true
				return storer.ErrStop
			}
			return ctx.Err()
		})
	})
	if missing(err) {
		return false, nil
	}
	return found, err
}
