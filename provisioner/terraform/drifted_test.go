package terraform_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"baryon/provisioner"
	"baryon/provisioner/provisionertest"
	"baryon/provisioner/terraform"

	"github.com/google/go-cmp/cmp"
)

// What a check printed whose provider found another tag on an instance.
const (
	driftPlanned = `{"@level":"info","@message":"aws_instance.web: Drift detected (update)","@module":"terraform.ui","change":{"resource":{"addr":"aws_instance.web","module":"","resource":"aws_instance.web","implied_provider":"aws","resource_type":"aws_instance","resource_name":"web","resource_key":null},"action":"update"},"type":"resource_drift"}
{"@level":"info","@message":"Plan: 0 to add, 0 to change, 0 to destroy.","@module":"terraform.ui","changes":{"add":0,"change":0,"import":0,"remove":0,"operation":"plan"},"type":"change_summary"}`
	driftShown = `{"format_version":"1.2","resource_changes":[],"resource_drift":[{"address":"aws_instance.web","mode":"managed","type":"aws_instance","name":"web","change":{"actions":["update"],"before":{"id":"i-1","tags":{"team":"a"},"user_data":"canary"},"after":{"id":"i-1","tags":{"team":"canary"},"user_data":"canary"},"after_unknown":{}}}]}`
)

// saying is a program that says this of a check for drift and ends it with the
// code, and else is the real one.
func saying(t *testing.T, p place, planned string, code int) func(*terraform.Config) {
	t.Helper()
	script := fmt.Sprintf(`#!/bin/sh
case "$*" in
"plan "*-refresh-only*)
	case "$*" in *-detailed-exitcode*) ;; *) echo "asked without -detailed-exitcode" >&2; exit 1 ;; esac
	%[1]s "$@" >/dev/null || exit 1
	cat %[2]s/planned
	exit %[3]d ;;
"show -json "*)
	echo shown >>%[2]s/shows
	cat %[2]s/shown
	exit ;;
esac
exec %[1]s "$@"
`, p.program, p.dir, code)
	binary := filepath.Join(p.dir, "terraform-that-finds")
	for name, text := range map[string]string{binary: script, filepath.Join(p.dir, "planned"): planned + "\n", filepath.Join(p.dir, "shown"): driftShown + "\n"} {
		if err := provisionertest.WriteProgram(name, text); err != nil {
			t.Fatal(err)
		}
	}
	return func(c *terraform.Config) { c.Binary = binary }
}

// TestDrift goes by the code with which a check ends, and reads a whole plan only
// for the attributes of what was found.
func TestDrift(t *testing.T) {
	t.Parallel()
	eachProgram(t, func(t *testing.T, p place) {
		for name, tt := range map[string]struct {
			planned string
			code    int
			shows   int
			want    []provisioner.ResourceChange
			says    string
		}{
			"an attribute": {driftPlanned, 2, 1, []provisioner.ResourceChange{{Address: "aws_instance.web", Action: "update", Attributes: []string{"tags"}}}, "update aws_instance.web: tags"},
			"removed": {strings.ReplaceAll(driftPlanned, "update", "delete"), 2, 0,
				[]provisioner.ResourceChange{{Address: "aws_instance.web", Action: "delete"}}, "What is there is not what the state says."},
			"none, says the code": {driftPlanned, 0, 0, nil, ""},
			"outputs alone":       {"", 2, 0, nil, "What is there is not"},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				p := p.another(t)
				e := p.engine(t, saying(t, p, tt.planned, tt.code))
				if got, log := end(t, e, job("one", "")); got.State != provisioner.Succeeded {
					t.Fatalf("%s\n%s", got.Message, log)
				}
				got, log := end(t, checker{e}, job("check", ""))
				if diff := cmp.Diff(tt.want, got.Changes); diff != "" || got.State != provisioner.Succeeded || !strings.Contains(log, tt.says) {
					t.Errorf("%s %s: changes (-want +got):\n%s\n%s", got.State, got.Message, diff, log)
				}
				if strings.Contains(log, "command 4 of 5") || strings.Contains(log, "canary") {
					t.Errorf("it planned a deployment as well, or shows a value:\n%s", log)
				}
				shows, err := os.ReadFile(filepath.Join(p.dir, "shows"))
				if n := strings.Count(string(shows), "shown"); n != tt.shows || err != nil && !os.IsNotExist(err) {
					t.Errorf("a whole plan was read %d times, want %d (%v)", n, tt.shows, err)
				}
			})
		}
		t.Run("failed", func(t *testing.T) {
			t.Parallel()
			p := p.another(t)
			e := p.engine(t, saying(t, p, "Error: no credentials", 1))
			if got, log := end(t, e, job("one", "")); got.State != provisioner.Succeeded {
				t.Fatalf("%s\n%s", got.Message, log)
			}
			if got, log := end(t, checker{e}, job("check", "")); got.State != provisioner.Failed || !strings.Contains(got.Message, "no credentials") {
				t.Errorf("%s %s\n%s", got.State, got.Message, log)
			}
		})
	})
}
