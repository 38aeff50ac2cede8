package renderer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// good is a small environment template that runs commands.
func good() fstest.MapFS {
	return fstest.MapFS{
		"schema/schema.yaml":           {Data: []byte("schema:\n  format: {openapi: \"3.0.0\"}\n  environment_input_type: In\n  types: {In: {type: object}}\n")},
		"infrastructure/manifest.yaml": {Data: []byte("infrastructure:\n  templates:\n    - rendering_engine: codebuild\n      settings: {provision: [./run.sh], deprovision: [./run.sh]}\n")},
		"infrastructure/run.sh":        {Data: []byte("true\n"), Mode: 0o755},
	}
}

func TestOpenLinks(t *testing.T) {
	t.Parallel()
	link := func(target string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(target), Mode: fs.ModeSymlink | 0o777}
	}
	for name, change := range map[string]func(fstest.MapFS) string{
		"the schema file": func(f fstest.MapFS) string {
			f["schema/schema.yaml"] = link("/etc/passwd")
			return "schema/schema.yaml"
		},
		"the schema directory": func(f fstest.MapFS) string {
			delete(f, "schema/schema.yaml")
			f["schema"] = link("../x")
			return "schema"
		},
		"the registration": func(f fstest.MapFS) string { f[registrationFile] = link("gone"); return registrationFile },
		"a whole part": func(f fstest.MapFS) string {
			f["pipeline_infrastructure"] = link("infrastructure")
			return "pipeline_infrastructure"
		},
		"the manifest": func(f fstest.MapFS) string {
			f["infrastructure/manifest.yaml"] = link("../../m")
			return "infrastructure/manifest.yaml"
		},
		"a file of commands": func(f fstest.MapFS) string {
			f["infrastructure/a/b"] = link("../../../etc/passwd")
			return "infrastructure/a/b"
		},
		"a loop": func(f fstest.MapFS) string { f["infrastructure/loop"] = link("loop"); return "infrastructure/loop" },
		"a submodule": func(f fstest.MapFS) string {
			f["infrastructure/sub"] = &fstest.MapFile{Mode: fs.ModeIrregular}
			return "infrastructure/sub"
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := good()
			want := "tpl/v1/" + change(f) + ": a bundle may not hold symbolic links or submodules"
			_, err := Open(f, "tpl/v1", Options{})
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %s", err, want)
			}
		})
	}
}

// The same on a real disk, where opening a link would follow it.
func TestOpenLinksOnDisk(t *testing.T) {
	t.Parallel()
	dir, secret := t.TempDir(), filepath.Join(t.TempDir(), "secret")
	if err := os.CopyFS(dir, good()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(secret, []byte("canary"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(dir, "infrastructure", "data")); err != nil {
		t.Fatal(err)
	}
	_, err := Open(os.DirFS(dir), "tpl/v1", Options{})
	if err == nil || !strings.Contains(err.Error(), "symbolic link") || strings.Contains(err.Error(), "canary") {
		t.Errorf("got %v, want the link refused", err)
	}
}

func TestOpenQuotas(t *testing.T) {
	t.Parallel()
	big := &fstest.MapFile{Data: []byte(strings.Repeat("x", 3000))}
	for name, tt := range map[string]struct {
		change func(fstest.MapFS)
		quotas Quotas
		want   string
	}{
		"a schema":   {func(fstest.MapFS) {}, Quotas{Schema: 10}, "tpl/v1/schema/schema.yaml: the file is larger than the quota"},
		"a manifest": {func(fstest.MapFS) {}, Quotas{Manifest: 10}, "tpl/v1/infrastructure/manifest.yaml: the file is larger than the quota"},
		"a bundle":   {func(f fstest.MapFS) { f["infrastructure/big"], f["infrastructure/big2"] = big, big }, Quotas{Bundle: 4000}, "tpl/v1/infrastructure/big2: the bundle is larger than the quota"},
		"files": {func(f fstest.MapFS) {
			for i := range 10 {
				f[fmt.Sprintf("infrastructure/f%d", i)] = &fstest.MapFile{}
			}
		}, Quotas{CodeBuildFiles: 5}, "tpl/v1/infrastructure: the bundle holds more files than the quota, want at most 5"},
		"a template": {func(f fstest.MapFS) {
			f["infrastructure/manifest.yaml"] = &fstest.MapFile{Data: []byte("infrastructure: {templates: [{file: big, rendering_engine: jinja, template_language: cloudformation}]}")}
			f["infrastructure/big"] = big
		}, Quotas{Template: 2000}, "tpl/v1/infrastructure/big: the file is larger than the quota, got 2.9 KiB, want at most 2.0 KiB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := good()
			tt.change(f)
			if _, err := Open(f, "tpl/v1", Options{Quotas: tt.quotas}); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func TestOpenNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a\\b", "a\nb", ".git/config", ".GIT/config", "git~1/x", strings.Repeat("a", 300)} {
		f := good()
		f["infrastructure/"+name] = &fstest.MapFile{}
		if _, err := Open(f, "tpl/v1", Options{}); err == nil || !strings.Contains(err.Error(), "may not have this name") {
			t.Errorf("%q: got %v, want it refused", name, err)
		}
	}
	for _, name := range []string{".DS_Store", "._run.sh", "__MACOSX/x", ".npmrc", "ü.txt", "a b.sh", ".gitignore", "node_modules/x/y.js"} {
		f := good()
		f["infrastructure/"+name] = &fstest.MapFile{}
		if _, err := Open(f, "tpl/v1", Options{}); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestOpenDigest(t *testing.T) {
	t.Parallel()
	open := func(change func(fstest.MapFS)) string {
		f := good()
		if change != nil {
			change(f)
		}
		b, err := Open(f, "tpl/v1", Options{})
		if err != nil {
			t.Fatal(err)
		}
		return b.Digest
	}
	base := open(nil)
	for name, tt := range map[string]struct {
		change func(fstest.MapFS)
		same   bool
	}{
		"nothing":          {nil, true},
		"a README":         {func(f fstest.MapFS) { f["README.md"] = &fstest.MapFile{} }, true},
		"a test":           {func(f fstest.MapFS) { f["tests/a.yaml"] = &fstest.MapFile{} }, true},
		"junk":             {func(f fstest.MapFS) { f["infrastructure/.DS_Store"] = &fstest.MapFile{} }, true},
		"a file added":     {func(f fstest.MapFS) { f["infrastructure/x"] = &fstest.MapFile{} }, false},
		"content":          {func(f fstest.MapFS) { f["infrastructure/run.sh"].Data = []byte("false\n") }, false},
		"the mode":         {func(f fstest.MapFS) { f["infrastructure/run.sh"].Mode = 0o644 }, false},
		"a schema comment": {func(f fstest.MapFS) { f["schema/schema.yaml"].Data = append(f["schema/schema.yaml"].Data, "# x"...) }, false},
	} {
		if got := open(tt.change); (got == base) != tt.same {
			t.Errorf("%s: digest is the same: %t, want %t", name, got == base, tt.same)
		}
	}
}

// A failing file system is not the author's fault, so it is no Problems.
func TestOpenPassesErrorsOn(t *testing.T) {
	t.Parallel()
	gone := errors.New("the object store is gone")
	_, err := Open(failing{good(), gone}, "tpl/v1", Options{})
	var problems Problems
	if !errors.Is(err, gone) || errors.As(err, &problems) {
		t.Errorf("got %v, want the error of the file system", err)
	}
}

type failing struct {
	fstest.MapFS
	err error
}

func (f failing) ReadFile(string) ([]byte, error) { return nil, f.err }

func TestOpenForced(t *testing.T) {
	t.Parallel()
	const schema = "schema:\n  format: {openapi: \"3.0.0\"}\n  service_input_type: In\n  types: {In: {type: object}}\n"
	service := func() fstest.MapFS {
		return fstest.MapFS{
			"schema/schema.yaml":                    {Data: []byte(schema)},
			"instance_infrastructure/manifest.yaml": good()["infrastructure/manifest.yaml"],
		}
	}
	for name, tt := range map[string]struct {
		files   fstest.MapFS
		options Options
		want    string // "" when it opens
	}{
		"a service without pipeline":          {service(), Options{}, ""},
		"said to have no pipeline":            {service(), Options{Kind: ServiceTemplate, Management: ManagementCustomer}, ""},
		"said to have a pipeline":             {service(), Options{Management: ManagementOurs}, "needs the directory pipeline_infrastructure/"},
		"a service called environment":        {service(), Options{Kind: EnvironmentTemplate}, "an environment template has no instance_infrastructure/"},
		"an environment":                      {good(), Options{Kind: EnvironmentTemplate, Management: ManagementOurs}, ""},
		"an environment called service":       {good(), Options{Kind: ServiceTemplate}, "want instance_infrastructure/"},
		"an environment called customer's":    {good(), Options{Management: ManagementCustomer}, "a customer-managed environment template has a schema only"},
		"a schema without infrastructure":     {fstest.MapFS{"schema/schema.yaml": good()["schema/schema.yaml"]}, Options{Management: ManagementOurs}, "needs the directory infrastructure/"},
		"a service schema without a part":     {fstest.MapFS{"schema/schema.yaml": {Data: []byte(schema)}}, Options{}, "needs the directory instance_infrastructure/"},
		"nothing":                             {fstest.MapFS{}, Options{}, "the file is missing"},
		"a manifest that is missing":          {fstest.MapFS{"schema/schema.yaml": good()["schema/schema.yaml"], "infrastructure/manifest.yml": {}}, Options{}, `did you mean "manifest.yml"?`},
		"a pipeline type without the part":    {fstest.MapFS{"schema/schema.yaml": {Data: []byte(strings.Replace(schema, "  types", "  pipeline_input_type: In\n  types", 1))}, "instance_infrastructure/manifest.yaml": good()["infrastructure/manifest.yaml"]}, Options{}, "pipeline_input_type needs pipeline_infrastructure/"},
		"older words in the list of envs":     {withFile(service(), ".compatible-envs", "a-env:1\n\nb-env:2"), Options{}, ""},
		"a broken line in the list of envs":   {withFile(service(), ".compatible-envs", "a-env:1\nb-env"), Options{}, "tpl/v1/.compatible-envs:2:1: not a compatible environment"},
		"an empty list of envs":               {withFile(service(), ".compatible-envs", ""), Options{}, "names no environment template"},
		"a broken file and a good older file": {withFile(withFile(service(), ".compatible-envs", "a:1"), ".template-registration.yaml", "compatible_environments: []"), Options{}, "compatible_environments is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Open(tt.files, "tpl/v1", tt.options)
			switch {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func withFile(f fstest.MapFS, name, text string) fstest.MapFS {
	f[name] = &fstest.MapFile{Data: []byte(text)}
	return f
}

func TestOpenComponent(t *testing.T) {
	t.Parallel()
	const manifest = "infrastructure: {templates: [{file: %s, rendering_engine: %s, template_language: %s}]}"
	const commands = "infrastructure: {templates: [{rendering_engine: codebuild, settings: {provision: ['sh {{ component.name }}.sh'], deprovision: ['true']}}]}"
	files := func(manifest, name, text string) fs.FS {
		f := fstest.MapFS{"manifest.yaml": {Data: []byte(manifest)}}
		return withFile(f, name, text)
	}
	for name, tt := range map[string]struct {
		files   fs.FS
		options Options
		want    string // the files that are applied
	}{
		"cloudformation": {files: files(fmt.Sprintf(manifest, "c.yaml", "jinja", "cloudformation"), "c.yaml", "Resources: {}"), want: "[c.yaml]"},
		"terraform": {files: files(fmt.Sprintf(manifest, "c.tf", "hcl", "terraform"), "c.tf", "# x"),
			want: "[c.tf proton.auto.tfvars.json proton.component.variables.tf]"},
		"commands, where they are allowed": {files: files(commands, "bucket.sh", "x"), options: Options{Commands: true},
			want: "[bucket.sh manifest.yaml proton-input.json proton-inputs.json]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := OpenComponent(tt.files, "components/bucket", tt.options)
			if err != nil {
				t.Fatal(err)
			}
			out, err := New(Config{}).Render(t.Context(), b, PartComponent, Inputs{ARN: "arn:c", Component: Component{Name: "bucket"}}, Provision)
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(out.Files.Names()); got != tt.want {
				t.Errorf("files %s, want %s", got, tt.want)
			}
			if out.Commands != nil && out.Commands[0] != "sh bucket.sh" {
				t.Errorf("commands %q", out.Commands)
			}
		})
	}
	for name, tt := range map[string]struct {
		files fs.FS
		want  string
	}{
		"all files":         {files(fmt.Sprintf(manifest, "\"*\"", "hcl", "terraform"), "c.tf", ""), "components/bucket/manifest.yaml:1:37: the manifest of a component names one file"},
		"commands":          {files(commands, "x", ""), "components/bucket/manifest.yaml:1:49: this component may not run commands"},
		"no manifest":       {fstest.MapFS{}, "components/bucket/manifest.yaml: the file is missing"},
		"another's file":    {files(fmt.Sprintf(manifest, "d.yaml", "jinja", "cloudformation"), "c.yaml", ""), "the file is missing in components/bucket/"},
		"a broken manifest": {files("x", "c.yaml", ""), "components/bucket/manifest.yaml:1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := OpenComponent(tt.files, "components/bucket", Options{})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("err = %v, want %q", err, tt.want)
			}
		})
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	f := NewFiles(map[string]File{"a.sh": {Data: []byte("x"), Exec: true}, "d/e/f": {Data: []byte("y")}, "d/g": {}})
	if err := fstest.TestFS(f, "a.sh", "d/e/f", "d/g"); err != nil {
		t.Error(err)
	}
	info, err := fs.Stat(f, "a.sh")
	if err != nil || info.Mode() != 0o755 {
		t.Errorf("mode %v, %v, want 755", info.Mode(), err)
	}
	if err := fstest.TestFS(NewFiles(nil)); err != nil {
		t.Error(err)
	}
}
