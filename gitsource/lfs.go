package gitsource

import (
	"bytes"
	"strconv"
)

// LFSPointer tells whether a file's content is a Git LFS pointer, and of how many
// bytes the real file is. The content itself is not in the repository: whoever
// needs it can only say so.
func LFSPointer(content []byte) (size int64, ok bool) {
	if len(content) > 1024 || !bytes.HasPrefix(content, []byte("version https://git-lfs.github.com/spec/")) {
		return 0, false
	}
	for line := range bytes.Lines(content) {
		if value, found := bytes.CutPrefix(line, []byte("size ")); found {
			n, err := strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64)
			return n, err == nil && n >= 0
		}
	}
	return 0, false
}
