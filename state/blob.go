package state

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"baryon/state/db"
)

// Pack turns files into the bytes of a blob: a zip archive that is the same
// for the same files and modes.
func Pack(files fs.FS) ([]byte, error) {
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		header := &zip.FileHeader{Name: path, Method: zip.Deflate}
		header.SetMode(info.Mode().Perm())
		w, err := z.CreateHeader(header)
		if err != nil {
			return err
		}
		f, err := files.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(w, f)
		return err
	})
	if err == nil {
		err = z.Close()
	}
	return buf.Bytes(), err
}

// PutFiles keeps files as a blob and returns its digest.
func (tx *Tx) PutFiles(files fs.FS) (string, error) {
	data, err := Pack(files)
	if err != nil {
		return "", fmt.Errorf("pack files: %w", err)
	}
	return tx.PutBlob(data)
}

// PutBlob keeps bytes under their digest.
func (tx *Tx) PutBlob(data []byte) (string, error) {
	sum := sha256.Sum256(data)
	digest := "sha256:" + hex.EncodeToString(sum[:])
	return digest, tx.q.PutBlob(tx.ctx, db.PutBlobParams{Digest: digest, Data: data, Now: tx.now})
}

// Blob reads the bytes kept under a digest.
func (s *Store) Blob(ctx context.Context, digest string) ([]byte, error) {
	data, err := s.queries().Blob(ctx, digest)
	return data, notFound(err, "blob "+digest)
}

// Files opens the files kept under a digest. They never change, so they are
// remembered: asking again is cheap.
func (s *Store) Files(ctx context.Context, digest string) (fs.FS, error) {
	if files := s.bundles.get(digest); files != nil {
		return files, nil
	}
	data, err := s.Blob(ctx, digest)
	if err != nil {
		return nil, err
	}
	files, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("files %s: %w", digest, err)
	}
	s.bundles.put(digest, files)
	return files, nil
}

// bundleCache keeps the last opened bundles. It forgets all when full, which
// is enough: what is in use comes back at once.
type bundleCache struct {
	mu    sync.Mutex
	files map[string]fs.FS
}

const bundleCacheSize = 128

func (c *bundleCache) get(digest string) fs.FS {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.files[digest]
}

func (c *bundleCache) put(digest string, files fs.FS) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.files == nil || len(c.files) >= bundleCacheSize {
		c.files = make(map[string]fs.FS)
	}
	c.files[digest] = files
}
