package githost

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/revlist"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// maxQuestion bounds what a client may ask in one request: some 200,000 haves.
const maxQuestion = 10 << 20

// question is one request to fetch. Over HTTP each stands for itself: a client
// repeats its wants until it is done.
type question struct {
	wants  []plumbing.Hash
	caps   map[string]bool
	rounds [][]plumbing.Hash // haves, a flush between the rounds
	done   bool
}

// upload answers a fetch.
func (h *Host) upload(w http.ResponseWriter, r *http.Request, name string, st *filesystem.Storage) {
	in, ok := body(w, r, uploadPack, maxQuestion)
	if !ok {
		return
	}
	q, err := readQuestion(in)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
	if len(q.wants) == 0 {
		return
	}
	for _, want := range q.wants {
		if _, err := object.GetObject(st, want); err != nil {
			err = pktline.NewEncoder(w).Encodef("ERR upload-pack: not our ref %s\n", want)
			if err != nil {
				h.failed(name, uploadPack, err)
			}
			return
		}
	}
	if err := answer(w, st, q); err != nil {
		h.failed(name, uploadPack, err)
	}
}

// readQuestion reads a request to fetch as git writes it before protocol v2.
func readQuestion(in io.Reader) (*question, error) {
	q := &question{caps: map[string]bool{}}
	lines := pktline.NewScanner(in)
	var round []plumbing.Hash
	wanting := true
	for lines.Scan() {
		line := string(bytes.TrimSuffix(lines.Bytes(), []byte("\n")))
		verb, rest, _ := strings.Cut(line, " ")
		switch {
		case line == "":
			if !wanting {
				q.rounds, round = append(q.rounds, round), nil
			}
			wanting = false
		case verb == "want" && wanting && len(rest) >= 40:
			q.wants = append(q.wants, plumbing.NewHash(rest[:40]))
			for c := range strings.FieldsSeq(rest[40:]) {
				q.caps[c] = true
			}
		case verb == "have" && len(rest) == 40:
			round = append(round, plumbing.NewHash(rest))
		case line == "done":
			q.done, q.rounds = true, append(q.rounds, round)
			return q, nil
		case verb == "shallow" || verb == "deepen" || verb == "filter":
			return nil, errors.New("this server hands out whole histories only")
		default:
			return nil, errors.New("the request is no fetch of protocol version 0")
		}
	}
	return q, lines.Err()
}

// answer acknowledges what both sides have and, once the client is done, sends the
// pack.
func answer(w io.Writer, st *filesystem.Storage, q *question) error {
	e := pktline.NewEncoder(w)
	detailed := q.caps["multi_ack_detailed"]
	var common []plumbing.Hash
	for i, round := range q.rounds {
		for _, have := range round {
			if st.HasEncodedObject(have) != nil {
				continue
			}
			common = append(common, have)
			var err error
			switch {
			case detailed:
				err = e.Encodef("ACK %s common\n", have)
			case len(common) == 1:
				err = e.Encodef("ACK %s\n", have)
			}
			if err != nil {
				return err
			}
		}
		last := q.done && i == len(q.rounds)-1
		if !last && (detailed || len(common) == 0) {
			if err := e.EncodeString("NAK\n"); err != nil {
				return err
			}
		}
	}
	switch {
	case !q.done:
		return nil
	case len(common) == 0:
		if err := e.EncodeString("NAK\n"); err != nil {
			return err
		}
	case detailed:
		if err := e.Encodef("ACK %s\n", common[len(common)-1]); err != nil {
			return err
		}
	}
	return send(w, st, q, common)
}

// send writes the pack. No deltas are searched for: on loopback their bytes cost
// less than the search.
func send(w io.Writer, st *filesystem.Storage, q *question, common []plumbing.Hash) error {
	theirs, err := revlist.Objects(st, common, nil)
	if err != nil {
		return fmt.Errorf("list what the client has: %w", err)
	}
	objects, err := revlist.Objects(st, q.wants, theirs)
	if err != nil {
		return fmt.Errorf("list what to send: %w", err)
	}
	if !q.caps["side-band-64k"] {
		_, err = packfile.NewEncoder(w, st, false).Encode(objects, 0)
		return err
	}
	band := &bandWriter{w: w}
	if _, err = packfile.NewEncoder(band, st, false).Encode(objects, 0); err == nil {
		err = band.flush()
	}
	e := pktline.NewEncoder(w)
	if err != nil {
		return errors.Join(err, e.EncodeString("\x03the pack could not be made\n"), e.Flush())
	}
	return e.Flush()
}

// bandWriter frames a pack for the side band, in packets as large as allowed.
type bandWriter struct {
	w    io.Writer
	data []byte
}

const bandSize = 65515

func (b *bandWriter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		take := min(len(p), bandSize-len(b.data))
		b.data, p = append(b.data, p[:take]...), p[take:]
		if len(b.data) == bandSize {
			if err := b.flush(); err != nil {
				return 0, err
			}
		}
	}
	return n, nil
}

func (b *bandWriter) flush() error {
	if len(b.data) == 0 {
		return nil
	}
	_, err := fmt.Fprintf(b.w, "%04x\x01%s", len(b.data)+5, b.data)
	b.data = b.data[:0]
	return err
}
