package provisioner_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"baryon/provisioner"

	"go.uber.org/goleak"
)

// canary is in the environment of every process here but the commands.
const canary = "BARYON_TEST_CANARY"

// TestMain lets the test binary be what engines under test start, and a daemon
// that can be killed.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 {
		switch os.Args[1] {
		case "supervise":
			crash := crashPoint{dir: filepath.Dir(filepath.Dir(os.Args[2]))}
			os.Exit(provisioner.SuperviseAt(os.Args[2], crash.step))
		case "daemon":
			os.Exit(runDaemon(os.Args[2]))
		}
	}
	if err := os.Setenv(canary, "it sings"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// A crashPoint kills its process at a step, once: when the file "crash" in its
// folder names the step and how often it was reached before. The steps that are
// passed are listed in the file "steps", if there is one.
type crashPoint struct {
	dir  string
	seen map[string]int
}

func (c *crashPoint) step(name string) {
	if c.seen == nil {
		c.seen = map[string]int{}
	}
	c.seen[name]++
	point := fmt.Sprintf("%s %d", name, c.seen[name])
	steps, err := os.OpenFile(filepath.Join(c.dir, "steps"), os.O_WRONLY|os.O_APPEND, 0)
	if err == nil {
		fmt.Fprintln(steps, point)
		steps.Close()
	}
	want, err := os.ReadFile(filepath.Join(c.dir, "crash"))
	if err != nil || string(want) != point {
		return
	}
	if err := os.Remove(filepath.Join(c.dir, "crash")); err != nil {
		panic(err)
	}
	syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// crashAt asks for a crash in dir, or for none.
func crashAt(t *testing.T, dir, point string) {
	t.Helper()
	if point != "" {
		write(t, filepath.Join(dir, "crash"), point)
	}
}

// crashed reports whether the crash that was asked for has happened.
func crashed(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, "crash"))
	return os.IsNotExist(err)
}

// passed lists the steps that processes in dir came by.
func passed(t *testing.T, dir string) []string {
	t.Helper()
	return strings.Split(strings.TrimSpace(read(t, filepath.Join(dir, "steps"))), "\n")
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// read gives "" for a file that is not there.
func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(text)
}

func executable(t *testing.T) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return exe
}

// supervisorOf reads the supervisor's number from a handle.
func supervisorOf(t *testing.T, handle string) int {
	t.Helper()
	var h struct{ Process struct{ PID int } }
	if err := json.Unmarshal([]byte(handle), &h); err != nil || h.Process.PID == 0 {
		t.Fatalf("handle %s names no process (%v)", handle, err)
	}
	return h.Process.PID
}
