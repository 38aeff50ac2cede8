//go:build unix

package gitsource

import (
	"io/fs"
	"syscall"
)

// fileID tells a file from one that took its place.
func fileID(info fs.FileInfo) any {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return [2]uint64{uint64(st.Dev), st.Ino} //nolint:unconvert // the type differs between systems
	}
	return nil
}
