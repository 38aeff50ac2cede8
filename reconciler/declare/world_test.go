package declare_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"baryon/reconciler/declare"
)

var update = flag.Bool("update", false, "rewrite the expectations under testdata")

// expectation is the name of the archive's file that says what the others declare.
const expectation = "DECLARATION"

func TestWorlds(t *testing.T) {
	t.Parallel()
	worlds, err := filepath.Glob("testdata/worlds/*.txtar")
	if err != nil || len(worlds) == 0 {
		t.Fatalf("worlds = %v, %v", worlds, err)
	}
	for _, name := range worlds {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files := fromArchive(archive)
			want := files[expectation]
			delete(files, expectation)
			first := read(t, files, nil, declare.Options{})
			got := describe(first)
			if *update {
				archive.Files = slices.DeleteFunc(archive.Files, func(f txtar.File) bool { return f.Name == expectation })
				archive.Files = append(archive.Files, txtar.File{Name: expectation, Data: []byte(got)})
				if err := os.WriteFile(name, txtar.Format(archive), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("declared (-want +got):\n%s", diff)
			}
			again := describe(read(t, files, kept(t, first), declare.Options{}))
			if diff := cmp.Diff(got, again); diff != "" {
				t.Errorf("a second reading with what is known differs (-first +second):\n%s", diff)
			}
		})
	}
}

// describe writes a declaration for people to compare.
func describe(d *declare.Declaration) string {
	var b strings.Builder
	for _, x := range d.Bundles {
		fmt.Fprintf(&b, "bundle %s: %s template %s, major %d\n", x.Dir, x.Kind, x.Template, x.Major)
	}
	for _, x := range d.Documents {
		fmt.Fprintf(&b, "%s at %s:%d:%d: %s\n", x.Ref, x.Path, x.Line, x.Column, describeHeader(x.Header))
		if x.Pipeline != nil {
			fmt.Fprintf(&b, "  pipeline at %d:%d\n", x.Pipeline.Line, x.Pipeline.Column)
		}
		for _, i := range x.Instances {
			fmt.Fprintf(&b, "  instance %s at %d:%d in %s (%d:%d)\n", i.Name, i.Line, i.Column, i.Environment, i.EnvironmentAt.Line, i.EnvironmentAt.Column)
		}
		for line := range strings.Lines(x.Spec) {
			fmt.Fprintf(&b, "  | %s", line)
		}
	}
	for _, service := range slices.Sorted(maps.Keys(d.Ops)) {
		for _, instance := range slices.Sorted(maps.Keys(d.Ops[service])) {
			i := d.Ops[service][instance]
			fmt.Fprintf(&b, "ops %s %s: %s on %s, at %s:%d:%d\n", service, instance, i.Spec, i.Branch, i.Path, i.Line, i.Column)
		}
	}
	for _, f := range d.Files {
		fmt.Fprintf(&b, "%s %s: %s\n", f.Verdict, f.Path, f.Reason)
		for _, c := range f.Broken {
			fmt.Fprintf(&b, "  broken %s at %d:%d\n", c.Ref, c.Line, c.Column)
		}
		for _, ref := range f.Held {
			fmt.Fprintf(&b, "  held %s\n", ref)
		}
		if f.Unread {
			b.WriteString("  unread\n")
		}
	}
	if len(d.Others) > 0 {
		fmt.Fprintf(&b, "others %s\n", strings.Join(d.Others, " "))
	}
	for _, p := range d.Problems {
		fmt.Fprintf(&b, "%s\n", p)
	}
	return b.String()
}

func describeHeader(h declare.Header) string {
	var parts []string
	add := func(key, value string) {
		if value != "" {
			parts = append(parts, key+" "+value)
		}
	}
	add("template", h.Template)
	add("version", string(h.Version))
	for _, name := range slices.Sorted(maps.Keys(h.Pins)) {
		add("pin "+name, string(h.Pins[name]))
	}
	for _, name := range slices.Sorted(maps.Keys(h.Labels)) {
		add("label "+name, strconv.Quote(h.Labels[name]))
	}
	for key, yes := range map[string]bool{"protected": h.Protected, "approval": h.Approval, "adopt": h.Adopt, "rerun safe": h.RerunSafe} {
		if yes {
			parts = append(parts, key)
		}
	}
	if h.Description != "" {
		add("description", strconv.Quote(h.Description))
	}
	add("role", h.Role)
	add("codebuildRole", h.CodebuildRole)
	add("componentRole", h.ComponentRole)
	add("externalId", h.ExternalID)
	add("account", h.Account)
	add("region", h.Region)
	add("stack", h.Stack)
	if len(h.Imports)+len(h.InstanceImports)+len(h.PipelineImports) > 0 {
		add("imports", fmt.Sprint(h.Imports, h.InstanceImports, h.PipelineImports))
	}
	add("repository", strings.TrimRight(h.Repository.ID+" "+h.Repository.Branch+" "+h.Repository.Connection, " "))
	add("environment", h.Environment)
	add("service", h.Service)
	add("instance", h.Instance)
	add("files", h.Files)
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}
