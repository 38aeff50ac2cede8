package reconciler

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"baryon/gitsource"
	"baryon/reconciler/declare"
	"baryon/state"
)

// commits are the contents of a repository by their commits. It knows their
// differences only where asked to.
type commits struct {
	trees map[string]fstest.MapFS
	head  string
	tell  bool
}

func (c commits) Head(context.Context, gitsource.Repo) (string, error) { return c.head, nil }

func (c commits) Tree(_ context.Context, _ gitsource.Repo, commit string) (declare.Tree, error) {
	return gitsource.NewFolder(c.trees[commit]), nil
}

func (c commits) Commit(context.Context, gitsource.Repo, string) (gitsource.Commit, error) {
	return gitsource.Commit{}, nil
}

func (c commits) Descends(context.Context, gitsource.Repo, string, string) (bool, error) {
	return true, nil
}

func (c commits) Differences(_ context.Context, _ gitsource.Repo, older, newer string, _ int) ([]gitsource.Difference, bool, error) {
	before, after := c.trees[older], c.trees[newer]
	var found []gitsource.Difference
	names := maps.Clone(before)
	maps.Copy(names, after)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		d := gitsource.Difference{Path: name}
		for _, side := range []struct {
			file *fstest.MapFile
			hash *string
		}{{before[name], &d.Before}, {after[name], &d.After}} {
			if side.file != nil {
				*side.hash = string(side.file.Data)
				d.Odd = d.Odd || side.file.Mode&fs.ModeSymlink != 0
			}
		}
		if d.Odd || d.Before != d.After {
			found = append(found, d)
		}
	}
	return found, c.tell, nil
}

// pushed takes over what the files are now, and tells whether by what moved alone.
func (w *world) pushed(tell bool) bool {
	w.t.Helper()
	c, ok := w.loop.cfg.Source.(commits)
	if !ok {
		c = commits{trees: map[string]fstest.MapFS{}, tell: tell}
	}
	c.head = fmt.Sprint("commit", len(c.trees))
	c.trees[c.head] = maps.Clone(w.files)
	w.loop.cfg.Source = c
	repo, _ := w.loop.current().repository("main")
	prior, err := w.store.Sync(w.t.Context(), "main")
	if err != nil {
		prior = state.Sync{Name: "main"}
	}
	s, err := w.loop.takeoverOfMoved(w.t.Context(), repo, prior, c.head)
	w.do(err)
	w.do(w.loop.sync(w.t.Context(), state.Fence{}, repo, prior, c.head))
	return s != nil
}

// declared is everything that taking over comes to.
func (w *world) declared() string {
	w.t.Helper()
	ctx := w.t.Context()
	targets, err := w.store.Targets(ctx, state.Filter{})
	w.do(err)
	services, err := w.store.Services(ctx, "", 1000)
	w.do(err)
	files, err := w.store.SourceFiles(ctx, "main")
	w.do(err)
	sync, err := w.store.Sync(ctx, "main")
	w.do(err)
	sync.Settled = 0
	var text strings.Builder
	for _, t := range targets {
		t = w.target(t.Ref)
		fmt.Fprintln(&text, t.Ref, t.Owner, t.Generation, t.Needs, asJSON(t.Desired))
	}
	for _, v := range services {
		fmt.Fprintln(&text, asJSON(v))
	}
	for _, f := range files {
		fmt.Fprintln(&text, f.Path, f.Hash, f.Verdict, string(f.Doc))
	}
	return text.String() + asJSON(sync)
}

func asJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// TestMovedIsEnough makes the same random pushes to two worlds, of which one takes
// over all of every commit, and compares what each of them comes to.
func TestMovedIsEnough(t *testing.T) {
	seeds := uint64(4)
	if testing.Short() {
		seeds = 1
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 2))
			whole, quick := newWorld(t, Settings{}), newWorld(t, Settings{})
			for _, w := range []*world{whole, quick} {
				w.services()
				for i := range 3 {
					w.environment(fmt.Sprintf("e%d", i), "", "small")
				}
				w.write("many.yaml", many(1, 2))
				w.write("charts/x.yaml", "a: 1\n")
			}
			moved := 0
			for step := range 14 {
				change := someChange(random, step)
				for _, w := range []*world{whole, quick} {
					change(w)
				}
				whole.pushed(false)
				if quick.pushed(true) {
					moved++
				}
				if diff := cmp.Diff(strings.Split(whole.declared(), "\n"), strings.Split(quick.declared(), "\n")); diff != "" {
					t.Fatalf("step %d: (-whole +moved)\n%s", step, diff)
				}
				for _, w := range []*world{whole, quick} {
					w.end()
					w.pass()
				}
			}
			if t.Logf("%d pushes were taken over by what moved", moved); moved < 2 {
				t.Error("the test is blind")
			}
		})
	}
}

func many(a, b int) string {
	return fmt.Sprintf(`proton: ServiceSpec
baryon: {service: shop, template: web, version: "1"}
instances:
  - {name: eu, environment: e0, spec: {size: %d}}
  - {name: us, environment: e1, spec: {size: 1}}
---
# another
proton: ServiceSpec
baryon: {service: mail, template: web, version: "1"}
instances:
  - {name: eu, environment: e2, spec: {size: %d}}
`, a, b)
}

// someChange picks a change of what the files are; it is often one that moves texts
// alone.
func someChange(random *rand.Rand, step int) func(*world) {
	n, name := random.IntN(4), fmt.Sprintf("e%d", random.IntN(3))
	changes := []func(*world){
		func(w *world) { w.environment(name, "", fmt.Sprint("size", n)) },
		func(w *world) { w.environment(name, ", labels: {n: \""+fmt.Sprint(n)+"\"}", "small") },
		func(w *world) { w.write("many.yaml", many(n, step)) },
		func(w *world) { w.write("main.go", fmt.Sprint("package p", step)) },
		func(w *world) { w.write("charts/x.yaml", fmt.Sprint("a: ", step)) },
		func(w *world) {
			w.write("charts/x.yaml", "proton: EnvironmentSpec\nbaryon: {environment: chart, template: net, version: \"1\"}\nspec: {}\n")
		},
		func(w *world) { w.write("many.yaml", strings.Replace(many(n, step), "name: us", "name: asia", 1)) },
		func(w *world) {
			w.write("many.yaml", strings.Replace(many(n, step), "service: mail", "service: post", 1))
		},
		func(w *world) { w.write("many.yaml", strings.Replace(many(n, step), "size: 1", "size: wrong", 1)) },
		func(w *world) { w.write("many.yaml", "baryon: {") },
		func(w *world) { w.environment(fmt.Sprint("new", n), "", "small") },
		func(w *world) { w.write("copy.yaml", string(w.files[name+".yaml"].Data)) },
		func(w *world) { delete(w.files, "copy.yaml"); delete(w.files, fmt.Sprintf("new%d.yaml", n)) },
		func(w *world) { w.writeNet(); w.write("net/v1/README.md", fmt.Sprint(step)) },
		func(w *world) { w.write(".baryonignore", fmt.Sprintf("new%d.yaml\n", n)) },
		func(w *world) { w.write("link.yaml", "x"); w.files["link.yaml"].Mode = fs.ModeSymlink },
		func(w *world) { w.write("piece.yaml", "baryon: {component: c, environment: e0, files: ./piece}\n") },
		func(w *world) { delete(w.files, "piece.yaml"); delete(w.files, "link.yaml") },
		func(w *world) { w.do(w.store.Redeploy(w.t.Context(), "ada", state.EnvironmentRef(name), "again")) },
	}
	if plain := changes[random.IntN(5)]; random.IntN(2) == 0 {
		return func(w *world) {
			for _, trouble := range []string{"copy.yaml", "piece.yaml", "link.yaml", ".baryonignore"} {
				delete(w.files, trouble)
			}
			plain(w)
		}
	}
	return changes[random.IntN(len(changes))]
}

// TestMovedLooksAtTheRest lists what makes a commit be looked at as a whole.
func TestMovedLooksAtTheRest(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		before, after, change func(*world) // the first push is between before and after

		want bool // by what moved alone
	}{
		"a spec":                            {change: func(w *world) { w.environment("dev", "", "large") }, want: true},
		"nothing":                           {change: func(*world) {}, want: true},
		"a file that is no YAML":            {change: func(w *world) { w.write("README.md", "more") }, want: true},
		"a minor that is followed":          {change: func(w *world) { w.swap("dev.yaml", `"1"`, `"1.0"`) }, want: true},
		"another major":                     {change: func(w *world) { w.swap("dev.yaml", `"1"`, `"2"`) }},
		"another template":                  {change: func(w *world) { w.swap("dev.yaml", "net", "other") }},
		"a name":                            {change: func(w *world) { w.swap("dev.yaml", "environment: dev", "environment: prod") }},
		"a file of a bundle":                {change: func(w *world) { w.write("net/v1/notes.md", "x") }},
		"a spec that does not fit":          {change: func(w *world) { w.swap("dev.yaml", "small", "{}") }},
		"a file more":                       {change: func(w *world) { w.environment("prod", "", "small") }, want: true},
		"two files more, for one name":      {change: func(w *world) { w.environment("prod", "", "small"); w.copyTo("dup.yaml", "prod.yaml") }},
		"a file more, for the same name":    {change: func(w *world) { w.copyTo("dup.yaml", "dev.yaml") }},
		"a file more that is refused":       {change: func(w *world) { w.write("x.yaml", "baryon: {") }},
		"a file more with a component":      {change: func(w *world) { w.write("x.yaml", "baryon: {component: c, environment: dev, files: ./net}\n") }},
		"a file more of an ops folder":      {change: func(w *world) { w.write("proton-ops.yaml", "sync:\n  services: {}\n") }},
		"a file more that declares nothing": {change: func(w *world) { w.write("values.yaml", "a: 1\n") }, want: true},
		"a file more that makes a bundle":   {change: func(w *world) { w.write("vpc/v1/schema/schema.yaml", "schema: {}\n") }},
		"a file more that is ignored": {before: func(w *world) { w.write(".baryonignore", "x/\n") }, change: func(w *world) {
			w.write("x/y.yaml", "proton: EnvironmentSpec\nbaryon: {environment: y, template: net, version: \"1\"}\nspec: {}\n")
		}},
		"a file less":                       {change: func(w *world) { delete(w.files, "dev.yaml") }},
		"what is ignored":                   {change: func(w *world) { w.write(".baryonignore", "x") }},
		"a file that moved":                 {change: func(w *world) { w.write("b.yaml", string(w.files["dev.yaml"].Data)); delete(w.files, "dev.yaml") }},
		"a spec, while another is refused":  {before: func(w *world) { w.write("x.yaml", "baryon: {") }, change: func(w *world) { w.environment("dev", "", "large") }},
		"a spec, after a change by the API": {after: (*world).override, change: func(w *world) { w.environment("dev", "", "large") }},
		"a spec, with other settings": {change: func(w *world) {
			s := w.loop.current()
			s.Instances = 7
			w.do(w.loop.Configure(w.t.Context(), s))
			w.environment("dev", "", "large")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, Settings{})
			w.environment("dev", "", "small")
			if tt.before != nil {
				tt.before(w)
			}
			w.pushed(true)
			if tt.after != nil {
				tt.after(w)
			}
			tt.change(w)
			if got := w.pushed(true); got != tt.want {
				t.Errorf("taken over by what moved alone: %v, want %v", got, tt.want)
			}
		})
	}
}

// copyTo copies a file.
func (w *world) copyTo(file, from string) { w.write(file, string(w.files[from].Data)) }

func (w *world) swap(file, old, text string) {
	w.write(file, strings.Replace(string(w.files[file].Data), old, text, 1))
}

// override notes a change of dev by another way than Git.
func (w *world) override() {
	w.t.Helper()
	w.do(w.store.Update(w.t.Context(), state.Fence{}, func(tx *state.Tx) error {
		t, err := tx.Target(state.EnvironmentRef("dev"))
		if err != nil {
			return err
		}
		return tx.Override(t, "ada", "changed")
	}))
}
