package provisionertest

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

//go:embed awscli.py
var awsCLI string

// An AWSCLI is the real AWS CLI, kept running: most of what a command costs is to
// start it.
type AWSCLI struct {
	in  io.Writer
	out *json.Decoder
}

// An AWSAnswer is what one command came to.
type AWSAnswer struct {
	Code     int
	Out, Err string
}

// AWSKnown is what the CLI knows of a service, by the names of its model.
type AWSKnown struct{ Operations, Waiters, Paginators []string }

// PythonOfAWS is a Python that can import the AWS CLI. Without one the test is
// skipped, or fails where BARYON_REQUIRE names awscli.
func PythonOfAWS(t *testing.T) string {
	t.Helper()
	absent := t.Skipf
	if slices.Contains(strings.Split(os.Getenv("BARYON_REQUIRE"), ","), "awscli") {
		absent = t.Fatalf
	}
	aws, err := exec.LookPath("aws")
	if err != nil {
		absent("the AWS CLI is not on PATH")
	}
	candidates := []string{"python3", "/usr/bin/python3"}
	if text, err := os.ReadFile(aws); err == nil {
		first, _, _ := strings.Cut(string(text), "\n")
		if program, script := strings.CutPrefix(first, "#!"); script {
			candidates = append([]string{strings.Fields(program)[0]}, candidates...)
		}
	}
	for _, python := range candidates {
		if exec.CommandContext(t.Context(), python, "-c", "import awscli.clidriver").Run() == nil {
			return python
		}
	}
	absent("none of %v can import the AWS CLI", candidates)
	return ""
}

// StartAWSCLI starts the CLI in a folder, with what env says besides the
// environment of the test and nothing of a user's own settings. It ends with the test.
func StartAWSCLI(t *testing.T, python, dir string, env ...string) *AWSCLI {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), python, "-B", "-c", awsCLI)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "AWS_PAGER=", "AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "AWS_MAX_ATTEMPTS=1",
		"AWS_SESSION_TOKEN=", "NO_PROXY=127.0.0.1")
	cmd.Env = append(cmd.Env, env...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait() // it is the test's, and ends with its input
	})
	return &AWSCLI{in: in, out: json.NewDecoder(out)}
}

// Run runs one command. An error is the CLI's own end, not that of the command.
func (c *AWSCLI) Run(args ...string) (a AWSAnswer, err error) {
	line, err := json.Marshal(args)
	if err != nil {
		return a, err
	}
	if _, err := fmt.Fprintf(c.in, "%s\n", line); err != nil {
		return a, err
	}
	return a, c.out.Decode(&a)
}

// KnownToAWSCLI is what the CLI knows of a service.
func KnownToAWSCLI(t *testing.T, python, service string) (known AWSKnown) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), python, "-B", "-c", awsCLI, service).Output()
	if err == nil {
		err = json.Unmarshal(out, &known)
	}
	if err != nil {
		t.Fatal(err)
	}
	return known
}
