package main_test

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// module is the path that our own imports begin with.
const module = "baryon"

// layers says which of our top folders the packages of each may import, besides
// those of their own folder. A folder without a line here does not belong at
// the top. CONTRIBUTING.md explains the lines.
var layers = map[string][]string{
	// Leaves know their craft, not our nouns.
	"gitsource":   {},
	"provisioner": {},
	"renderer":    {},
	"state":       {},
	"examples":    {},

	"reconciler": {"gitsource", "renderer", "provisioner", "state"},
	"server":     {"reconciler", "gitsource", "renderer", "state"}, // it never provisions
	"cmd":        {"server", "reconciler", "gitsource", "renderer", "provisioner", "state", "examples"},
}

// homes names the only packages, with those below them, that may import a
// library. Tests may import the libraries anywhere, except those without a home.
var homes = []struct {
	library string
	in      []string
}{
	{"github.com/aws/", []string{"baryon/provisioner", "baryon/server/proton"}},
	{"github.com/go-git/", []string{"baryon/gitsource"}},
	{"github.com/google/go-github", []string{"baryon/gitsource"}},
	{"database/sql", []string{"baryon/state"}},
	{"github.com/jackc/pgx", []string{"baryon/state"}},
	{"modernc.org/sqlite", []string{"baryon/state"}},
	{"github.com/pressly/goose", []string{"baryon/state"}},
	// Nowhere: logs go through zap, tests through the standard library and go-cmp.
	{"log", nil},
	{"log/slog", nil},
	{"github.com/stretchr/testify", nil},
}

// early is the one package that does something before main; docs/adr/0010 says why.
const early = "baryon/cmd/baryon/early"

// vague are folder names that say nothing of what is inside.
var vague = []string{"common", "helpers", "internal", "misc", "models", "pkg", "shared", "types", "util", "utils"}

// A pkg is what go list tells about one package.
type pkg struct {
	ImportPath, Dir, Doc               string
	GoFiles, IgnoredGoFiles            []string
	Imports, TestImports, XTestImports []string
}

// list asks the go command for our packages.
func list(t *testing.T) []pkg {
	t.Helper()
	fields := "ImportPath,Dir,Doc,GoFiles,IgnoredGoFiles,Imports,TestImports,XTestImports"
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e", "-find=false", "-json="+fields, "./...")
	cmd.Dir = filepath.Join("..", "..")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	var all []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

// TestRules holds the lines that keep the program readable. They are tests
// because a rule that nobody checks is a wish.
func TestRules(t *testing.T) {
	t.Parallel()
	all := list(t)
	if len(all) < 3 {
		t.Fatalf("go list found %d packages: the rules would hold for nothing", len(all))
	}
	for _, p := range all {
		t.Run(p.ImportPath, func(t *testing.T) {
			t.Parallel()
			checkPlace(t, p)
			checkLayer(t, p)
			checkHomes(t, p)
			checkSource(t, p)
			if len(p.GoFiles) > 0 && p.Doc == "" {
				t.Error("no package comment: say what it knows and what it refuses to know")
			}
		})
	}
}

// checkPlace tests the folders of p's path.
func checkPlace(t *testing.T, p pkg) {
	t.Helper()
	folders := strings.Split(p.ImportPath, "/")[1:]
	if _, ok := layers[folders[0]]; !ok {
		t.Errorf("folder %s: not one of ours at the top; layers in this file lists them", folders[0])
	}
	for _, folder := range folders {
		if slices.Contains(vague, folder) {
			t.Errorf("folder %s: the name says nothing; name what the package knows", folder)
		}
	}
}

// checkLayer tests which of our packages p imports.
func checkLayer(t *testing.T, p pkg) {
	t.Helper()
	top := strings.Split(p.ImportPath, "/")[1]
	for _, imported := range p.Imports {
		rest, ours := strings.CutPrefix(imported, module+"/")
		folder, _, _ := strings.Cut(rest, "/")
		if ours && folder != top && !slices.Contains(layers[top], folder) {
			t.Errorf("imports %s: %s may import %v of ours", imported, top, layers[top])
		}
		if ours && strings.HasSuffix(imported, "test") {
			t.Errorf("imports %s: it is for tests", imported)
		}
		if ours && p.ImportPath == "baryon/renderer/jinja" {
			t.Errorf("imports %s: the template language stands alone", imported)
		}
	}
}

// checkHomes tests which libraries p imports.
func checkHomes(t *testing.T, p pkg) {
	t.Helper()
	for _, h := range homes {
		imports := p.Imports
		if len(h.in) == 0 {
			imports = slices.Concat(p.Imports, p.TestImports, p.XTestImports)
		}
		if slices.ContainsFunc(h.in, func(home string) bool { return within(p.ImportPath, home) }) {
			continue
		}
		for _, imported := range imports {
			switch {
			case len(h.in) == 0 && imported == h.library:
				t.Errorf("imports %s: not used here at all", imported)
			case len(h.in) > 0 && within(imported, h.library):
				t.Errorf("imports %s: allowed in %v alone", imported, h.in)
			}
		}
	}
}

// within reports whether path is prefix or lies below it.
func within(path, prefix string) bool {
	return path == prefix || strings.HasPrefix(path, strings.TrimSuffix(prefix, "/")+"/")
}

// checkSource tests p's own files, those for other systems included.
func checkSource(t *testing.T, p pkg) {
	t.Helper()
	for _, name := range slices.Concat(p.GoFiles, p.IgnoredGoFiles) {
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.ParseComments)
		if err != nil {
			t.Error(err)
			continue
		}
		if ast.IsGenerated(file) {
			continue
		}
		for _, decl := range file.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && d.Name.Name == "init" && p.ImportPath != early {
					t.Errorf("%s: func init runs unasked; call it from main", fset.Position(d.Pos()))
				}
			case *ast.GenDecl:
				for _, name := range stateful(d) {
					t.Errorf("%s: variable %s is state of the whole program; give it to a struct",
						fset.Position(name.Pos()), name.Name)
				}
			}
		}
	}
}

// stateful returns the variables of a package-level declaration that can only
// be there to be changed: those that begin empty. Tables and sentinel errors
// are written out where they are declared, what is embedded is filled in by
// the compiler, version by the linker, and what stands beside a sync.Once is
// made once and never changes.
func stateful(d *ast.GenDecl) []*ast.Ident {
	if d.Tok != token.VAR || strings.Contains(comment(d.Doc), "//go:embed") {
		return nil
	}
	var names []*ast.Ident
	for _, spec := range d.Specs {
		v, ok := spec.(*ast.ValueSpec)
		if !ok || strings.Contains(comment(v.Doc), "//go:embed") || v.Names[0].Name == "version" || once(v.Type) {
			continue
		}
		empty := len(v.Values) == 0
		for _, value := range v.Values {
			empty = empty || made(value)
		}
		if empty {
			names = append(names, v.Names...)
		}
	}
	return names
}

// once reports whether a type is a struct written in place with a sync.Once.
func once(typ ast.Expr) bool {
	s, ok := typ.(*ast.StructType)
	if !ok {
		return false
	}
	return slices.ContainsFunc(s.Fields.List, func(f *ast.Field) bool {
		sel, ok := f.Type.(*ast.SelectorExpr)
		return ok && sel.Sel.Name == "Once"
	})
}

// made reports whether an expression is make(…) or new(…).
func made(value ast.Expr) bool {
	call, ok := value.(*ast.CallExpr)
	if !ok {
		return false
	}
	fun, ok := call.Fun.(*ast.Ident)
	return ok && (fun.Name == "make" || fun.Name == "new")
}

// comment is the text of a comment group with its markers; Text would drop
// directives such as go:embed.
func comment(group *ast.CommentGroup) string {
	if group == nil {
		return ""
	}
	var b strings.Builder
	for _, line := range group.List {
		b.WriteString(line.Text + "\n")
	}
	return b.String()
}
