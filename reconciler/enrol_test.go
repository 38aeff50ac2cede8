package reconciler

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"baryon/renderer/archive"
	"baryon/state"
)

// A shelf holds archives by their keys. One that is nil is out of reach.
type shelf map[string][]byte

func (s shelf) Bundle(_ context.Context, _, key string, _ int64) ([]byte, error) {
	data, known := s[key]
	switch {
	case !known:
		return nil, &RefusedError{"there is no " + key}
	case data == nil:
		return nil, errors.New("the shelf cannot be reached")
	}
	return data, nil
}

// folder packs what is below a folder of the world.
func (w *world) folder(dir string, change func(fstest.MapFS)) []byte {
	w.t.Helper()
	files := fstest.MapFS{}
	for name, f := range w.files {
		if rest, below := strings.CutPrefix(name, dir+"/"); below {
			files[rest] = &fstest.MapFile{Data: f.Data}
		}
	}
	if change != nil {
		change(files)
	}
	data, err := archive.Pack(files)
	if err != nil {
		w.t.Fatal(err)
	}
	return data
}

func TestBundlesThatAreHandedOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Settings{})
	good := w.folder("net/v1", nil)
	w.loop.cfg.Bundles = shelf{
		"good": good, "unreachable": nil, "torn": good[:20],
		"wrong": w.folder("net/v1", func(f fstest.MapFS) { delete(f, "schema/schema.yaml") }),
		"breaking": w.folder("net/v1", func(f fstest.MapFS) {
			f["schema/schema.yaml"].Data = []byte(strings.Replace(string(f["schema/schema.yaml"].Data), "size: {type: string, default: small}", "size: {type: integer}", 1))
		}),
		"service": w.folder("net/v1", func(f fstest.MapFS) {
			f["schema/schema.yaml"].Data = []byte(strings.Replace(string(f["schema/schema.yaml"].Data), "environment_input_type", "service_input_type", 1))
			f["instance_infrastructure/manifest.yaml"] = f["infrastructure/manifest.yaml"]
			delete(f, "infrastructure/manifest.yaml")
		}),
		"managed": w.folder("net/v1", func(f fstest.MapFS) { delete(f, "infrastructure/manifest.yaml") }),
	}
	w.do(w.store.Update(t.Context(), state.Fence{}, func(tx *state.Tx) error {
		return tx.PutTemplate(state.Template{Kind: state.KindEnvironment, Name: "box"})
	}))
	enrol := func(key string) state.Version {
		var v state.TemplateVersion
		w.do(w.store.Update(t.Context(), state.Fence{}, func(tx *state.Tx) error {
			major := int64(1)
			if key == "good" {
				major = 0
			}
			var err error
			v, err = tx.Enrol(state.TemplateVersion{Kind: state.KindEnvironment, Name: "box", Version: state.Version{Major: major}, Source: state.Source{Bucket: "b", Key: key}})
			return err
		}))
		return v.Version
	}
	read := func(v state.Version) state.TemplateVersion {
		row, err := w.store.TemplateVersion(t.Context(), state.KindEnvironment, "box", v)
		w.do(err)
		return row
	}
	first := enrol("good")
	w.pass()
	row := read(first)
	if row.Status != state.Draft || row.Bundle == "" || !strings.Contains(row.Schema, "environment_input_type") {
		t.Fatalf("%+v, want a draft with a bundle and a schema", row)
	}
	if _, err := w.loop.open(t.Context(), row); err != nil {
		t.Errorf("the bundle cannot be opened again: %v", err)
	}
	for key, want := range map[string]string{
		"gone": "there is no gone", "torn": "cannot be read", "wrong": "schema/schema.yaml", "breaking": "size",
		"service": "one of a template of kind service", "managed": "CUSTOMER_MANAGED",
	} {
		number := enrol(key)
		w.pass()
		if got := read(number); got.Status != state.RegistrationFailed || !strings.Contains(got.Message, want) || got.Bundle != "" {
			t.Errorf("%s: %s %q, want it failed with %q", key, got.Status, got.Message, want)
		}
	}

	// What cannot be reached is tried again, also by the next daemon, and not for ever.
	late := enrol("unreachable")
	w.pass()
	if got := read(late); got.Status != state.Registering || !strings.Contains(got.Message, "cannot be reached") {
		t.Errorf("out of reach: %s %q", got.Status, got.Message)
	}
	next := w.newLoop(Settings{})
	next.cfg.Bundles = shelf{"unreachable": good}
	w.now = w.now.Add(time.Minute)
	w.pass(next)
	if got := read(late); got.Status != state.Draft || got.Message != "" {
		t.Errorf("within reach again: %s %q", got.Status, got.Message)
	}
	never := enrol("unreachable")
	w.now = w.now.Add(2 * patience)
	w.pass()
	if got := read(never); got.Status != state.RegistrationFailed {
		t.Errorf("out of reach for long: %s %q", got.Status, got.Message)
	}
}

func TestUpload(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Settings{})
	up := Upload{Actor: "ann", Template: "box", Archive: w.folder("net/v1", nil)}
	v, err := w.loop.Upload(t.Context(), up)
	if err != nil || v.Version != (state.Version{Major: 1}) || v.Status != state.Registering {
		t.Fatalf("%+v, %v", v, err)
	}
	w.pass()
	if v, err = w.store.TemplateVersion(t.Context(), state.KindEnvironment, "box", v.Version); err != nil || v.Status != state.Draft {
		t.Errorf("%+v, %v", v, err)
	}
	for name, tt := range map[string]struct {
		change func(*Upload)
		want   string
	}{
		"no archive": {func(u *Upload) { u.Archive = []byte("x") }, "gzip"},
		"a bundle of another sort": {func(u *Upload) {
			u.Archive = w.folder("net/v1", func(f fstest.MapFS) { delete(f, "infrastructure/manifest.yaml") })
		}, "CUSTOMER_MANAGED"},
		"a service without a friend": {func(u *Upload) {
			u.Archive = w.folder("net/v1", func(f fstest.MapFS) {
				f["schema/schema.yaml"].Data = []byte(strings.Replace(string(f["schema/schema.yaml"].Data), "environment_input_type", "service_input_type", 1))
				f["instance_infrastructure/manifest.yaml"] = f["infrastructure/manifest.yaml"]
				delete(f, "infrastructure/manifest.yaml")
			})
		}, "names the environment templates"},
	} {
		bad := up
		tt.change(&bad)
		var refused *RefusedError
		if _, err := w.loop.Upload(t.Context(), bad); !errors.As(err, &refused) || !strings.Contains(refused.Why, tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
	all, err := w.store.TemplateVersions(t.Context(), state.KindEnvironment, "box")
	if err != nil || len(all) != 1 {
		t.Errorf("%d versions, %v; what is refused takes no number", len(all), err)
	}
}
