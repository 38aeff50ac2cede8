package renderer

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// outputName finds outputs.NAME and outputs["NAME"] in templates and commands,
// and nothing in proton-outputs.json or at the end of a sentence.
var outputName = regexp.MustCompile(`(?:^|[^-\w])outputs[ \t]*(?:\.[ \t]*([A-Za-z_]\w*)|\[\s*['"]([^'"\]]+)['"]\s*\])`)

// OutputNames are the outputs of other things that the files and commands of a
// part mention, by name alone and sorted. It looks at the text, so a name that
// a template puts together while it is rendered is not among them.
func (b *Bundle) OutputNames(p Part) []string {
	found := map[string]bool{}
	for name, f := range b.files {
		if !strings.HasPrefix(name, partDir(p)+"/") && p != PartComponent {
			continue
		}
		for _, m := range outputName.FindAllStringSubmatch(string(f.Data), -1) {
			found[m[1]+m[2]] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}
