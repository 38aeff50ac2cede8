package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestModelIsPublished compares what is committed with what the installed AWS
// CLI carries.
func TestModelIsPublished(t *testing.T) {
	dir, err := folder(t.Context())
	if err != nil {
		if slices.Contains(strings.Split(os.Getenv("BARYON_REQUIRE"), ","), "awscli") {
			if _, err := exec.LookPath("aws"); err != nil {
				t.Fatal("the AWS CLI is required here and is not on PATH")
			}
		}
		t.Skip("python3 has no botocore, which carries the published model: ", err)
	}
	got, err := build(dir)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(got), `"input":`) < 87 {
		t.Skip("this botocore knows an older Proton; 87 operations are wanted")
	}
	want, err := os.ReadFile(filepath.Join("..", "model.json"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("model.json differs from %s; run: go run ./server/proton/model/gen\n%s", dir, diff)
	}
}
