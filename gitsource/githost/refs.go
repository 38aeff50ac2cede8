package githost

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// What each service can do. no-thin is not a wish: a thin pack leaves out objects
// that go-git then cannot find, and git sends thin packs unless told not to.
const (
	uploadCaps  = "multi_ack_detailed side-band-64k ofs-delta no-progress allow-tip-sha1-in-want allow-reachable-sha1-in-want object-format=sha1 agent=baryon"
	receiveCaps = "report-status delete-refs ofs-delta no-thin object-format=sha1 agent=baryon"
)

// refs lists every ref, in the form before protocol v2 that each client knows.
func (h *Host) refs(w http.ResponseWriter, r *http.Request, name string, st *filesystem.Storage) {
	service := r.URL.Query().Get("service")
	caps, ok := map[string]string{uploadPack: uploadCaps, receivePack: receiveCaps}[service]
	switch {
	case r.Method != http.MethodGet:
		w.Header().Set("Allow", http.MethodGet)
		http.Error(w, "a GET is expected", http.StatusMethodNotAllowed)
		return
	case !ok:
		http.Error(w, "the dumb HTTP protocol is not served; use a newer git", http.StatusForbidden)
		return
	}
	lines, err := h.advertise(name, st, service == uploadPack)
	if err != nil {
		h.failed(name, service, err)
		http.Error(w, "the refs cannot be read", http.StatusInternalServerError)
		return
	}
	if target := headTarget(st); target != "" && service == uploadPack {
		caps += " symref=HEAD:" + target
	}
	if len(lines) == 0 {
		lines = []string{plumbing.ZeroHash.String() + " capabilities^{}"}
	}
	w.Header().Set("Content-Type", "application/x-"+service+"-advertisement")
	e := pktline.NewEncoder(w)
	err = e.Encodef("# service=%s\n", service)
	if err == nil {
		err = e.Flush()
	}
	for i, line := range lines {
		if i == 0 {
			line += "\x00" + caps
		}
		if err == nil {
			err = e.EncodeString(line + "\n")
		}
	}
	if err == nil {
		err = e.Flush()
	}
	if err != nil {
		h.failed(name, service, err)
	}
}

// advertise returns the lines of the list of refs, HEAD first when it is wanted
// and points at something.
func (h *Host) advertise(name string, st *filesystem.Storage, head bool) ([]string, error) {
	l := h.of(name)
	l.refs.RLock()
	tips, err := tips(st)
	l.refs.RUnlock()
	if err != nil {
		return nil, err
	}
	var lines []string
	for name, hash := range tips {
		lines = append(lines, hash.String()+" "+name.String())
		if tag, err := object.GetTag(st, hash); err == nil {
			lines = append(lines, tag.Target.String()+" "+name.String()+"^{}")
		}
	}
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[41:], b[41:]) })
	if at, ok := tips[plumbing.ReferenceName(headTarget(st))]; ok && head {
		lines = slices.Insert(lines, 0, at.String()+" HEAD")
	}
	return lines, nil
}

// tips returns where every branch and tag stands.
func tips(st storer.ReferenceStorer) (map[plumbing.ReferenceName]plumbing.Hash, error) {
	iter, err := st.IterReferences()
	if err != nil {
		return nil, fmt.Errorf("list refs: %w", err)
	}
	defer iter.Close()
	out := map[plumbing.ReferenceName]plumbing.Hash{}
	err = iter.ForEach(func(r *plumbing.Reference) error {
		if r.Type() == plumbing.HashReference && strings.HasPrefix(r.Name().String(), "refs/") {
			out[r.Name()] = r.Hash()
		}
		return nil
	})
	return out, err
}

// headTarget is the ref that HEAD means, or "".
func headTarget(st storer.ReferenceStorer) string {
	head, err := st.Reference(plumbing.HEAD)
	if err != nil || head.Type() != plumbing.SymbolicReference {
		return ""
	}
	return head.Target().String()
}
