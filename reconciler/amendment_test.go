package reconciler

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"baryon/gitsource"
	"baryon/state"
)

// TestAmendmentsOfOddFiles holds changes to what people's files are like: what is
// written changes nothing else, and what cannot be is refused with its place.
func TestAmendmentsOfOddFiles(t *testing.T) {
	t.Parallel()
	const dev = "proton: EnvironmentSpec\nbaryon: {environment: dev, template: net, version: \"1\"}\nspec: {size: small}\n"
	wide := strings.NewReplacer("size: small", "size: wide")
	for name, tt := range map[string]struct {
		text  string // of dev.yaml
		want  string // what it becomes; size: wide in the place of size: small when empty
		gone  bool   // the call is a deletion
		fails string // or why it is refused
	}{
		"as people write it":         {text: "# ours\n" + dev + "# end\n"},
		"line breaks of Windows":     {text: strings.ReplaceAll("# ours\n"+dev, "\n", "\r\n")},
		"a byte order mark":          {text: "\ufeff" + dev},
		"no line break at the end":   {text: strings.TrimSuffix(dev, "\n")},
		"tabs after values":          {text: strings.Replace(dev, "{size: small}", "{size: small}\t# why", 1)},
		"JSON":                       {text: `{"proton": "EnvironmentSpec",` + "\n" + `"baryon": {"environment": "dev", "template": "net", "version": "1"}, "spec": {"size": "small"}}`, want: `{"proton": "EnvironmentSpec",` + "\n" + `"baryon": {"environment": "dev", "template": "net", "version": "1"}, "spec": {"size": "wide"}}`},
		"others in the file":         {text: "kind: Theirs\nmetadata: &m {a: 1}\nagain: *m\n---\n" + dev + "---\nmore: |\n  size: small\n", want: "kind: Theirs\nmetadata: &m {a: 1}\nagain: *m\n---\n" + wide.Replace(dev) + "---\nmore: |\n  size: small\n"},
		"a name in another script":   {text: "# größe: 小\n" + dev},
		"an anchor":                  {text: strings.Replace(dev, "{size: small}", "&s {size: small}", 1), fails: "dev.yaml:3:7: this has an anchor"},
		"an alias of another":        {text: strings.Replace(dev, "{size: small}", "{size: &s small, note: *s}", 1), fails: "dev.yaml:3"},
		"a tag":                      {text: strings.Replace(dev, "{size: small}", "{size: !!str small}", 1), fails: "dev.yaml:3:14: this has a tag"},
		"bytes that are no UTF-8":    {text: "# gr\xf6\xdfe\n" + dev, fails: "cannot be written back"},
		"UTF-16":                     {text: "\xff\xfeb\x00a\x00r\x00", fails: "no document of dev.yaml declares environment/dev any more"},
		"tabs for indentation":       {text: strings.Replace(dev, "spec: {size: small}", "spec:\n\tsize: small", 1), fails: "cannot be written back"},
		"a conflict nobody resolved": {text: "<<<<<<< HEAD\n" + dev + "=======\n", fails: "cannot be written back"},
		"a broken neighbour":         {text: dev + "---\nb: [\n", fails: "the file cannot be read as a whole"},
		"declared elsewhere by now":  {text: strings.Replace(dev, "environment: dev", "environment: other", 1), fails: "no document of dev.yaml declares environment/dev any more"},
		"the file is gone":           {text: "-", fails: "dev.yaml is no longer on the branch"},
		"declared twice":             {text: dev + "---\n" + dev, fails: "cannot be written back"},

		"deleted":                {gone: true, text: "# ours\n" + dev, want: "-"},
		"deleted from among":     {gone: true, text: "# a\na: 1\n---\n# ours\n" + dev + "---\n# b\nb: 2\n", want: "# a\na: 1\n---\n# b\nb: 2\n"},
		"deleted behind anchors": {gone: true, text: "a: &x 1\nb: *x\n---\n" + dev, want: "a: &x 1\nb: *x\n"},
		"deleted, with windows":  {gone: true, text: strings.ReplaceAll("a: 1\n---\n"+dev, "\n", "\r\n"), want: "a: 1\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, Settings{})
			w.loop.settings.Repositories[0].OwnerConflict = ConflictWriteBack
			b := &branch{w: w}
			w.loop.cfg.Writer = b
			ref := w.environment("dev", "", "small")
			w.environment("stays", "", "small")
			w.commit()
			if tt.text == "-" {
				delete(w.files, "dev.yaml")
			} else {
				w.write("dev.yaml", tt.text)
			}
			w.loop.cfg.Source = commitOf{folderSource{gitsource.NewFolder(w.files)}, "odd"}
			before := maps.Clone(w.files)
			a := Amendment{Ref: ref, Actor: "ann", Call: "UpdateEnvironment", Gone: tt.gone}
			if spec := "proton: EnvironmentSpec\nspec: {size: wide}\n"; !tt.gone {
				a.Spec = &spec
			}
			problems, err := w.loop.WriteBack(t.Context(), a, Terms{})
			if tt.fails != "" {
				var clash *state.ConflictError
				if !errors.As(err, &clash) || !strings.Contains(err.Error(), tt.fails) || len(b.pushed) != 0 || problems.Failed() {
					t.Errorf("%d pushed, %v, want a refusal that says %q", len(b.pushed), err, tt.fails)
				}
				return
			}
			w.do(errors.Join(problems.Err(), err))
			switch {
			case tt.want == "":
				before["dev.yaml"] = &fstest.MapFile{Data: []byte(wide.Replace(tt.text))}
			case tt.want == "-":
				delete(before, "dev.yaml")
			default:
				before["dev.yaml"] = &fstest.MapFile{Data: []byte(tt.want)}
			}
			if diff := cmp.Diff(texts(before), texts(w.files)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func texts(files fstest.MapFS) map[string]string {
	out := map[string]string{}
	for name, f := range files {
		out[name] = string(f.Data)
	}
	return out
}
