package awssim_test

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"baryon/provisioner/awssim"
)

// TestEveryBehaviourIsTried holds the tests of this package to the list of one
// hundred: the name of a test begins with the numbers of what it tries.
func TestEveryBehaviourIsTried(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	tried := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile(`"((?:\d{3} )+)`).FindAllStringSubmatch(string(text), -1) {
			for number := range strings.FieldsSeq(name[1]) {
				tried[number] = true
			}
		}
	}
	for i := 1; i <= 100; i++ {
		if number := fmt.Sprintf("%03d", i); !tried[number] {
			t.Errorf("behaviour %s has no test", number)
		}
	}
}

// A recorded render is what Python's Jinja2 made of a public bundle.
type recorded struct {
	File string
	Want struct{ Out, Err string }
}

func recordings(t *testing.T) []recorded {
	t.Helper()
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
	var out []recorded
	lines := bufio.NewScanner(unzipped)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var r recorded
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		if r.Want.Err == "" && strings.Contains(r.Want.Out, "Resources:") {
			out = append(out, r)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// notTaken are the reasons for which the real service takes no recorded render,
// and how many there are of each. The contexts of the recordings were made up:
// they name code on a disk, services without instances, and filters that print
// JSON where a list is wanted.
var notTaken = map[string]int{
	codeOnDisk: 33, // SAM reference, CodeUri: an S3 URI; "aws cloudformation package" makes it one
	"'null' values are not allowed in templates": 10, // recorded api/test_validations; a list of principals without one
	madeUpImage: 4, // a name and an ARN that were made up
	"Template format error: YAML not well-formed": 5, // JSON after a block list; the product's filters print a list there
}

const madeUpImage = "#/SourceConfiguration/ImageRepository/ImageIdentifier: failed validation constraint for keyword [pattern]"

const codeOnDisk = "'CodeUri' is not a valid S3 Uri of the form 's3://bucket/key' with optional versionId query parameter."

// TestCorpus takes the recorded renders of the public bundles through their
// life.
func TestCorpus(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("the whole corpus is left out of short runs")
	}
	all := recordings(t)
	refused := make([]string, len(all))
	t.Run("095", func(t *testing.T) {
		for i, r := range all {
			t.Run(fmt.Sprintf("095 %d %s", i, r.File), func(t *testing.T) {
				t.Parallel()
				refused[i] = life(t, r.Want.Out)
			})
		}
	})
	counts := map[string]int{}
	for _, why := range refused {
		if why != "" {
			counts[why]++
		}
	}
	if diff := cmp.Diff(notTaken, counts); diff != "" {
		t.Errorf("templates that are not taken (-want +got):\n%s", diff)
	}
}

// life creates a stack, updates it without a change, and deletes it. A template
// that is refused at once gives the reason, without the names in it.
func life(t *testing.T, template string) (refused string) {
	t.Helper()
	w := newWorld(t, awssim.Config{Step: time.Nanosecond})
	in := &cloudformation.CreateStackInput{StackName: new("s"), Capabilities: all, TemplateBody: &template}
	if _, err := w.cfn.CreateStack(t.Context(), in); err != nil {
		return reason(err.Error())
	}
	s := w.rest("s")
	if s.StackStatus != types.StackStatusCreateComplete {
		for _, e := range w.events("s") {
			if (strings.Contains(e, "_FAILED") || strings.HasPrefix(e, "s ROLLBACK_IN_PROGRESS")) && !strings.Contains(e, "cancelled") {
				return reason(e)
			}
		}
		return aws.ToString(s.StackStatusReason)
	}
	_, err := w.update("s", template)
	says(t, err, "ValidationError", "No updates are to be performed.")
	id := *s.StackId
	w.remove("s")
	if s := w.rest(id); s.StackStatus != types.StackStatusDeleteComplete {
		t.Errorf("%s: %s", s.StackStatus, aws.ToString(s.StackStatusReason))
	}
	return ""
}

// reason is the part of a refusal that the same mistakes have in common.
func reason(text string) string {
	for r := range notTaken {
		if strings.Contains(text, r) {
			return r
		}
	}
	return text
}
