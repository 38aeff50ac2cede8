package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"

	v1 "baryon/server/v1"
	"baryon/state"
)

// A treeRow is one line of the status.
type treeRow struct {
	branch, name, version, state, changed, reason string

	short string // the name where there is little room; empty for the same
}

// tree is everything: environments with the instances and components in them,
// then services with their instances and pipelines.
func tree(s v1.Status) []treeRow {
	var rows []treeRow
	add := func(branch, name string, t v1.Target) {
		row := treeRow{branch: branch, name: name, version: versionOf(t), state: t.State, changed: lastChange(t), reason: reason(t)}
		switch t.Kind {
		case string(state.KindInstance):
			row.short = t.ServiceName + "/" + t.Name
		case string(state.KindPipeline):
			row.short = "pipeline"
		}
		rows = append(rows, row)
	}
	branches := func(n int) func() string {
		return func() string {
			if n--; n > 0 {
				return "├─ "
			}
			return "└─ "
		}
	}
	for _, e := range s.Environments {
		add("", e.Ref, e.Target)
		branch := branches(len(e.Instances) + len(e.Components))
		for _, t := range append(e.Instances, e.Components...) {
			add(branch(), t.Ref, t)
		}
	}
	for _, v := range s.Services {
		rows = append(rows, treeRow{name: v.Ref, version: v.TemplateName, state: v.Status, reason: v.StatusMessage})
		all := v.Targets()
		branch := branches(len(all))
		for _, t := range all {
			name := t.Ref
			if t.Kind == string(state.KindInstance) {
				name = v.Name + "/" + t.Name + " in " + t.EnvironmentName
			}
			add(branch(), name, t)
		}
	}
	for _, t := range s.Unplaced {
		add("", t.Ref, t)
	}
	return rows
}

// lastChange is when a target was last worked on, by the clock: a text that
// stays the same for as long as nothing happens.
func lastChange(t v1.Target) string {
	at := t.LastDeploymentAttemptedAt.Local()
	switch {
	case t.LastDeploymentAttemptedAt.IsZero():
		return "never"
	case at.Format(time.DateOnly) == time.Now().Format(time.DateOnly):
		return at.Format(time.TimeOnly)
	default:
		return at.Format(time.DateOnly)
	}
}

// A paper is what text is written on: how wide, and whether in colour.
type paper struct {
	width  int // 0 for as wide as it takes
	colour bool
}

func paperOf(w io.Writer) paper {
	p := paper{}
	if file, ok := w.(*os.File); ok && terminal(w) {
		p.colour = os.Getenv("NO_COLOR") == ""
		if width, _, err := term.GetSize(int(file.Fd())); err == nil {
			p.width = width
		}
	}
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 {
		p.width = n
	}
	return p
}

// rows writes the tree in columns. Where the paper is too narrow for the
// reasons, each goes to a line of its own.
func (p paper) rows(w io.Writer, rows []treeRow) {
	head := treeRow{name: "NAME", version: "VERSION", state: "STATE", changed: "CHANGED", reason: "REASON"}
	name, version, state, changed := widths(append([]treeRow{head}, rows...))
	below := p.width > 0 && p.width < name+version+state+changed+8+24
	if below {
		head.reason = ""
		rows = slices.Clone(rows)
		for i := range rows {
			rows[i].name = orDefault(rows[i].short, rows[i].name)
		}
		name, version, state, changed = widths(append([]treeRow{head}, rows...))
	}
	p.row(w, head, name, version, state, changed, below)
	for _, r := range rows {
		p.row(w, r, name, version, state, changed, below)
	}
}

// widths are those of the columns before the reason.
func widths(rows []treeRow) (name, version, state, changed int) {
	for _, r := range rows {
		name, version = max(name, length(r.branch+r.name)), max(version, length(orDefault(r.version, "-")))
		state, changed = max(state, length(r.state)), max(changed, length(r.changed))
	}
	return name, version, state, changed
}

func (p paper) row(w io.Writer, r treeRow, name, version, state, changed int, below bool) {
	why := firstLine(r.reason)
	line := pad(r.branch+v1.Plain([]byte(r.name)), name) + "  " + pad(orDefault(v1.Plain([]byte(r.version)), "-"), version) + "  " +
		p.paint(r.state, state) + "  "
	if !below {
		line += pad(orDefault(r.changed, "-"), changed) + "  "
		fmt.Fprintln(w, strings.TrimRight(line+p.cut(why, name+version+state+changed+8), " "))
		return
	}
	if room := p.width - name - version - state - 6; room >= changed {
		line += pad(r.changed, changed)
	}
	fmt.Fprintln(w, strings.TrimRight(line, " "))
	if why != "" {
		fmt.Fprintln(w, "     "+p.cut(why, 5))
	}
}

// cut shortens a text to what is left of a line.
func (p paper) cut(text string, used int) string {
	room := p.width - used
	if p.width == 0 || length(text) <= room {
		return text
	}
	return string([]rune(text)[:max(room-1, 0)]) + "…"
}

// colours of states; what is not here has none.
var colours = map[string]string{
	v1.Ready: "32", "ACTIVE": "32", v1.Failed: "31", v1.Refused: "31", v1.Waiting: "33", v1.Suspended: "33",
	v1.Deploying: "34", v1.Deleting: "34", v1.Cancelling: "34", v1.Pending: "34",
}

func (p paper) paint(state string, width int) string {
	colour := colours[state]
	if strings.HasSuffix(state, "_FAILED") {
		colour = "31"
	}
	if !p.colour || colour == "" {
		return pad(state, width)
	}
	return "\x1b[" + colour + "m" + state + "\x1b[0m" + strings.Repeat(" ", width-length(state))
}

func length(text string) int { return utf8.RuneCountInString(text) }

func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(width-length(text), 0))
}
