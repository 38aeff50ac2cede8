package main_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// shownCommand is a command that a guide tells its reader to type.
var shownCommand = regexp.MustCompile(`(?m)^\$ (.+)$`)

// Every command of the guide is run by its script, in the same order.
func TestTemplatesGuide(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile(filepath.Join("..", "..", "docs", "templates.md"))
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile(filepath.Join("testdata", "script", "templates.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	var run []string
	for line := range strings.SplitSeq(string(script), "\n") {
		if _, command, ok := strings.Cut(line, "exec "); ok && (strings.HasPrefix(line, "exec") || strings.HasPrefix(line, "! exec")) {
			run = append(run, strings.TrimSuffix(command, " &daemon&"))
		}
	}
	var missing []string
	shown := shownCommand.FindAllStringSubmatch(string(guide), -1)
	for _, m := range shown {
		at := slices.Index(run, m[1])
		if at < 0 {
			missing = append(missing, m[1])
			continue
		}
		run = run[at+1:]
	}
	if len(shown) < 20 {
		t.Errorf("the guide shows %d commands, want 20 or more", len(shown))
	}
	if diff := cmp.Diff([]string(nil), missing); diff != "" {
		t.Errorf("commands of the guide that its script does not run, or not in this order (-want +got):\n%s", diff)
	}
}
