package provisioner_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"baryon/provisioner"
	"baryon/provisioner/provisionertest"

	"github.com/google/go-cmp/cmp"
)

// newCommand is an engine in a folder of its own, with what change makes of its
// configuration.
func newCommand(t *testing.T, change func(*provisioner.CommandConfig)) *provisioner.Command {
	t.Helper()
	cfg := provisioner.CommandConfig{
		Dir: filepath.Join(t.TempDir(), "work"), Executable: executable(t), Grace: 300 * time.Millisecond,
	}
	if change != nil {
		change(&cfg)
	}
	c, err := provisioner.NewCommand(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func provision(commands ...string) provisioner.Job {
	return provisioner.Job{ID: "job-1", Stack: "environment-dev", Action: provisioner.Provision, Commands: commands}
}

// end brings a job to its end in an engine of its own.
func end(t *testing.T, job provisioner.Job, change func(*provisioner.CommandConfig)) (provisioner.Progress, string) {
	t.Helper()
	c := provisionertest.Caller{Job: job}
	p := c.End(t, newCommand(t, change))
	return p, string(c.Log)
}

// TestSession runs commands as users write them.
func TestSession(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		commands []string
		state    provisioner.State
		message  string // the beginning; all of it for an empty one
		log      string // what the commands print
	}{
		"no command at all": {nil, provisioner.Succeeded, "", ""},
		"variables, functions and the folder last": {
			[]string{"export A=1 B=2\nf() { echo $A$B; }", "mkdir sub && cd sub", "f; basename $(pwd)"},
			provisioner.Succeeded, "", "12\nsub\n",
		},
		"the folder at first is the bundle's": {[]string{"basename $(pwd)"}, provisioner.Succeeded, "", "bundle\n"},
		"the first failure ends it": {
			[]string{"echo a", "echo b; false; echo c", "echo d"},
			provisioner.Failed, "command 2 of 3 failed with exit status 1: echo b; false; echo c\nb", "a\nb\n",
		},
		"a command of several lines is named by its first": {
			[]string{"echo a\nfalse\n"}, provisioner.Failed, "command 1 of 1 failed with exit status 1: echo a …\na", "a\n",
		},
		"set +e lasts, and the last status counts": {
			[]string{"set +e", "false", "echo on", "false"},
			provisioner.Failed, "command 4 of 4 failed with exit status 1: false", "on\n",
		},
		"an unfinished quote stays within its command": {
			[]string{"echo a", "echo 'b", "echo c'"}, provisioner.Failed, "command 2 of 3 failed with exit status ", "a\n",
		},
		"a here document": {[]string{"cat <<END\n$((1 + 1))\nEND", "echo after"}, provisioner.Succeeded, "", "2\nafter\n"},
		"an early exit 0 ends it well, and says so": {
			[]string{"echo a", "exit 0", "echo c"},
			provisioner.Succeeded, "command 2 of 3 ended the session with exit 0; the commands after it were not run", "a\n",
		},
		"an exit trap runs": {[]string{"trap 'echo bye' EXIT", "echo hi"}, provisioner.Succeeded, "", "hi\nbye\n"},
		"an unknown program": {
			[]string{"no-such-program --x"}, provisioner.Failed, "command 1 of 1 failed with exit status 127: no-such-program --x\n", "",
		},
		"stdin is empty":             {[]string{"cat", "read x || echo none"}, provisioner.Succeeded, "", "none\n"},
		"stderr is in the log, too":  {[]string{"echo a; echo b >&2; echo c"}, provisioner.Succeeded, "", "a\nb\nc\n"},
		"the shell kills itself":     {[]string{"kill -9 $$"}, provisioner.Failed, "command 1 of 1 was killed by a signal (killed): kill -9 $$", ""},
		"a program is killed":        {[]string{"sh -c 'kill -9 $$'"}, provisioner.Failed, "command 1 of 1 failed with exit status 137: ", ""},
		"spaces and quotes are kept": {[]string{`  printf '%s|' "a  b" '\n' '%s' "\\"`}, provisioner.Succeeded, "", `a  b|\n|%s|\|`},
		"the talk with the supervisor is out of reach": {
			[]string{"for fd in 3 4 7 8 9; do (echo next >&$fd) 2>/dev/null && echo fd $fd is open; done; ls /proc/self/fd | tr '\\n' ' '; exec 3>&1; echo x >&3", "echo y >&3; echo z"},
			provisioner.Succeeded, "", "0 1 2 3 x\ny\nz\n",
		},
		"terminal sequences stay out of the message": {
			[]string{`printf '\033[31mred\033[0m\007 \033]8;;http://x\033\\link\033]8;;\033\\ 10%%\r20%%\n'; false`},
			provisioner.Failed, "command 1 of 1 failed with exit status 1: printf '\\033[31mred\\033[0m\\007 \\033]8;;http://x\\033\\\\link\\033]8;;\\033\\\\ 10%%\\r20%%\\n'; false\nred link 10%\n20%",
			"\x1b[31mred\x1b[0m\a \x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\ 10%\r20%\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, log := end(t, provision(tt.commands...), nil)
			if p.State != tt.state {
				t.Errorf("state = %s, want %s", p.State, tt.state)
			}
			if tt.message == "" && p.Message != "" || !strings.HasPrefix(p.Message, tt.message) {
				t.Errorf("message = %q, want %q", p.Message, tt.message)
			}
			var printed strings.Builder
			for line := range strings.Lines(log) {
				if !strings.HasPrefix(line, "==> ") && !strings.Contains(line, "/commands/") {
					printed.WriteString(line)
				}
			}
			if diff := cmp.Diff(tt.log, printed.String()); diff != "" {
				t.Errorf("printed (-want +got):\n%s", diff)
			}
		})
	}
}

// TestEnvironment shows that commands get what is documented and nothing else.
func TestEnvironment(t *testing.T) {
	t.Parallel()
	// A file that was left open by mistake, as programs do that start a daemon.
	leak, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer leak.Close()
	job := provision(
		"env | cut -d= -f1 | sort | tr '\\n' ' '",
		`echo "$PATH"; echo "$RESOURCE_ARN"; test "${HOME%/home}/tmp" = "$TMPDIR"; ls -A "$HOME" | wc -l; ls -A "$TMPDIR" | wc -l; umask`,
	)
	job.Env = map[string]string{"RESOURCE_ARN": "arn:a b'c\"$(d)`e`"}
	p, log := end(t, job, nil)
	want := []string{
		"BARYON_RUN HOME LANG PATH PWD RESOURCE_ARN SHLVL TMPDIR _ ",
		"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "arn:a b'c\"$(d)`e`", "0", "0", "0022",
	}
	var got []string
	for line := range strings.Lines(log) {
		before, _, _ := strings.Cut(line, "==>")
		if before = strings.TrimSuffix(before, "\n"); before != "" {
			got = append(got, before)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" || p.State != provisioner.Succeeded {
		t.Errorf("%s %s: environment (-want +got):\n%s", p.State, p.Message, diff)
	}
	if _, log := end(t, provision("env; cat /proc/$PPID/environ"), nil); strings.Contains(log, canary) {
		t.Errorf("the daemon's environment reached the commands:\n%s", log)
	}
}

// TestPlainShell runs where there is no bash, and where there is no shell.
func TestPlainShell(t *testing.T) {
	t.Parallel()
	bin := t.TempDir()
	for _, name := range []string{"sh", "dash"} {
		if _, err := os.Stat("/bin/dash"); err != nil {
			t.Skip("no dash here to be the shell that is not bash")
		}
		if err := os.Symlink("/bin/dash", filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	p, log := end(t, provision("A=1; echo ${BASH_VERSION:-none}", "echo $A; (exit 4); echo never"), func(c *provisioner.CommandConfig) { c.Path = bin })
	if want := "command 2 of 2 failed with exit status 4: echo $A; (exit 4); echo never\n1"; p.Message != want || !strings.Contains(log, "\nnone\n") {
		t.Errorf("message = %q, want %q; log\n%s", p.Message, want, log)
	}
	empty := t.TempDir()
	p, _ = end(t, provision("echo a"), func(c *provisioner.CommandConfig) { c.Path = empty })
	if want := "neither bash nor sh found in " + empty + "; install one, or use an image that has it"; p.State != provisioner.Failed || p.Message != want {
		t.Errorf("without a shell: %s %q, want %s %q", p.State, p.Message, provisioner.Failed, want)
	}
}

// secrets looks values up by reference.
func secrets(values map[string]string) func(context.Context, provisioner.Secret) (string, error) {
	return func(_ context.Context, s provisioner.Secret) (string, error) { return values[s.Reference], nil }
}

// TestSecrets looks for a secret in everything that is kept.
func TestSecrets(t *testing.T) {
	t.Parallel()
	const secret, key = "s3cr3t-canary-value", "-----BEGIN KEY-----\nbGluZSBvbmU=\n-----END KEY-----\n"
	dir := filepath.Join(t.TempDir(), "work")
	engine := newCommand(t, func(c *provisioner.CommandConfig) {
		c.Dir, c.Secrets = dir, secrets(map[string]string{"token": secret, "key": key})
	})
	release := filepath.Join(t.TempDir(), "release")
	job := provision(
		`test "$TOKEN" = s3cr3t-can"ary-value"`, // the test's own words are no leak
		`echo "token is $TOKEN."; echo "$KEY"; printf %s "${TOKEN%value}"; sleep 0.05; printf '%s\n' value`,
		"until test -e "+release+"; do sleep 0.02; done",
		`echo "$TOKEN" >&2; exit 3 # $TOKEN`,
	)
	job.References = []provisioner.Secret{{Name: "TOKEN", Reference: "token"}, {Name: "KEY", Reference: "key"}}
	c := provisionertest.Caller{Job: job}
	c.Until(t, engine, func(provisioner.Progress) bool { return strings.Contains(string(c.Log), "==> command 3 of 4: ") })
	search := func() {
		t.Helper()
		seen := 0
		err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return nil // removed meanwhile
			}
			text := read(t, path)
			seen++
			for _, s := range []string{secret, "bGluZSBvbmU="} {
				if strings.Contains(text, s) {
					t.Errorf("%s holds a secret:\n%s", path, text)
				}
			}
			return nil
		})
		if err != nil || seen < 5 {
			t.Errorf("searched %d files, err %v", seen, err)
		}
	}
	search()
	write(t, release, "")
	p := c.End(t, engine)
	search()
	if want := "command 4 of 4 failed with exit status 3: echo \"$TOKEN\" >&2; exit 3 # $TOKEN\n****"; p.Message != want {
		t.Errorf("message = %q, want %q", p.Message, want)
	}
	if want := "token is ****.\n****\n****\n****\n\n****\n"; !strings.Contains(string(c.Log), "token is ****.\n") || strings.Contains(string(c.Log), "canary-value\n==>") {
		t.Errorf("log = %q, want it to contain %q", c.Log, want)
	}
}

// TestSecretOutput shows that a secret cannot leave by the outputs.
func TestSecretOutput(t *testing.T) {
	t.Parallel()
	job := provision(`echo "[{\"key\": \"dsn\", \"valueString\": \"pg://$TOKEN@db\"}]" > proton-outputs.json`)
	job.References = []provisioner.Secret{{Name: "TOKEN", Reference: "token"}}
	p, _ := end(t, job, func(c *provisioner.CommandConfig) {
		c.Secrets = secrets(map[string]string{"token": "s3cr3t-canary-value"})
	})
	if p.State != provisioner.Failed || !strings.Contains(p.Message, `output "dsn" holds the value of a secret`) || len(p.Outputs) > 0 {
		t.Errorf("%s %q %v, want %s as the output holds a secret", p.State, p.Message, p.Outputs, provisioner.Failed)
	}
}

// TestFiles shows where files of the bundle go, and which are refused.
func TestFiles(t *testing.T) {
	t.Parallel()
	job := provision("find . -mindepth 1 -printf '%P %m\\n' | sort", "cat 'a b/ü.txt'; ./run")
	job.Files = fstest.MapFS{
		"a b/ü.txt": {Data: []byte("text\n"), Mode: 0o400},
		"run":       {Data: []byte("#!/bin/sh\necho ran\n"), Mode: 0o700},
		"-x":        {Data: nil},
	}
	p, _ := end(t, provision(), nil)
	if p.State != provisioner.Succeeded {
		t.Errorf("no files: %s %s", p.State, p.Message)
	}
	p, log := end(t, job, nil)
	want := "-x 644\na b 755\na b/ü.txt 644\nrun 755\n==> command 2 of 2: cat 'a b/ü.txt'; ./run\ntext\nran\n"
	if _, got, _ := strings.Cut(log, "\n"); p.State != provisioner.Succeeded || got != want {
		t.Errorf("%s %s: log\n%s\nwant\n%s", p.State, p.Message, got, want)
	}
	for name, files := range map[string]fs.FS{
		"a symbolic link":    fstest.MapFS{"x": {Data: []byte("/etc/passwd"), Mode: fs.ModeSymlink}},
		"a named pipe":       fstest.MapFS{"x": {Mode: fs.ModeNamedPipe}},
		"a name that climbs": hostile{"../../x"},
		"an absolute name":   hostile{"/tmp/x"},
		"a NUL in a name":    hostile{"a\x00b"},
		"a backslash":        hostile{`a\b`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			job := provision("echo never")
			job.Files = files
			p, log := end(t, job, nil)
			if p.State != provisioner.Failed || !strings.Contains(p.Message, "only regular files and folders with plain names can be provisioned") || log != "" {
				t.Errorf("%s %q, log %q; want it refused", p.State, p.Message, log)
			}
		})
	}
}

// hostile is a file system whose root lists one name that no path may have.
type hostile struct{ name string }

func (h hostile) Open(name string) (fs.File, error) {
	return fstest.MapFS{"x": {Data: []byte("x")}}.Open(strings.ReplaceAll(name, h.name, "x"))
}

func (h hostile) ReadDir(string) ([]fs.DirEntry, error) {
	info, err := fs.Stat(h, "x")
	return []fs.DirEntry{hostileEntry{fs.FileInfoToDirEntry(info), h.name}}, err
}

type hostileEntry struct {
	fs.DirEntry
	name string
}

func (e hostileEntry) Name() string { return e.name }

// TestRefused lists what keeps a job from being run, whatever happens.
func TestRefused(t *testing.T) {
	t.Parallel()
	job := provision("echo a", "echo \x00b")
	job.Env = map[string]string{"1A": "x", "A=B": "x", "OK": "a\x00b", "BARYON_RUN": "x"}
	job.References = []provisioner.Secret{{Reference: "x"}}
	p, _ := end(t, job, nil)
	want := strings.Join([]string{
		`environment variable "1A": want letters, digits and underscores, the first not a digit; rename it`,
		`environment variable "A=B": want letters, digits and underscores, the first not a digit; rename it`,
		`environment variable BARYON_RUN is set by baryon; rename yours`,
		`environment variable OK: the value holds a NUL byte, which no process can be handed; remove it`,
		`environment variable "": want letters, digits and underscores, the first not a digit; rename it`,
		`command 2 of 2 holds a NUL byte, which no shell reads; remove it`,
	}, "\n")
	if diff := cmp.Diff(want, p.Message); diff != "" || p.State != provisioner.Failed {
		t.Errorf("%s (-want +got):\n%s", p.State, diff)
	}
}
