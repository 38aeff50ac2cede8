package gitsource

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"
)

// A Difference is a file that is not the same in two commits: added, removed, written
// anew, or with another mode.
type Difference struct {
	Path          string
	Before, After string // what Tree.Hash says of it; empty where it is not there
	// Odd is set when it is, or was, no regular file: a link, a submodule, or an
	// entry that a Tree leaves out because of its name.
	Odd bool
}

// Differences lists what differs below Repo.Path between two commits, by path. Folders
// that are the same are not looked into, so its cost is that of the difference.
// Nothing is listed, and whole is false, when there are more than most, or
// when the repository does not have the older commit any more.
func (c *Client) Differences(ctx context.Context, r Repo, older, newer string, most int) (found []Difference, whole bool, err error) {
	s, err := c.at(ctx, r, newer)
	if err != nil {
		return nil, false, failure("fetch", r, err)
	}
	if ok, err := s.has(older); err != nil || !ok || len(older) != 40 {
		return nil, false, failure("read", r, err)
	}
	d := &differ{ctx: ctx, most: most}
	for _, side := range []struct {
		commit string
		tree   **Tree
	}{{older, &d.before}, {newer, &d.after}} {
		if *side.tree, err = openTree(s, side.commit, c.cfg.MaxFile); err != nil {
			return nil, false, failure("read", r, err)
		}
	}
	root := path.Clean(strings.Trim(r.Path, "/"))
	before, after, err := d.roots(root)
	if err == nil {
		err = d.folders(".", before, after)
	}
	if errors.Is(err, errMany) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, failure("read", r, err)
	}
	slices.SortFunc(d.found, func(a, b Difference) int { return strings.Compare(a.Path, b.Path) })
	return d.found, true, nil
}

var errMany = errors.New("more changes than are wanted")

// differ compares two trees.
type differ struct {
	ctx           context.Context //nolint:containedctx // of the one comparison
	before, after *Tree
	most          int
	found         []Difference
}

// roots are the folders that are compared; a commit without one has another
// layout, which is more than a change.
func (d *differ) roots(root string) (before, after entry, err error) {
	if before, err = d.before.find("read", root); err == nil {
		after, err = d.after.find("read", root)
	}
	if err != nil || !before.folder() || !after.folder() {
		return before, after, errMany
	}
	return before, after, nil
}

// folders compares two folders, the empty entry standing for none.
func (d *differ) folders(dir string, before, after entry) error {
	if err := d.ctx.Err(); err != nil {
		return err
	}
	old, err := d.list(d.before, before)
	if err != nil {
		return err
	}
	now, err := d.list(d.after, after)
	if err != nil {
		return err
	}
	for i, j := 0, 0; i < len(old) || j < len(now); {
		var a, b entry
		switch {
		case j == len(now) || i < len(old) && old[i].name < now[j].name:
			a, i = old[i], i+1
		case i == len(old) || now[j].name < old[i].name:
			b, j = now[j], j+1
		default:
			a, b, i, j = old[i], now[j], i+1, j+1
		}
		if a.hash == b.hash && a.mode == b.mode {
			continue
		}
		if err := d.entries(dir, a, b); err != nil {
			return err
		}
	}
	return nil
}

func (d *differ) list(t *Tree, e entry) ([]entry, error) {
	if !e.folder() {
		return nil, nil
	}
	return t.folder(e.hash)
}

// entries records what became of one name.
func (d *differ) entries(dir string, a, b entry) error {
	name := path.Join(dir, a.name)
	if a.name == "" {
		name = path.Join(dir, b.name)
	}
	odd := strange(a) || strange(b)
	if (a.folder() || b.folder()) && !odd {
		if err := d.folders(name, a, b); err != nil {
			return err
		}
	}
	if !odd && (a.folder() || a.name == "") && (b.folder() || b.name == "") {
		return nil
	}
	if len(d.found) == d.most {
		return errMany
	}
	c := Difference{Path: name, Odd: odd}
	if !odd && !a.folder() {
		c.Before = a.hash
	}
	if !odd && !b.folder() {
		c.After = b.hash
	}
	d.found = append(d.found, c)
	return nil
}

func strange(e entry) bool {
	return e.name != "" && (e.rule != "" || !e.folder() && e.mode&modeTypes != modeFile)
}
