package disk_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"baryon/gitsource/disk"
)

// TestListsWhileFilesComeAndGo lists a folder in which another writes and renames.
func TestListsWhileFilesComeAndGo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	packs := filepath.Join(dir, "objects", "pack")
	if err := os.MkdirAll(packs, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(packs, "pack-1.pack"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for _, name := range []string{"tmp_a", "tmp_b", "tmp_c", "tmp_d"} {
		writers.Go(func() {
			name := filepath.Join(packs, name)
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := os.WriteFile(name, nil, 0o600); err != nil {
					t.Error(err)
				}
				if err := os.Remove(name); err != nil {
					t.Error(err)
				}
			}
		})
	}
	f := disk.Open(dir)
	for range 3000 {
		infos, err := f.ReadDir("objects/pack")
		if err != nil || len(infos) == 0 || infos[0].Name() != "pack-1.pack" {
			t.Errorf("listed %v, %v", infos, err)
			break
		}
	}
	close(stop)
	writers.Wait()
}

func TestStaysInside(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "inside"), 0o755); err != nil {
		t.Fatal(err)
	}
	f := disk.Open(filepath.Join(dir, "inside"))
	if infos, err := f.ReadDir("../"); err != nil || len(infos) != 0 {
		t.Errorf("listed %v, %v from outside", infos, err)
	}
	if _, err := f.ReadDir("missing"); !os.IsNotExist(err) {
		t.Errorf("a folder that is not there: %v", err)
	}
}
