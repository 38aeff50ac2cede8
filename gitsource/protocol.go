package gitsource

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

const (
	agent = "baryon"
	// listBudget bounds a list of refs: 64 MiB are about a million of them.
	listBudget = 64 << 20
	// chatterBudget bounds acknowledgements and progress beside a pack.
	chatterBudget = 16 << 20
)

// listing is what a server says about one wanted ref.
type listing struct {
	hash   string // where the ref stands, tags peeled; empty when it does not exist
	head   string // the ref HEAD points at, when the server tells
	exists bool   // the repository has at least one ref
}

// note takes one ref into account.
func (l *listing) note(want, name, hash, target string) {
	l.exists = true
	if name == "HEAD" && target != "" {
		l.head = target
	}
	if name == want {
		l.hash = hash
	}
}

// lsRefs is the protocol-v2 command that lists refs starting with one of the
// prefixes, HEAD always among them.
func lsRefs(prefixes ...string) []byte {
	b := appendPacket(nil, "command=ls-refs\n")
	b = appendPacket(b, "agent="+agent+"\n")
	b = append(b, delimPacket...)
	b = appendPacket(b, "peel\n")
	b = appendPacket(b, "symrefs\n")
	b = appendPacket(b, "ref-prefix HEAD\n")
	for _, p := range prefixes {
		b = appendPacket(b, "ref-prefix "+p+"\n")
	}
	return append(b, flushPacket...)
}

// readLsRefs reads the answer of lsRefs up to its flush.
func readLsRefs(p *packetReader, want string) (listing, error) {
	var l listing
	for {
		line, kind, err := p.next()
		if err != nil {
			return listing{}, err
		}
		if kind == packetFlush {
			return l, nil
		}
		if kind != packetData {
			return listing{}, &fault{kind: KindCorrupt, text: "an unexpected delimiter in the list of refs"}
		}
		fields := strings.Split(string(line), " ")
		if len(fields) < 2 {
			return listing{}, &fault{kind: KindCorrupt, text: fmt.Sprintf("no ref in %q", printable(string(line)))}
		}
		hash, target := fields[0], ""
		for _, f := range fields[2:] {
			if v, ok := strings.CutPrefix(f, "symref-target:"); ok {
				target = v
			}
			if v, ok := strings.CutPrefix(f, "peeled:"); ok {
				hash = v
			}
		}
		if hash == "unborn" {
			l.head = target
			continue
		}
		if err := checkHash(hash); err != nil {
			return listing{}, err
		}
		l.note(want, fields[1], hash, target)
	}
}

// checkHash accepts the 40 lower-case hex digits of a SHA-1 object name.
func checkHash(hash string) error {
	if len(hash) == 64 && isHex(hash) {
		return errSHA256()
	}
	if len(hash) != 40 || !isHex(hash) {
		return &fault{kind: KindCorrupt, text: fmt.Sprintf("%q is no object name", printable(hash))}
	}
	return nil
}

func errSHA256() error {
	return &fault{kind: KindUnsupported, text: "the repository names its objects by SHA-256",
		next: "use a repository with SHA-1 object names (git init --object-format=sha1)"}
}

func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// greeting is the first thing a server says: the capabilities of protocol v2, or
// the whole list of refs of its predecessors.
type greeting struct {
	version int
	caps    map[string]bool
	listing listing         // before v2
	tips    map[string]bool // before v2: which of the wanted commits are advertised
}

// readGreeting reads a server's first words. Before protocol v2 they hold every
// ref; only what concerns the wanted ref and commit is kept.
func readGreeting(p *packetReader, ref, commit string) (*greeting, error) {
	g := &greeting{caps: map[string]bool{}, tips: map[string]bool{}}
	for first := true; ; {
		line, kind, err := p.next()
		if err != nil {
			return nil, err
		}
		if kind == packetFlush {
			break
		}
		text := string(line)
		if first && (text == "version 2" || text == "version 1") {
			g.version = int(text[len(text)-1] - '0')
			first = g.version == 1
			continue
		}
		if g.version == 2 {
			g.caps[text] = true
			continue
		}
		if first {
			refPart, caps, _ := strings.Cut(text, "\x00")
			for c := range strings.FieldsSeq(caps) {
				g.caps[c] = true
				if target, ok := strings.CutPrefix(c, "symref=HEAD:"); ok {
					g.listing.head = target
				}
			}
			text, first = refPart, false
		}
		if err := g.noteLine(text, ref, commit); err != nil {
			return nil, err
		}
	}
	if g.caps["object-format=sha256"] {
		return nil, errSHA256()
	}
	return g, nil
}

// noteLine takes one line of the list before v2.
func (g *greeting) noteLine(text, ref, commit string) error {
	hash, name, ok := strings.Cut(text, " ")
	if !ok {
		return &fault{kind: KindCorrupt, text: fmt.Sprintf("no ref in %q", printable(text))}
	}
	if hash == "shallow" {
		return nil
	}
	if err := checkHash(hash); err != nil {
		return err
	}
	if name == "capabilities^{}" {
		return nil
	}
	if peeled, ok := strings.CutSuffix(name, "^{}"); ok {
		name = peeled
	}
	g.listing.note(ref, name, hash, "")
	if hash == commit {
		g.tips[hash] = true
	}
	return nil
}

// fetchV2 asks for a pack with everything want needs beyond haves, in one round:
// a common ancestor that is not among the haves costs a larger pack, never a
// wrong one. Thin packs are not asked for, since go-git cannot index them.
func fetchV2(want string, haves []string) []byte {
	b := appendPacket(nil, "command=fetch\n")
	b = appendPacket(b, "agent="+agent+"\n")
	b = append(b, delimPacket...)
	b = appendPacket(b, "ofs-delta\n")
	b = appendPacket(b, "no-progress\n")
	b = appendPacket(b, "want "+want+"\n")
	for _, h := range haves {
		b = appendPacket(b, "have "+h+"\n")
	}
	b = appendPacket(b, "done\n")
	return append(b, flushPacket...)
}

// fetchV0 is the same question before protocol v2.
func fetchV0(g *greeting, want string, haves []string) []byte {
	caps := []string{"agent=" + agent}
	for _, c := range []string{"ofs-delta", "side-band-64k", "no-progress"} {
		if g.caps[c] {
			caps = append(caps, c)
		}
	}
	b := appendPacket(nil, "want "+want+" "+strings.Join(caps, " ")+"\n")
	b = append(b, flushPacket...)
	for _, h := range haves {
		b = appendPacket(b, "have "+h+"\n")
	}
	return appendPacket(b, "done\n")
}

// openPack returns the pack in the answer of fetchV2 or fetchV0.
func openPack(p *packetReader) (io.Reader, error) {
	for {
		// Before v2 and without side band the pack follows the last
		// acknowledgement with no frame around it.
		if head, err := p.r.Peek(4); err == nil && bytes.Equal(head, []byte("PACK")) {
			return p.r, nil
		}
		line, kind, err := p.raw()
		if err != nil {
			return nil, err
		}
		if kind != packetData {
			continue
		}
		p.budget -= int64(len(line)) + 4
		text := string(bytes.TrimSuffix(line, []byte("\n")))
		switch {
		case p.budget < 0:
			return nil, &fault{kind: KindTooLarge, text: "the server's answer has no pack within the limit"}
		case text == "packfile":
			return &sideband{p: p}, nil
		case text == "NAK", strings.HasPrefix(text, "ACK "), text == "acknowledgments", text == "ready":
		case strings.HasPrefix(text, "ERR "):
			return nil, serverSays(text[4:])
		case len(line) > 0 && line[0] <= 3:
			s := &sideband{p: p}
			if err := s.take(line); err != nil {
				return nil, err
			}
			return s, nil
		default:
			return nil, &fault{kind: KindCorrupt, text: fmt.Sprintf("a line that is no part of a fetch: %q", printable(text))}
		}
	}
}

// sideband reads the pack out of a multiplexed answer, keeps the beginning of what
// is said beside it and turns the error band into an error.
type sideband struct {
	p    *packetReader
	rest []byte
	done bool
	said []byte
}

// text is what was said beside the answer, as one printable line.
func (s *sideband) text() string {
	if s == nil {
		return ""
	}
	return printable(string(s.said))
}

func (s *sideband) Read(b []byte) (int, error) {
	for len(s.rest) == 0 {
		if s.done {
			return 0, io.EOF
		}
		line, kind, err := s.p.raw()
		if err != nil {
			return 0, err
		}
		if kind != packetData {
			s.done = true
			continue
		}
		if err := s.take(line); err != nil {
			return 0, err
		}
	}
	n := copy(b, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

func (s *sideband) take(line []byte) error {
	if len(line) == 0 {
		return nil
	}
	switch line[0] {
	case 1:
		s.rest = line[1:]
		return nil
	case 2:
		if s.p.budget -= int64(len(line)) + 4; s.p.budget < 0 {
			return &fault{kind: KindTooLarge, text: "the server sends progress without end"}
		}
		s.said = append(s.said, line[1:min(len(line), 1+max(0, 4096-len(s.said)))]...)
		return nil
	case 3:
		return serverSays(string(line[1:]))
	}
	return &fault{kind: KindCorrupt, text: fmt.Sprintf("band %d of a pack", line[0])}
}
