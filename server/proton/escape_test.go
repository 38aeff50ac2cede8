package proton_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
)

// TestNamesStayNames sends what would lead elsewhere in place of every name that
// an operation takes: up a folder, into another service, past the end of a text.
func TestNamesStayNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	names := []string{"name", "templateName", "serviceName", "environmentName", "componentName", "serviceInstanceName"}
	tried := 0
	for _, operation := range slices.Sorted(maps.Keys(w.model.Operations)) {
	members:
		for _, member := range names {
			for _, value := range []string{"../prod", "a/service-instance/b", "a%2Fb", `a\b`, "a\x00b", "a b", "service:shop", "sync:service:shop"} {
				text, err := json.Marshal(map[string]string{member: value})
				if err != nil {
					t.Fatal(err)
				}
				a := w.post(t, w.model.Target+"."+operation, string(text))
				switch {
				case strings.Contains(a.Message, "'"+member+"' is no member here"):
					continue members
				case a.Type != "ValidationException" || !strings.Contains(a.Message, "at '"+member+"' failed to satisfy constraint"):
					if strings.HasSuffix(operation, "Repository") && member == "name" {
						continue // OWNER/NAME, which is a key and never a path
					}
					t.Errorf("%s %s answered %s %q", operation, text, a.Type, a.Message)
				default:
					tried++
				}
			}
		}
	}
	if tried < 300 {
		t.Errorf("only %d names were tried", tried)
	}
}
