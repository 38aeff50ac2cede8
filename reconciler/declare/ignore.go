package declare

import (
	"bytes"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"baryon/renderer"
)

// ignoreRules are the rules of one .baryonignore; those of the folders above
// follow in outer. They are written as for Git: see the package comment.
type ignoreRules struct {
	outer *ignoreRules
	dir   string // the folder of the file
	rules []ignoreRule
}

// An ignoreRule is one line.
type ignoreRule struct {
	text     string // as written
	file     string
	line     int
	negated  bool
	folders  bool     // it ends in a slash: only folders match
	anchored bool     // the pattern counts from the folder of the file; else it matches names at any depth
	prefix   string   // what a path begins with before the pattern; see glued
	segments []string // the pattern between slashes; "**" stands for any number of folders
}

const maxIgnoreFile = 64 << 10

// ignoreRules reads the .baryonignore of a folder.
func (r *reader) ignoreRules(dir string, outer *ignoreRules) (*ignoreRules, error) {
	name := path.Join(dir, IgnoreFile)
	file, err := r.tree.Open(name)
	if err != nil {
		return nil, fmt.Errorf("file %s: %w", name, err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxIgnoreFile+1))
	if err != nil {
		return nil, fmt.Errorf("file %s: %w", name, err)
	}
	rules, problems := parseIgnore(dir, data)
	r.out.Problems = append(r.out.Problems, problems...)
	rules.outer = outer
	return rules, nil
}

// parseIgnore reads the text of a .baryonignore. A line that can match nothing
// is warned of and left out.
func parseIgnore(dir string, data []byte) (*ignoreRules, renderer.Problems) {
	rules := &ignoreRules{dir: dir}
	file := path.Join(dir, IgnoreFile)
	var problems renderer.Problems
	if len(data) > maxIgnoreFile {
		data = data[:bytes.LastIndexByte(data[:maxIgnoreFile], '\n')+1]
		problems = append(problems, renderer.Problem{File: file, Rule: "the file is too large: the rest of it is not read",
			Want: fmt.Sprintf("at most %d bytes", maxIgnoreFile), Next: "name folders instead of files"})
	}
	text := strings.TrimPrefix(string(data), bom)
	for i, line := range strings.Split(text, "\n") {
		rule, ok, mistake := parseRule(strings.TrimSuffix(line, "\r"))
		if mistake != "" {
			problems = append(problems, renderer.Problem{File: file, Line: i + 1, Column: 1, Rule: mistake, Got: fmt.Sprintf("%.60q", line), Warning: true})
		}
		if ok {
			rule.file, rule.line = file, i+1
			rules.rules = append(rules.rules, rule)
		}
	}
	return rules, problems
}

func parseRule(line string) (rule ignoreRule, ok bool, mistake string) {
	line = trimSpaces(line)
	rule.text = line
	if line == "" || line[0] == '#' {
		return rule, false, ""
	}
	if rest, negated := strings.CutPrefix(line, "!"); negated {
		rule.negated, line = true, rest
	}
	if rest, folders := strings.CutSuffix(line, "/"); folders {
		rule.folders, line = true, rest
	}
	rule.anchored = strings.Contains(line, "/")
	line = strings.TrimPrefix(line, "/")
	if line == "" {
		return rule, false, "the line names nothing"
	}
	if rule.anchored {
		rule.prefix, line = glued(line)
	}
	for segment := range strings.SplitSeq(line, "/") {
		if segment == "**" && len(rule.segments) > 0 && rule.segments[len(rule.segments)-1] == "**" {
			continue
		}
		if strings.Contains(segment, "[[:") {
			return rule, false, "sets such as [[:alpha:]] are not known here"
		}
		if !closed(segment) {
			return rule, false, "the pattern ends inside [ ] or behind a backslash, so it matches nothing"
		}
		rule.segments = append(rule.segments, segment)
	}
	return rule, true, ""
}

// glued cuts a pattern such as "a**/b" behind its "a". Git compares what is written
// out before it looks at the rest, so that ** stands alone there, and for folders.
func glued(pattern string) (prefix, rest string) {
	i := strings.IndexAny(pattern, `*?[\`)
	if i <= 0 || pattern[i-1] == '/' {
		return "", pattern
	}
	rest = pattern[i:]
	behind := strings.TrimLeft(rest, "*")
	if len(rest)-len(behind) < 2 || behind != "" && behind[0] != '/' {
		return "", pattern
	}
	return pattern[:i], "**" + behind
}

// trimSpaces cuts spaces at the end unless a backslash stands before them.
func trimSpaces(line string) string {
	for strings.HasSuffix(line, " ") {
		cut := line[:len(line)-1]
		if backslashes := len(cut) - len(strings.TrimRight(cut, `\`)); backslashes%2 == 1 {
			break
		}
		line = cut
	}
	return line
}

// hidden is the rule that stands before all others: folders whose names begin
// with a dot belong to tools. A line such as !.proton/ takes one back.
const hidden = "a hidden folder"

// reason says why a path declares nothing; it is empty for one that may. The
// folders above the path have no reason themselves.
func (s *ignoreRules) reason(p string, isDir bool) string {
	for rules := s; rules != nil; rules = rules.outer {
		relative := p
		if rules.dir != "." {
			relative = p[len(rules.dir)+1:]
		}
		for _, rule := range slices.Backward(rules.rules) {
			if rule.folders && !isDir || !rule.matches(relative) {
				continue
			}
			if rule.negated {
				return never(p)
			}
			return fmt.Sprintf("matched by %s:%d, %s", rule.file, rule.line, rule.text)
		}
	}
	if isDir && path.Base(p)[0] == '.' {
		return hidden
	}
	return ""
}

// never is the one thing that no rule takes back: Git's own folder.
func never(p string) string {
	if strings.EqualFold(path.Base(p), ".git") {
		return hidden
	}
	return ""
}

func (rule ignoreRule) matches(relative string) bool {
	if !rule.anchored {
		return rule.segments[0] == "**" || matchName(rule.segments[0], path.Base(relative))
	}
	rest, begins := strings.CutPrefix(relative, rule.prefix)
	return begins && matchPath(rule.segments, strings.Split(rest, "/"))
}
