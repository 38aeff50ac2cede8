package cfn_test

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"baryon/renderer/cfn"
)

// What the public bundles render to has nothing that CloudFormation would refuse.
func TestCorpusIsFoundGood(t *testing.T) {
	if testing.Short() {
		t.Skip("the whole corpus is left out of short runs")
	}
	dir := os.Getenv("BARYON_CORPUS")
	if dir == "" {
		t.Skip("BARYON_CORPUS is not set")
	}
	file, err := os.Open(filepath.Join(dir, "jinja", "renders.jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	lines := bufio.NewScanner(unzipped)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var r struct {
			File string
			Want struct{ Out string }
		}
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		if r.Want.Out == "" {
			continue
		}
		parsed, problems := cfn.Parse(r.File, []byte(r.Want.Out))
		if problems.Failed() {
			continue // how filters are written differs between Python's run and ours
		}
		checked++
		for _, p := range parsed.Check() {
			// A loop over no instances leaves a key without a value: no stack is made of that.
			if !strings.Contains(p.Rule, "no empty values") {
				t.Error(p)
			}
		}
	}
	if checked < 90 {
		t.Errorf("only %d templates were checked", checked)
	}
}
