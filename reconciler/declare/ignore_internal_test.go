package declare

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestIgnorePatterns(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		rules, path string
		folder      bool
		want        bool
	}{
		"a name at any depth":                        {"a.yaml", "x/y/a.yaml", false, true},
		"a name that is longer":                      {"a.yaml", "x/ba.yaml", false, false},
		"a star stays in one name":                   {"/x*.yaml", "x/y.yaml", false, false},
		"a star matches nothing as well":             {"a*.yaml", "a.yaml", false, true},
		"several stars":                              {"*a*b*c", "xxaxxbxxbxc", false, true},
		"several stars that do not fit":              {"*a*b*c", "xxaxxcxxb", false, false},
		"a question mark is one character":           {"?.yaml", "é.yaml", false, true},
		"a set":                                      {"[a-cx].yaml", "b.yaml", false, true},
		"a set taken back":                           {"[!a-c].yaml", "b.yaml", false, false},
		"a set with protected characters":            {`[\]\-].yaml`, "-.yaml", false, true},
		"a set with a protected end":                 {`[a-\c].yaml`, "b.yaml", false, true},
		"a set of a bracket":                         {"[]].yaml", "].yaml", false, true},
		"a backslash protects":                       {`\*.yaml`, "a.yaml", false, false},
		"a backslash protects a hash":                {`\#a`, "#a", false, true},
		"a backslash protects an exclamation mark":   {`\!a`, "!a", false, true},
		"a backslash protects a space at the end":    {`a\ `, "a ", false, true},
		"spaces at the end do not count":             {"a   ", "a", false, true},
		"carriage returns do not count":              {"a\r", "a", false, true},
		"a slash in front counts from the root":      {"/a", "x/a", false, false},
		"a slash within counts from the root":        {"x/a", "y/x/a", false, false},
		"a slash at the end is for folders":          {"a/", "a", false, false},
		"a folder":                                   {"a/", "x/a", true, true},
		"two stars in front":                         {"**/a/b", "x/y/a/b", false, true},
		"two stars in front match no folder as well": {"**/a", "a", false, true},
		"two stars at the end match all below":       {"a/**", "a/b/c", false, true},
		"but not the folder":                         {"a/**", "a", true, false},
		"two stars between":                          {"a/**/b", "a/x/y/b", false, true},
		"two stars between match nothing as well":    {"a/**/b", "a/b", false, true},
		"two stars beside others are a star":         {"a**b", "axxb", false, true},
		"two stars behind a name match folders":      {"a**/b", "ax/y/b", false, true},
		"and nothing":                                {"a**/*", "a", false, true},
		"but not behind a star":                      {"*a**/b", "a/x/b", false, false},
		"the last line decides":                      {"*.yaml\n!a.yaml", "a.yaml", false, false},
		"and again":                                  {"*.yaml\n!a.yaml\na.yaml", "a.yaml", false, true},
		"a comment":                                  {"# a\n\n", "a", false, false},
		"a hidden folder":                            {"", ".github", true, true},
		"a hidden file":                              {"", ".a.yaml", false, false},
		"a hidden folder taken back":                 {"!.proton/", ".proton", true, false},
		"Git's folder is never taken back":           {"!.*", ".git", true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rules, problems := parseIgnore(".", []byte(tt.rules))
			if len(problems) > 0 {
				t.Fatalf("problems: %s", problems)
			}
			if got := rules.reason(tt.path, tt.folder); (got != "") != tt.want {
				t.Errorf("%q for %s: reason = %q, want one: %v", tt.rules, tt.path, got, tt.want)
			}
		})
	}
}

func TestIgnoreFileOverTheLimit(t *testing.T) {
	t.Parallel()
	text := "first\n" + strings.Repeat("x", maxIgnoreFile) + "\nlast\n"
	rules, problems := parseIgnore("sub", []byte(text))
	if len(rules.rules) != 1 || rules.reason("sub/first", false) == "" {
		t.Errorf("rules = %+v, want the first line", rules.rules)
	}
	if !problems.Failed() || problems[0].File != "sub/.baryonignore" {
		t.Errorf("problems = %v, want that the rest is not read", problems)
	}
}

func TestPatternsTakeLittleTime(t *testing.T) {
	t.Parallel()
	name := strings.Repeat("a", 4000)
	start := time.Now()
	if matchName(strings.Repeat("*a", 1000)+"b", name) {
		t.Error("a pattern that ends in b matches a name that ends in a")
	}
	segments := strings.Split(strings.Repeat("**/a/", 500)+"b", "/")
	if matchPath(segments, slices.Repeat([]string{"a"}, 4000)) {
		t.Error("a pattern that ends in b matches a path that ends in a")
	}
	if spent := time.Since(start); spent > time.Minute {
		t.Errorf("matching took %s", spent)
	}
}

// TestIgnoreAsGitDoes asks git about the same rules and paths.
func TestIgnoreAsGitDoes(t *testing.T) {
	t.Parallel()
	git, err := exec.LookPath("git")
	if err != nil {
		if slices.Contains(strings.Split(os.Getenv("BARYON_REQUIRE"), ","), "git") {
			t.Fatal("git is not on PATH and BARYON_REQUIRE asks for it")
		}
		t.Skip("git is not on PATH")
	}
	dir := t.TempDir()
	if out, err := exec.Command(git, "init", "-q", dir).CombinedOutput(); err != nil {
		t.Fatalf("git init: %v\n%s", err, out)
	}
	piece := rapid.SampledFrom([]string{"a", "b", "ab", "*", "**", "?", "[ab]", "[!a]", "/", "/", "a*", `\a`, "x"})
	name := rapid.SampledFrom([]string{"a", "b", "ab", "x", "aab"})
	rapid.Check(t, func(t *rapid.T) {
		var lines []string
		for range rapid.IntRange(1, 4).Draw(t, "lines") {
			line := strings.Join(rapid.SliceOfN(piece, 1, 5).Draw(t, "line"), "")
			if rapid.Bool().Draw(t, "negated") {
				line = "!" + line
			}
			// What three stars or two slashes in a row mean is an accident of Git's.
			if strings.Contains(line, "***") || strings.Contains(line, "//") {
				continue
			}
			lines = append(lines, line)
		}
		var paths []string
		for range 10 {
			paths = append(paths, strings.Join(rapid.SliceOfN(name, 1, 4).Draw(t, "path"), "/"))
		}
		text := strings.Join(lines, "\n") + "\n"
		want := checkIgnore(t, git, dir, text, paths)
		rules, _ := parseIgnore(".", []byte(text))
		for _, p := range paths {
			if got := ignoredAlong(rules, p); got != want[p] {
				t.Errorf("rules %q: %s ignored = %v, git says %v", lines, p, got, want[p])
			}
		}
	})
}

// ignoredAlong asks for each folder above a path first, as a reading does.
func ignoredAlong(rules *ignoreRules, p string) bool {
	parts := strings.Split(p, "/")
	for i := range parts {
		if rules.reason(strings.Join(parts[:i+1], "/"), i < len(parts)-1) != "" {
			return true
		}
	}
	return false
}

func checkIgnore(t *rapid.T, git, dir, rules string, paths []string) map[string]bool {
	file := filepath.Join(dir, ".git", "info", "exclude")
	if err := os.WriteFile(file, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(git, "check-ignore", "--no-index", "--stdin", "-z", "-v", "-n")
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(strings.Join(paths, "\x00")+"\x00")
	out, err := cmd.Output()
	if err != nil && cmd.ProcessState.ExitCode() != 1 {
		t.Fatalf("git check-ignore: %v", err)
	}
	ignored := map[string]bool{}
	fields := bytes.Split(out, []byte{0})
	for ; len(fields) >= 4; fields = fields[4:] {
		ignored[string(fields[3])] = len(fields[2]) > 0 && fields[2][0] != '!'
	}
	if len(ignored) == 0 {
		t.Fatal(fmt.Sprintf("git said nothing about %q: %q", paths, out))
	}
	return ignored
}

func FuzzIgnore(f *testing.F) {
	for _, rules := range []string{"a\n!b\n", "/a/**/b\n[a-", "**\n*\n?\n", `\`, "[]a]\n[!]a]\n", "\ufeff# x\n!\n/\n"} {
		f.Add(rules, "a/b/c.yaml", true)
	}
	f.Fuzz(func(t *testing.T, text, p string, folder bool) {
		rules, problems := parseIgnore(".", []byte(text))
		if p == "" || strings.HasSuffix(p, "/") {
			return
		}
		reason := rules.reason(p, folder)
		if reason != rules.reason(p, folder) {
			t.Error("one path, two answers")
		}
		for _, problem := range problems {
			if problem.File == "" || problem.Rule == "" {
				t.Errorf("a problem without a place or a rule: %+v", problem)
			}
		}
	})
}

func TestBranchNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"main": true, "feature/x.y-z": true, "a@b": true, "@": false, "a..b": false, "a//b": false, "/a": false, "a/": false, ".a": false,
		"a/.b": false, "a.lock": false, "a.lock/b": false, "a.": false, "a@{b": false, "a~1": false, "a^": false, "a:b": false, "a?": false,
		"a*": false, "a[": false, `a\b`: false,
	} {
		if got := branchName(name); got != want {
			t.Errorf("branchName(%q) = %v, want %v", name, got, want)
		}
	}
}
