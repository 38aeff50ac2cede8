package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"baryon/renderer"
	v1 "baryon/server/v1"
)

// testsDir is the folder beside a template's parts that holds its tests. It is
// no part of the bundle.
const testsDir = "tests"

func testCommand() *cobra.Command {
	var out format
	var update bool
	cmd := &cobra.Command{
		Use: "test TEMPLATE...", Short: "Run the tests of a template, without a daemon",
		Long: `Renders each test in the folder tests of a template, as the loop would, and compares
the result with what the test expects. A folder that holds several templates stands
for all of them. The tests are no part of the template: changing them makes no new
version.

A test is a file tests/NAME.yaml:

  spec:                        # Proton's document, or the path of a file with one
    proton: EnvironmentSpec
    spec: {size: large}
  name: prod                   # of the environment or service
  instance: dev                # of a service with several, or pipeline: true
  outputs: {environment/prod: {VpcId: vpc-1}}
  expect:
    cloudformation.yaml:
      contains: ["CidrBlock: 10.0.0.0/16"]
      lacks: [NatGateway]
      values: {Resources.Vpc.Type: "AWS::EC2::VPC"}

With error: TEXT instead of expect, rendering must fail with that text. With neither,
everything that would be applied is compared with the folder tests/NAME, which
--update writes. With file: FILE and context: {...} in the place of spec, one file
is rendered with a namespace of the test's own, and expected under its own name.`,
		Example: "  baryon test templates/web-env/v1\n  baryon test templates\n  baryon test templates/web-env/v1 --update",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fmt.Errorf("name a template, such as: baryon test templates/web-env/v1")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			run := testRun{update: update, results: []testResult{}}
			for _, arg := range args {
				if err := run.folder(cmd.Context(), arg); err != nil {
					return err
				}
			}
			err := out.print(cmd.OutOrStdout(), run.results, func() { run.print(cmd.OutOrStdout(), args) })
			if err == nil && slices.ContainsFunc(run.results, func(r testResult) bool { return !r.OK }) {
				return exitError(1)
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&update, "update", false, "write what the tests without expectations come to into their folders")
	out.flag(cmd)
	return cmd
}

// A testResult is what one test came to.
type testResult struct {
	Test     string            `json:"test"` // its file
	OK       bool              `json:"ok"`
	Updated  bool              `json:"updated,omitempty"`
	Problems renderer.Problems `json:"problems,omitempty"`
	Diff     string            `json:"diff,omitempty"`
}

type testRun struct {
	update  bool
	results []testResult
}

// folder runs the tests of a template, or of all templates in a folder.
func (t *testRun) folder(ctx context.Context, arg string) error {
	if isBundle(arg) || isComponent(arg) || len(majorsIn(arg)) > 0 {
		b, dir, err := openTemplate(arg)
		if err != nil {
			return err
		}
		return t.template(ctx, b, dir)
	}
	if _, err := os.Stat(arg); err != nil {
		_, _, err := openTemplate(arg)
		return err
	}
	return filepath.WalkDir(arg, func(dir string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return err
		}
		if strings.HasPrefix(e.Name(), ".") && dir != arg {
			return fs.SkipDir
		}
		if !isBundle(dir) {
			return nil
		}
		b, dir, err := openTemplate(dir)
		if err != nil {
			return err
		}
		if err := t.template(ctx, b, dir); err != nil {
			return err
		}
		return fs.SkipDir
	})
}

func (t *testRun) template(ctx context.Context, b *renderer.Bundle, dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, testsDir, "*.yaml"))
	if err != nil {
		return err
	}
	for _, file := range files {
		one := &templateTest{file: file, dir: dir, bundle: b, update: t.update}
		result, err := one.run(ctx)
		if err != nil {
			return err
		}
		t.results = append(t.results, result)
	}
	return nil
}

func (t *testRun) print(w io.Writer, args []string) {
	if len(t.results) == 0 {
		fmt.Fprintf(w, "no tests in %s; write %s, see: baryon test --help\n", strings.Join(args, ", "),
			filepath.ToSlash(path.Join(args[0], testsDir, "NAME.yaml")))
		return
	}
	failed := 0
	for _, r := range t.results {
		word := "ok"
		switch {
		case !r.OK:
			word = "FAIL"
			failed++
		case r.Updated:
			word = "updated"
		}
		fmt.Fprintf(w, "%-7s %s\n", word, filepath.ToSlash(r.Test))
		for _, p := range r.Problems {
			fmt.Fprintf(w, "        %s\n", strings.ReplaceAll(v1.Plain([]byte(p.String())), "\n", "\n        "))
		}
		if r.Diff != "" {
			fmt.Fprintf(w, "%s", v1.Plain([]byte(r.Diff)))
		}
	}
	if failed > 0 {
		fmt.Fprintf(w, "%d of %d tests failed\n", failed, len(t.results))
	}
}
