package archive

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// pack makes an archive of headers; the content of each file is its name.
func pack(t *testing.T, headers ...tar.Header) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	w := tar.NewWriter(z)
	for _, h := range headers {
		if h.Typeflag == 0 {
			h.Typeflag, h.Size = tar.TypeReg, int64(len(h.Name))
		}
		if h.Mode == 0 && h.Typeflag != tar.TypeXGlobalHeader {
			h.Mode = 0o644
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := w.Write([]byte(h.Name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestOpen(t *testing.T) {
	t.Parallel()
	dir := func(name string) tar.Header { return tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755} }
	both := []string{"infrastructure/run.sh", "schema/schema.yaml"}
	for name, headers := range map[string][]tar.Header{
		"without a folder around it":      {{Name: "schema/schema.yaml"}, {Name: "infrastructure/run.sh", Mode: 0o755}},
		"with ./ before the names":        {dir("./"), dir("./schema/"), {Name: "./schema/schema.yaml"}, {Name: "./infrastructure/run.sh", Mode: 0o755}},
		"with a folder around it":         {dir("v1/"), {Name: "v1/schema/schema.yaml"}, {Name: "v1/infrastructure/run.sh", Mode: 0o755}},
		"with two folders around it":      {{Name: "net/v1/schema/schema.yaml"}, {Name: "net/v1/infrastructure/run.sh", Mode: 0o755}},
		"made by git":                     {{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": "abc"}}, {Name: "schema/schema.yaml"}, {Name: "infrastructure/run.sh", Mode: 0o755}},
		"made on macOS, with its shadows": {{Name: "._schema"}, {Name: "schema/schema.yaml"}, {Name: "infrastructure/run.sh", Mode: 0o755}, {Name: "infrastructure/._run.sh"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files, err := Open(pack(t, headers...))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			err = fs.WalkDir(files, ".", func(name string, e fs.DirEntry, err error) error {
				if err == nil && !e.IsDir() {
					got = append(got, name)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(both, got); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			info, err := fs.Stat(files, "infrastructure/run.sh")
			if err != nil || info.Mode()&0o100 == 0 {
				t.Errorf("run.sh has mode %v, %v; want it executable", info.Mode(), err)
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("large archives, read by one goroutine, are left out of short runs")
	}
	good := pack(t, tar.Header{Name: "schema/schema.yaml"})
	many := make([]tar.Header, maxFiles+1)
	for i := range many {
		many[i] = tar.Header{Name: "schema/" + strings.Repeat("a", i%900) + "/" + strings.Repeat("b", i/900+1)}
	}
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	w := tar.NewWriter(z)
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "schema/zeros", Mode: 0o644, Size: maxBytes + 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, maxBytes+1)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":              {nil, "not compressed with gzip"},
		"a zip archive":        {[]byte("PK\x03\x04aaaaaaaaaaaaaaaa"), "not compressed with gzip"},
		"a torn archive":       {good[:len(good)-20], "cannot be read"},
		"an empty one":         {pack(t), "is empty"},
		"a name with ..":       {pack(t, tar.Header{Name: "schema/../../etc/passwd"}), "leaves the archive"},
		"a hidden ..":          {pack(t, tar.Header{Name: "schema/../other"}), "leaves the archive"},
		"a name from the root": {pack(t, tar.Header{Name: "/etc/passwd"}), "leaves the archive"},
		"a backslash":          {pack(t, tar.Header{Name: `..\etc`}), "not allowed"},
		"a symbolic link":      {pack(t, tar.Header{Typeflag: tar.TypeSymlink, Name: "schema", Linkname: "/etc"}), `is a link to "/etc"`},
		"a hard link":          {pack(t, tar.Header{Typeflag: tar.TypeLink, Name: "schema", Linkname: "../a"}), "is a link"},
		"a device":             {pack(t, tar.Header{Typeflag: tar.TypeChar, Name: "null"}), "is no file"},
		"a name twice":         {pack(t, tar.Header{Name: "a/b"}, tar.Header{Name: "./a/b"}), "twice"},
		"a file as a folder":   {pack(t, tar.Header{Name: "a"}, tar.Header{Name: "a/b"}), "a file and a folder"},
		"too many files":       {pack(t, many...), "more than 10000 files"},
		"a bomb":               {bomb.Bytes(), "more than 33554432 bytes together"},
		"too large as it is":   {make([]byte, MaxSize+1), "at most 10485760"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Open(tt.data)
			var refused *Error
			if !errors.As(err, &refused) || !strings.Contains(refused.Why, tt.want) {
				t.Errorf("Open says %v, want %q", err, tt.want)
			}
		})
	}
}

func TestPack(t *testing.T) {
	t.Parallel()
	want := fstest.MapFS{
		"schema/schema.yaml":    {Data: []byte("schema: {}\n"), Mode: 0o600},
		"infrastructure/run.sh": {Data: []byte("echo\n"), Mode: 0o755},
		".git/config":           {Data: []byte("[core]\n")},
	}
	data, err := Pack(want)
	if err != nil {
		t.Fatal(err)
	}
	files, err := Open(data)
	if err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(files, "schema/schema.yaml", "infrastructure/run.sh"); err != nil {
		t.Error(err)
	}
	if _, err := fs.Stat(files, ".git"); err == nil {
		t.Error("the archive holds .git")
	}
	want["schema/link"] = &fstest.MapFile{Data: []byte("/etc"), Mode: fs.ModeSymlink | 0o777}
	var refused *Error
	if _, err := Pack(want); !errors.As(err, &refused) {
		t.Errorf("Pack of a link says %v, want it refused", err)
	}
}
