package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"baryon/renderer"
	"baryon/renderer/cfn"
	"baryon/renderer/jinja"
)

// A templateTest is one file of tests.
type templateTest struct {
	file   string
	dir    string // of the template
	bundle *renderer.Bundle
	update bool

	data   []byte
	draft  draft
	before int // lines of the file before those of its spec
	result testResult
}

func (t *templateTest) add(p renderer.Problem) { t.result.Problems = append(t.result.Problems, p) }

// run runs the test. The error is one of the file system or of ctx.
func (t *templateTest) run(ctx context.Context) (testResult, error) {
	t.result.Test = t.file
	var err error
	if t.data, err = os.ReadFile(t.file); err != nil {
		return t.result, err
	}
	root, problems := renderer.ParseOne(t.file, t.data, renderer.Limits{})
	d := &renderer.Decoder{Problems: problems}
	if !problems.Failed() {
		d.Mapping(root, "a test", "spec", "name", "instance", "pipeline", "outputs", "account", "region", "file", "context", "expect", "error", "description")
	}
	if d.Problems.Failed() {
		t.result.Problems = d.Problems
		return t.result, nil
	}
	files, failure, err := t.render(ctx, root, d)
	if err != nil {
		return t.result, err
	}
	t.result.Problems = append(t.result.Problems, d.Problems...)
	if !d.Problems.Failed() {
		err = t.judge(root, files, failure)
	}
	t.result.OK = !t.result.Problems.Failed() && t.result.Diff == ""
	return t.result, err
}

// render renders what the test asks for; failure says why that is impossible.
func (t *templateTest) render(ctx context.Context, root *renderer.Node, d *renderer.Decoder) (files *renderer.Files, failure, err error) {
	if n := root.Get("file"); n != nil {
		return t.renderFile(ctx, root, d)
	}
	t.draft = draft{
		bundle: t.bundle, dir: t.dir, files: os.DirFS(t.dir), instance: d.String(root.Get("instance"), "instance"), name: d.String(root.Get("name"), "name"),
		account: d.String(root.Get("account"), "account"), region: d.String(root.Get("region"), "region"), pipeline: d.Bool(root.Get("pipeline"), "pipeline"),
	}
	t.outputs(root.Get("outputs"), d)
	cleanup, err := t.spec(root.Get("spec"), d)
	if err != nil {
		return nil, nil, err
	}
	defer cleanup()
	if d.Problems.Failed() {
		return nil, nil, nil
	}
	all, failure := t.draft.render(ctx)
	switch {
	case ctx.Err() != nil:
		return nil, nil, ctx.Err()
	case failure != nil:
		return nil, t.moved(failure), nil
	case len(all) != 1:
		return nil, fmt.Errorf("the spec declares %d targets, and a test is of one", len(all)), nil
	}
	return all[0].pieces(), nil, nil
}

// moved gives findings about an inline spec the lines of the test.
func (t *templateTest) moved(err error) error {
	problems, ok := errors.AsType[renderer.Problems](err)
	if !ok || t.before < 0 {
		return err
	}
	problems = slices.Clone(problems)
	for i := range problems {
		if problems[i].File == t.draft.spec {
			problems[i].File = t.file
			problems[i].Line += t.before
		}
	}
	return problems
}

// renderFile renders one file with the test's own namespace.
func (t *templateTest) renderFile(ctx context.Context, root *renderer.Node, d *renderer.Decoder) (*renderer.Files, error, error) {
	name := d.String(root.Get("file"), "file")
	source, ok := t.bundle.File(name)
	if !ok {
		d.Add(root.Get("file").Problem("the template has no such file", fmt.Sprintf("%q", name), "a path below "+t.dir, ""))
		return nil, nil, nil
	}
	values, problems := renderer.Values(root.Get("context"))
	d.Problems = append(d.Problems, problems...)
	vars, isMapping := values.(*jinja.Dict)
	if !isMapping {
		d.Add(root.Problem("a test of one file needs the key context", "", "the variables that the file reads", "add context: {}"))
		return nil, nil, nil
	}
	parsed, err := jinja.Parse(name, string(source.Data), jinja.Config{Filters: jinja.ProtonFilters()})
	if err != nil {
		return nil, err, nil
	}
	text, err := parsed.Render(ctx, vars)
	if ctx.Err() != nil {
		return nil, nil, ctx.Err()
	}
	if err != nil {
		return nil, err, nil
	}
	return renderer.NewFiles(map[string]renderer.File{name: {Data: []byte(text)}}), nil, nil
}

// outputs reads outputs as render --outputs does.
func (t *templateTest) outputs(n *renderer.Node, d *renderer.Decoder) {
	if n.Null() {
		return
	}
	given, plain, problems := outputsIn(n)
	d.Problems = append(d.Problems, problems...)
	t.draft.given, t.draft.plain = given, plain
}

// spec finds the spec: a file, or the text that stands in the test.
func (t *templateTest) spec(n *renderer.Node, d *renderer.Decoder) (cleanup func(), err error) {
	cleanup = func() {}
	t.before = -1
	switch {
	case n.Null():
		return cleanup, nil
	case n.Kind == renderer.Scalar && !strings.Contains(n.Text, "\n"):
		t.draft.spec = filepath.Join(filepath.Dir(t.file), filepath.FromSlash(n.Text))
		if _, err := os.Stat(t.draft.spec); err != nil {
			d.Add(n.Problem("the spec is not there", fmt.Sprintf("%q", n.Text), "a path from the test, or the spec itself", ""))
		}
		return cleanup, nil
	}
	text, before := inlineSpec(string(t.data), n)
	dir, err := os.MkdirTemp("", "baryon-test-")
	if err != nil {
		return cleanup, err
	}
	cleanup = func() { _ = os.RemoveAll(dir) }
	t.before = before
	t.draft.spec = filepath.Join(dir, "spec.yaml")
	if t.draft.name == "" {
		t.draft.name = nameFrom(t.file)
	}
	return cleanup, os.WriteFile(t.draft.spec, []byte(text), 0o600)
}

// inlineSpec cuts a spec out of the text of a test, byte for byte but for its
// indent, with the number of lines before it.
func inlineSpec(data string, n *renderer.Node) (text string, before int) {
	if n.Kind == renderer.Scalar {
		return n.Text, n.Line
	}
	lines := strings.SplitAfter(data, "\n")
	indent := n.Column - 1
	var b strings.Builder
	b.WriteString(lines[n.Line-1][min(indent, len(lines[n.Line-1])):])
	for _, line := range lines[n.Line:] {
		if strings.TrimSpace(line) != "" && line[0] != ' ' && line[0] != '#' {
			break // the next key of the test
		}
		b.WriteString(line[min(indent, len(line)-len(strings.TrimLeft(line, " "))):])
	}
	return b.String(), n.Line - 1
}

// judge compares what came out with what the test expects.
func (t *templateTest) judge(root *renderer.Node, files *renderer.Files, failure error) error {
	want, expect := root.Get("error"), root.Get("expect")
	switch {
	case want != nil && failure == nil:
		t.add(want.Problem("rendering succeeded", "", "an error with the text "+fmt.Sprintf("%q", want.Text), ""))
	case want != nil:
		if !strings.Contains(failure.Error(), want.Text) {
			t.add(want.Problem("rendering failed with another error", failure.Error(), fmt.Sprintf("%q", want.Text), ""))
		}
	case failure != nil:
		if problems, ok := errors.AsType[renderer.Problems](failure); ok {
			t.result.Problems = append(t.result.Problems, problems...)
		} else {
			t.add(root.Problem(failure.Error(), "", "", ""))
		}
	case expect != nil:
		for _, p := range expect.Pairs {
			t.expect(p, files)
		}
	default:
		return t.golden(files)
	}
	return nil
}

// expect compares one file with what is expected of it.
func (t *templateTest) expect(p renderer.Pair, files *renderer.Files) {
	name := p.Key.Text
	file, ok := files.Get(name)
	if !ok {
		t.add(p.Key.Problem("there is no such file", fmt.Sprintf("%q", name), "one of "+strings.Join(files.Names(), ", "), ""))
		return
	}
	d := renderer.Decoder{}
	contains := p.Value
	if p.Value.Kind == renderer.Mapping {
		d.Mapping(p.Value, "what is expected of a file", "contains", "lacks", "values")
		contains = p.Value.Get("contains")
	}
	for _, item := range textsIn(contains) {
		if !bytes.Contains(file.Data, []byte(item.Text)) {
			t.add(item.Problem(name+" does not contain this", "", fmt.Sprintf("%q", item.Text), t.hint(item.Text, string(file.Data))))
		}
	}
	for _, item := range textsIn(p.Value.Get("lacks")) {
		if bytes.Contains(file.Data, []byte(item.Text)) {
			t.add(item.Problem(name+" contains what it should not", fmt.Sprintf("%q", item.Text), "", ""))
		}
	}
	t.result.Problems = append(t.result.Problems, d.Problems...)
	if values := p.Value.Get("values"); values != nil {
		t.values(name, file.Data, values)
	}
}

// hint shows the line that comes nearest to an expected text.
func (t *templateTest) hint(want, text string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(want), ":")
	for line := range strings.SplitSeq(text, "\n") {
		if first != "" && strings.Contains(line, first) {
			return "it has: " + strings.TrimSpace(line)
		}
	}
	return ""
}

// textsIn are the items of a list; a single text is one.
func textsIn(n *renderer.Node) []*renderer.Node {
	switch {
	case n.Null():
		return nil
	case n.Kind == renderer.Scalar:
		return []*renderer.Node{n}
	}
	return n.Items
}

// values compares values of a YAML or JSON file.
func (t *templateTest) values(name string, data []byte, want *renderer.Node) {
	root, problems := renderer.ParseOne(name, data, renderer.Limits{Size: 64 << 20, Nodes: 1_000_000, Tags: true})
	if problems.Failed() {
		t.result.Problems = append(t.result.Problems, problems...)
		return
	}
	for _, p := range want.Pairs {
		got := root.Find(p.Key.Text)
		if got == nil && p.Value.Null() {
			continue // it is expected to be absent
		}
		if a, b := cfn.Text(got), cfn.Text(p.Value); a != b {
			t.add(p.Value.Problem(p.Key.Text+" of "+name+" has another value", orDefault(a, "nothing"), b, ""))
		}
	}
}

// golden compares everything with the folder that --update writes.
func (t *templateTest) golden(files *renderer.Files) error {
	dir := strings.TrimSuffix(t.file, ".yaml")
	if t.update {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
		t.result.Updated = true
		return os.CopyFS(dir, files)
	}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		t.add(renderer.Problem{File: t.file, Line: 1, Column: 1, Rule: "the test expects nothing", Want: "expect, error, or the folder " + filepath.ToSlash(dir),
			Next: "run: baryon test " + filepath.ToSlash(t.dir) + " --update"})
		return nil
	}
	was := map[string][]byte{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		was[name], err = os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		return err
	})
	if err != nil {
		return err
	}
	names := files.Names()
	for name := range was {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var text strings.Builder
	for _, name := range names {
		file, _ := files.Get(name)
		text.Write(diff.Diff("expected/"+name, was[name], "rendered/"+name, file.Data))
	}
	t.result.Diff = text.String()
	return nil
}
