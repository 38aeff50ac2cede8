package declare

import (
	"fmt"

	"baryon/renderer"
	"baryon/state"
)

// claimed is one claim to a name with the file that makes it.
type claimed struct {
	Claim

	file *File
	doc  *Document // nil for a broken one
}

// settleDocuments decides which documents are in force: each name has one
// owner. It needs the files sorted by path.
func (r *reader) settleDocuments() error {
	claims := make(map[state.Ref][]claimed, len(r.out.Files))
	for i := range r.out.Files {
		f := &r.out.Files[i]
		for j := range f.Documents {
			d := &f.Documents[j]
			claims[d.Ref] = append(claims[d.Ref], claimed{d.claim(), f, d})
		}
		for _, c := range f.Broken {
			claims[c.Ref] = append(claims[c.Ref], claimed{c, f, nil})
		}
	}
	owners := make(map[state.Ref]claimed, len(claims))
	for ref, all := range claims {
		owner := ownerOf(all, r.options.Owners[ref])
		owners[ref] = owner
		for _, c := range all {
			if c.file == owner.file && c.Position == owner.Position {
				continue
			}
			next := "remove one of the two, or write adopt: true in the header of the one that is to count"
			at := &renderer.Node{File: c.file.Path, Line: c.Line, Column: c.Column}
			c.file.Conflicts = append(c.file.Conflicts, claimedAt(ref, owner.In(owner.file.Path), next, at))
		}
	}
	return r.inForce(owners)
}

// ownerOf picks the claim that counts: the one of the file that owned the name
// so far, unless another says adopt; else the first that says adopt; else the
// first by path and line.
func ownerOf(all []claimed, path string) claimed {
	first := all[0]
	var current, adopts *claimed
	for i := range all {
		c := &all[i]
		if c.file == first.file && c.before(first.Position) {
			first = *c
		}
		switch {
		case path != "" && c.file.Path == path:
			if current == nil || c.before(current.Position) {
				current = c
			}
		case c.Adopt && adopts == nil:
			adopts = c
		}
	}
	switch {
	case current != nil && (adopts == nil || current.Adopt):
		return *current
	case adopts != nil:
		return *adopts
	}
	return first
}

// inForce lists the documents that are good, own their name, and have what they
// need elsewhere in the tree.
func (r *reader) inForce(owners map[state.Ref]claimed) error {
	r.out.Documents = make([]Document, 0, len(owners))
	for i := range r.out.Files {
		f := &r.out.Files[i]
		for _, c := range f.Broken {
			if owner := owners[c.Ref]; owner.file != f {
				continue
			}
			f.Held = append(f.Held, c.Ref)
		}
		for j, d := range f.Documents {
			if owners[d.Ref].doc != &f.Documents[j] {
				continue
			}
			if d.Ref.Kind == state.KindComponent {
				problem, err := r.filesOf(d)
				if err != nil {
					return fmt.Errorf("%s: %w", d.Position.In(d.Path), err)
				}
				if problem != nil {
					f.Conflicts = append(f.Conflicts, *problem)
					f.Held = append(f.Held, d.Ref)
					continue
				}
			}
			r.out.Documents = append(r.out.Documents, d)
		}
	}
	return nil
}
