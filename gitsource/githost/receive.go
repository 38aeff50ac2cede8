package githost

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/revlist"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"go.uber.org/zap"
)

// command moves one ref from what the client believes it to be to something else.
type command struct {
	ref      plumbing.ReferenceName
	old, new plumbing.Hash
}

// receive answers a push.
func (h *Host) receive(w http.ResponseWriter, r *http.Request, name string, st *filesystem.Storage) {
	in, ok := body(w, r, receivePack, h.cfg.MaxPush)
	if !ok {
		return
	}
	buffered := bufio.NewReaderSize(in, 64<<10)
	commands, err := readCommands(buffered)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/x-git-receive-pack-result")
	if len(commands) == 0 {
		return // git asks like this whether it may push at all, before a large one
	}
	pack, err := spool(buffered)
	if err != nil {
		h.failed(name, receivePack, err)
		http.Error(w, "the push could not be read to its end", http.StatusBadRequest)
		return
	}
	defer os.Remove(pack.Name())
	defer pack.Close()
	l := h.of(name)
	l.write.Lock()
	unpackErr := unpack(st, pack, commands)
	refused := map[plumbing.ReferenceName]string{}
	moved := 0
	for _, c := range commands {
		reason := "unpacker error"
		if unpackErr == nil {
			reason = apply(st, l, c)
		}
		if reason != "" {
			refused[c.ref] = reason
			continue
		}
		moved++
		h.cfg.Log.Info("ref moved", zap.String("repo", name), zap.String("ref", c.ref.String()), zap.String("commit", c.new.String()))
	}
	l.write.Unlock()
	if unpackErr != nil {
		h.failed(name, receivePack, unpackErr)
	}
	if moved > 0 {
		h.cfg.OnPush(name)
	}
	if err := report(w, commands, unpackErr, refused); err != nil {
		h.failed(name, receivePack, err)
	}
}

// readCommands reads the head of a push, up to the flush before the pack.
func readCommands(in io.Reader) ([]command, error) {
	var out []command
	lines := pktline.NewScanner(in)
	for lines.Scan() {
		line, _, _ := bytes.Cut(bytes.TrimSuffix(lines.Bytes(), []byte("\n")), []byte{0})
		if len(line) == 0 {
			return out, nil
		}
		fields := strings.Split(string(line), " ")
		if len(fields) != 3 || !plumbing.IsHash(fields[0]) || !plumbing.IsHash(fields[1]) || len(out) >= 10_000 {
			return nil, errors.New("the request is no push")
		}
		out = append(out, command{plumbing.ReferenceName(fields[2]), plumbing.NewHash(fields[0]), plumbing.NewHash(fields[1])})
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	return nil, errors.New("the request ends early")
}

// spool takes a push from the network before anybody has to wait for it.
func spool(in io.Reader) (*os.File, error) {
	f, err := os.CreateTemp("", "push-*.pack")
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(f, in)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	return f, nil
}

// unpack stores the pack of a push. Pushes that only delete come without one; a
// push of what is there already comes with an empty one.
func unpack(st *filesystem.Storage, pack io.ReaderAt, commands []command) error {
	deletes := true
	for _, c := range commands {
		deletes = deletes && c.new.IsZero()
	}
	head := make([]byte, 12)
	n, err := pack.ReadAt(head, 0)
	switch {
	case n == 0 && deletes:
		return nil
	case err != nil:
		return fmt.Errorf("no pack: %w", err)
	case bytes.Equal(head[4:], []byte("\x00\x00\x00\x02\x00\x00\x00\x00")):
		return nil
	}
	if err := packfile.UpdateObjectStorage(st, io.NewSectionReader(pack, 0, 1<<62)); err != nil {
		sweep(st)
		return err
	}
	return nil
}

// sweep removes what a failed push left among the packs. The caller holds the
// repository's lock, so nothing there is being written.
func sweep(st *filesystem.Storage) {
	dir := filepath.Join("objects", "pack")
	files, err := st.Filesystem().ReadDir(dir)
	if err != nil {
		return
	}
	for _, f := range files {
		if strings.HasPrefix(f.Name(), "tmp_") {
			_ = st.Filesystem().Remove(filepath.Join(dir, f.Name())) // it only takes room
		}
	}
}

// apply moves one ref. It returns why not, in git's own words where git has them.
func apply(st *filesystem.Storage, l *locks, c command) string {
	name := c.ref.String()
	if c.ref.Validate() != nil || !(strings.HasPrefix(name, "refs/heads/") || strings.HasPrefix(name, "refs/tags/")) {
		return "funny refname"
	}
	now := plumbing.ZeroHash
	if ref, err := st.Reference(c.ref); err == nil {
		now = ref.Hash()
	}
	switch {
	case now != c.old:
		return "fetch first"
	case c.new.IsZero() && name == headTarget(st):
		return "deletion of the current branch prohibited"
	case c.new.IsZero():
		return reason(l.remove(st, c.ref))
	}
	if strings.HasPrefix(name, "refs/heads/") {
		if _, err := object.GetCommit(st, c.new); err != nil {
			return "a branch must point at a commit"
		}
	}
	if err := connected(st, c.new); err != nil {
		return "missing necessary objects"
	}
	return reason(l.set(st, c.ref, c.new))
}

// set moves a ref in one step for whoever reads the folder, with git or without;
// go-git would write over the file that is there.
func (l *locks) set(st *filesystem.Storage, ref plumbing.ReferenceName, to plumbing.Hash) error {
	files := st.Filesystem()
	f, err := files.TempFile("", "ref-")
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, to.String()+"\n")
	if err = errors.Join(err, f.Close()); err == nil {
		l.refs.Lock()
		defer l.refs.Unlock()
		err = files.Rename(f.Name(), ref.String())
	}
	if err != nil {
		return errors.Join(err, files.Remove(f.Name()))
	}
	return nil
}

// remove deletes a ref and the folders that it leaves empty, which would stand in
// the way of a branch with their name.
func (l *locks) remove(st *filesystem.Storage, ref plumbing.ReferenceName) error {
	l.refs.Lock()
	defer l.refs.Unlock()
	if err := st.RemoveReference(ref); err != nil {
		return err
	}
	for dir := path.Dir(ref.String()); strings.Count(dir, "/") > 1; dir = path.Dir(dir) {
		if st.Filesystem().Remove(dir) != nil {
			break // not empty
		}
	}
	return nil
}

// connected tells whether everything a commit needs is there, down to what the
// refs reach already.
func connected(st *filesystem.Storage, commit plumbing.Hash) error {
	tips, err := tips(st)
	if err != nil {
		return err
	}
	var there []plumbing.Hash
	for _, hash := range tips {
		there = append(there, hash)
	}
	known, err := revlist.Objects(st, there, nil)
	if err != nil {
		return err
	}
	_, err = revlist.Objects(st, []plumbing.Hash{commit}, known)
	return err
}

func reason(err error) string {
	if err != nil {
		return "failed to update ref"
	}
	return ""
}

// report tells the client what became of each ref.
func report(w io.Writer, commands []command, unpackErr error, refused map[plumbing.ReferenceName]string) error {
	e := pktline.NewEncoder(w)
	state := "ok"
	if unpackErr != nil {
		state = "the pack cannot be read"
	}
	if err := e.Encodef("unpack %s\n", state); err != nil {
		return err
	}
	for _, c := range commands {
		line := "ok " + c.ref.String()
		if why, ok := refused[c.ref]; ok {
			line = "ng " + c.ref.String() + " " + why
		}
		if err := e.EncodeString(line + "\n"); err != nil {
			return err
		}
	}
	return e.Flush()
}
