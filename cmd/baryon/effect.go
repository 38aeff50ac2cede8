package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"baryon/renderer"
	"baryon/renderer/cfn"
	v1 "baryon/server/v1"
)

// An effect is what a change of a template does to one target.
type effect struct {
	Ref     string       `json:"ref"`
	Spec    string       `json:"spec,omitempty"`
	Changes []cfn.Change `json:"changes"`           // of a CloudFormation template
	Files   []fileChange `json:"files"`             // everything else
	Problem string       `json:"problem,omitempty"` // why the new version cannot be rendered
	Before  string       `json:"problemBefore,omitempty"`
}

// A fileChange is how one file differs.
type fileChange struct {
	Path string `json:"path"`
	Text string `json:"diff,omitempty"` // unified; empty for what is not text
}

func (e effect) empty() bool {
	return len(e.Changes) == 0 && len(e.Files) == 0 && e.Problem == "" && e.Before == ""
}

// effectOf compares two renderings of one target.
func effectOf(spec string, before, after v1.Rendering) effect {
	e := effect{Ref: orDefault(after.Ref, before.Ref), Spec: spec, Changes: []cfn.Change{}, Files: []fileChange{}, Problem: after.Problem, Before: before.Problem}
	if e.Problem != "" || e.Before != "" {
		return e
	}
	old, now := textsOf(before), textsOf(after)
	if before.Engine == string(renderer.EngineCloudFormation) && after.Engine == before.Engine {
		was, problems := cfn.Parse(before.Template, []byte(old[before.Template]))
		is, more := cfn.Parse(after.Template, []byte(now[after.Template]))
		if !problems.Failed() && !more.Failed() {
			e.Changes = append(e.Changes, cfn.Diff(was, is)...)
			delete(old, before.Template)
			delete(now, after.Template)
		}
	}
	names := maps.Clone(old)
	maps.Copy(names, now)
	for _, name := range sortedKeys(names) {
		a, had := old[name]
		b, has := now[name]
		if a == b && had == has {
			continue
		}
		from, to := "before/"+name, "after/"+name
		if !had {
			from = "/dev/null"
		}
		if !has {
			to = "/dev/null"
		}
		_, text, _ := bytes.Cut(diff.Diff(from, []byte(a), to, []byte(b)), []byte("\n"))
		e.Files = append(e.Files, fileChange{name, string(text)})
	}
	return e
}

// textsOf are the files of a rendering, with its commands and outputs as files.
func textsOf(r v1.Rendering) map[string]string {
	out := maps.Clone(r.Files)
	if out == nil {
		out = map[string]string{}
	}
	delete(out, "proton-input.json") // the same as proton-inputs.json
	note := func(name string, lines []string) {
		if len(lines) > 0 {
			out[name] = strings.Join(lines, "\n") + "\n"
		}
	}
	note("(commands)", r.Provision)
	note("(commands of deletion)", r.Deprovision)
	var variables, outputs []string
	for _, name := range sortedKeys(r.Environment) {
		variables = append(variables, name+"="+r.Environment[name])
	}
	for _, name := range sortedKeys(r.Outputs) {
		outputs = append(outputs, name+"="+r.Outputs[name])
	}
	note("(environment variables)", variables)
	note("(outputs)", outputs)
	return out
}

// actionMarks are how the text shows what becomes of something.
var actionMarks = map[cfn.Action]string{cfn.Add: "+", cfn.Remove: "-", cfn.Modify: "~", cfn.Replace: "±", cfn.MayReplace: "±"}

func printEffect(w io.Writer, e effect) {
	title := e.Ref
	if e.Spec != "" {
		title += "  (" + e.Spec + ")"
	}
	fmt.Fprintln(w, title)
	switch {
	case e.Problem != "":
		fmt.Fprintf(w, "  cannot be rendered: %s\n", indented(e.Problem))
	case e.Before != "":
		fmt.Fprintf(w, "  could not be rendered before: %s\n", indented(e.Before))
	case e.empty():
		fmt.Fprintln(w, "  nothing changes")
	}
	for _, c := range e.Changes {
		printChange(w, c)
	}
	for _, f := range e.Files {
		fmt.Fprintf(w, "  ~ %s\n", f.Path)
		for line := range strings.SplitSeq(strings.TrimSuffix(f.Text, "\n"), "\n") {
			fmt.Fprintf(w, "    %s\n", v1.Plain([]byte(line)))
		}
	}
}

func indented(text string) string { return strings.ReplaceAll(v1.Plain([]byte(text)), "\n", "\n    ") }

func printChange(w io.Writer, c cfn.Change) {
	name := strings.TrimSuffix(c.Section, "s")
	if c.Name != "" {
		name = strings.ToLower(name) + " " + c.Name
	}
	if c.Type != "" {
		name += "  " + c.Type
	}
	word := ""
	switch c.Action {
	case cfn.Replace:
		word = "  is replaced"
	case cfn.MayReplace:
		word = "  may be replaced"
	case cfn.Add, cfn.Remove, cfn.Modify:
	}
	fmt.Fprintf(w, "  %s %s%s\n", actionMarks[c.Action], v1.Plain([]byte(name)), word)
	if c.Why != "" {
		fmt.Fprintf(w, "      %s\n", v1.Plain([]byte(c.Why)))
	}
	for _, p := range c.Properties {
		why := map[cfn.Action]string{cfn.Replace: "  (replaces)", cfn.MayReplace: "  (may replace)"}[p.Replaces]
		path := orDefault(p.Path, "value")
		fmt.Fprintf(w, "      %s: %s → %s%s\n", path, shown(p.Before), shown(p.After), why)
	}
}

// shown keeps a value on one readable line.
func shown(text string) string {
	const most = 120
	text = v1.Plain([]byte(orDefault(text, "nothing")))
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

// A tally counts what changes in a list of effects.
type tally struct {
	Targets   int `json:"targets"`
	Changed   int `json:"changed"`
	Failing   int `json:"failing"`
	Added     int `json:"resourcesAdded"`
	Modified  int `json:"resourcesChanged"`
	Replaced  int `json:"resourcesReplaced"`
	Removed   int `json:"resourcesRemoved"`
	Elsewhere int `json:"filesChanged"`
}

func tallyOf(effects []effect) tally {
	t := tally{Targets: len(effects)}
	for _, e := range effects {
		if !e.empty() {
			t.Changed++
		}
		if e.Problem != "" {
			t.Failing++
		}
		t.Elsewhere += len(e.Files)
		resources := slices.DeleteFunc(slices.Clone(e.Changes), func(c cfn.Change) bool { return c.Section != "Resources" })
		for _, c := range resources {
			switch c.Action {
			case cfn.Add:
				t.Added++
			case cfn.Remove:
				t.Removed++
			case cfn.Replace, cfn.MayReplace:
				t.Replaced++
			case cfn.Modify:
				t.Modified++
			}
		}
	}
	return t
}

func (t tally) String() string {
	text := fmt.Sprintf("%d of %d targets change: resources %d added, %d changed, %d replaced, %d removed; %d other files differ",
		t.Changed, t.Targets, t.Added, t.Modified, t.Replaced, t.Removed, t.Elsewhere)
	if t.Failing > 0 {
		text += fmt.Sprintf("; %d cannot be rendered", t.Failing)
	}
	return text
}
