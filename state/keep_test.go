package state

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func appendLog(t *testing.T, s *Store, deployment string, begins int64, text string) {
	t.Helper()
	update(t, s, func(tx *Tx) error { return tx.AppendLog(deployment, begins, []byte(text)) })
}

func TestLog(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		appendLog(t, s, "d", 0, "hello ")
		for range 2 { // written twice, as after a crash
			appendLog(t, s, "d", 6, "world\x00\xff\n")
		}
		appendLog(t, s, "d", 14, "")
		appendLog(t, s, "d", 14, "end")
		appendLog(t, s, "other", 0, "not ours")
		for name, tt := range map[string]struct {
			deployment string
			from       int64
			want       []LogChunk
		}{
			"from the beginning": {"d", 0, []LogChunk{{0, []byte("hello ")}, {6, []byte("world\x00\xff\n")}, {14, []byte("end")}}},
			"from a border":      {"d", 6, []LogChunk{{6, []byte("world\x00\xff\n")}, {14, []byte("end")}}},
			"from the middle":    {"d", 8, []LogChunk{{8, []byte("rld\x00\xff\n")}, {14, []byte("end")}}},
			"the last byte":      {"d", 16, []LogChunk{{16, []byte("d")}}},
			"from the end":       {"d", 17, nil},
			"beyond the end":     {"d", 99, nil},
			"of no deployment":   {"none", 0, nil},
		} {
			got, err := s.Log(ctx, tt.deployment, tt.from)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
		for deployment, want := range map[string]int64{"d": 17, "other": 8, "none": 0} {
			if got, err := s.LogSize(ctx, deployment); err != nil || got != want {
				t.Errorf("LogSize(%s) = %d, err %v, want %d", deployment, got, err, want)
			}
		}
	})
}

func TestLongLogIsReadInPages(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		var want bytes.Buffer
		update(t, s, func(tx *Tx) error {
			for i := range 3*logPage + 1 {
				line := fmt.Sprintf("line %d\n", i)
				if err := tx.AppendLog("d", int64(want.Len()), []byte(line)); err != nil {
					return err
				}
				want.WriteString(line)
			}
			return nil
		})
		var got bytes.Buffer
		for {
			chunks, err := s.Log(context.Background(), "d", int64(got.Len()))
			if err != nil {
				t.Fatal(err)
			}
			if len(chunks) == 0 {
				break
			}
			if len(chunks) > logPage {
				t.Fatalf("a page of %d chunks, want at most %d", len(chunks), logPage)
			}
			for _, c := range chunks {
				got.Write(c.Data)
			}
		}
		if diff := cmp.Diff(want.String(), got.String()); diff != "" {
			t.Errorf("log (-want +got):\n%s", diff)
		}
	})
}

func TestDeletedDeploymentTakesItsLogAlong(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		d := Deployment{ID: "d", Ref: EnvironmentRef("prod"), Action: Create, Status: InProgress, Generation: 1}
		update(t, s, func(tx *Tx) error { return tx.AddDeployment(d) })
		appendLog(t, s, "d", 0, "text")
		wantConflict(t, "deleting what is under way", s.DeleteDeployment(ctx, "d"))
		if n, err := s.LogSize(ctx, "d"); err != nil || n != 4 {
			t.Errorf("a refused deletion left %d bytes of log, err %v, want 4", n, err)
		}
		if err := d.Move(Failed, "no"); err != nil {
			t.Fatal(err)
		}
		update(t, s, func(tx *Tx) error { return tx.SaveDeployment(d) })
		if err := s.DeleteDeployment(ctx, "d"); err != nil {
			t.Fatal(err)
		}
		if n, err := s.LogSize(ctx, "d"); err != nil || n != 0 {
			t.Errorf("%d bytes of log are left, err %v, want none", n, err)
		}
		wantMissing(t, "deployment d", func() error { return s.DeleteDeployment(ctx, "d") })
		wantMissing(t, "deployment d", func() error { _, err := s.Deployment(ctx, "d"); return err })
	})
}

func TestDeploymentIsReadAsWritten(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		c := stopped(s)
		ref := InstanceRef("shop", "eu")
		for what, read := range map[string]func(context.Context, Ref) (*Deployment, error){"open": s.OpenDeployment, "last": s.LastDeployment} {
			if d, err := read(ctx, ref); err != nil || d != nil {
				t.Errorf("%s deployment before the first: %v, err %v, want none", what, d, err)
			}
		}
		want := Deployment{
			ID: NewID(), Ref: ref, Action: Update, Status: InProgress, Generation: 3, Input: "i", Output: "o", Handle: "h",
			Desired: Desired{Template: "web", Spec: "a: 1\n"}, Before: Deployed{Generation: 2, Outputs: map[string]string{"Url": "x"}},
			Engine: "codebuild", Rendered: "sha256:r", Reason: "the spec changed", By: "ada", Needs: map[string]string{"environment/prod": "d0"},
			CreatedAt: c.now(), ModifiedAt: c.now(),
		}
		update(t, s, func(tx *Tx) error { return tx.AddDeployment(want) })
		open, err := s.OpenDeployment(ctx, ref)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&want, open); diff != "" {
			t.Errorf("open (-want +got):\n%s", diff)
		}
		c.advance(time.Minute)
		if err := want.Move(Failed, "exit status 1"); err != nil {
			t.Fatal(err)
		}
		want.Outputs, want.Handle = map[string]string{"Url": "y"}, "h2"
		update(t, s, func(tx *Tx) error { return tx.SaveDeployment(want) })
		want.ModifiedAt, want.CompletedAt = c.now(), c.now()
		last, err := s.LastDeployment(ctx, ref)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&want, last); diff != "" {
			t.Errorf("last (-want +got):\n%s", diff)
		}
		if open, err := s.OpenDeployment(ctx, ref); err != nil || open != nil {
			t.Errorf("open after the end: %v, err %v, want none", open, err)
		}
		wantConflict(t, "moving what has ended", want.Move(InProgress, ""))
		wantMissing(t, "deployment none", func() error {
			return s.Update(ctx, Fence{}, func(tx *Tx) error { return tx.SaveDeployment(Deployment{ID: "none", Ref: ref}) })
		})
	})
}

func TestAuditPages(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		prod, test := EnvironmentRef("prod"), EnvironmentRef("test")
		update(t, s, func(tx *Tx) error {
			for i := range 12 {
				ref := prod
				if i%3 == 0 {
					ref = test
				}
				if err := tx.Audit("ada", fmt.Sprint("verb-", i), ref, nil); err != nil {
					return err
				}
			}
			return nil
		})
		for name, tt := range map[string]struct {
			ref  string
			page int
			want []string
		}{
			"all": {"", 5, []string{
				"verb-11", "verb-10", "verb-9", "verb-8", "verb-7", "verb-6", "verb-5", "verb-4", "verb-3", "verb-2", "verb-1", "verb-0",
			}},
			"of one thing":    {test.String(), 3, []string{"verb-9", "verb-6", "verb-3", "verb-0"}},
			"one at a time":   {test.String(), 1, []string{"verb-9", "verb-6", "verb-3", "verb-0"}},
			"of what is none": {"environment/none", 3, nil},
		} {
			var got []string
			before := ""
			for {
				entries, err := s.Audit(ctx, tt.ref, before, tt.page)
				if err != nil {
					t.Fatal(err)
				}
				if len(entries) > tt.page {
					t.Fatalf("%s: a page of %d, want at most %d", name, len(entries), tt.page)
				}
				if len(entries) == 0 {
					break
				}
				for _, e := range entries {
					got = append(got, e.Verb)
				}
				before = entries[len(entries)-1].ID
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s, newest first (-want +got):\n%s", name, diff)
			}
		}
	})
}

// tree is what blobs are made of in these tests.
func tree(modified time.Time) fstest.MapFS {
	return fstest.MapFS{
		"main.tf":        {Data: []byte("resource {}\n"), Mode: 0o644, ModTime: modified},
		"bin/deploy.sh":  {Data: []byte("#!/bin/sh\n"), Mode: 0o755, ModTime: modified},
		"a/b/c/deep.txt": {Data: bytes.Repeat([]byte("x"), 100_000), Mode: 0o600, ModTime: modified},
		"empty":          {Mode: 0o644, ModTime: modified},
	}
}

func TestPackDependsOnFilesAndModesAlone(t *testing.T) {
	t.Parallel()
	pack := func(files fs.FS) []byte {
		t.Helper()
		data, err := Pack(files)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	first := pack(tree(time.Unix(1, 0)))
	if !bytes.Equal(first, pack(tree(time.Unix(2_000_000_000, 0)))) {
		t.Error("the same files at another time pack differently")
	}
	for name, change := range map[string]func(fstest.MapFS){
		"another content":   func(m fstest.MapFS) { m["main.tf"].Data = []byte("resource { }\n") },
		"another name":      func(m fstest.MapFS) { m["main2.tf"] = m["main.tf"]; delete(m, "main.tf") },
		"no longer to run":  func(m fstest.MapFS) { m["bin/deploy.sh"].Mode = 0o644 },
		"a file more":       func(m fstest.MapFS) { m["more"] = &fstest.MapFile{Mode: 0o644} },
		"a file less":       func(m fstest.MapFS) { delete(m, "empty") },
		"in another folder": func(m fstest.MapFS) { m["main/tf"] = m["main.tf"]; delete(m, "main.tf") },
	} {
		changed := tree(time.Unix(1, 0))
		change(changed)
		if bytes.Equal(first, pack(changed)) {
			t.Errorf("%s: packs the same", name)
		}
	}
}

// unreadable is a file system whose one file cannot be read.
type unreadable struct{ fstest.MapFS }

func (u unreadable) Open(name string) (fs.File, error) {
	if name == "secret" {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return u.MapFS.Open(name)
}

func TestPackSaysWhatItCannotRead(t *testing.T) {
	t.Parallel()
	if _, err := Pack(unreadable{fstest.MapFS{"secret": {}}}); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("err = %v, want that of the file", err)
	}
}

func TestFilesAreKept(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		want := tree(time.Time{})
		var digest string
		for range 2 { // kept once, however often it is put
			update(t, s, func(tx *Tx) (err error) { digest, err = tx.PutFiles(want); return err })
		}
		got, err := s.Files(ctx, digest)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for name, file := range want {
			names = append(names, name)
			data, err := fs.ReadFile(got, name)
			if err != nil || !bytes.Equal(data, file.Data) {
				t.Errorf("%s: %d bytes, err %v, want %d", name, len(data), err, len(file.Data))
			}
			if info, err := fs.Stat(got, name); err != nil || info.Mode() != file.Mode {
				t.Errorf("%s: mode %v, err %v, want %v", name, info.Mode(), err, file.Mode)
			}
		}
		if err := fstest.TestFS(got, names...); err != nil {
			t.Error(err)
		}
		again, err := s.Files(ctx, digest)
		if err != nil || again != got {
			t.Errorf("asked again: another file system, err %v, want the same", err)
		}
		wantMissing(t, "blob sha256:none", func() error { _, err := s.Files(ctx, "sha256:none"); return err })
		update(t, s, func(tx *Tx) (err error) { digest, err = tx.PutBlob([]byte("not an archive")); return err })
		if data, err := s.Blob(ctx, digest); err != nil || string(data) != "not an archive" {
			t.Errorf("blob %q, err %v", data, err)
		}
		if _, err := s.Files(ctx, digest); err == nil {
			t.Error("opened files in a blob that is no archive")
		}
	})
}

func TestOldBundlesAreForgotten(t *testing.T) {
	t.Parallel()
	var c bundleCache
	for i := range 3 * bundleCacheSize {
		c.put(fmt.Sprint(i), fstest.MapFS{})
		if len(c.files) > bundleCacheSize {
			t.Fatalf("%d bundles in memory, want at most %d", len(c.files), bundleCacheSize)
		}
		if c.get(fmt.Sprint(i)) == nil {
			t.Fatal("the bundle just put is not there")
		}
	}
}
