package gitsource

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// binaryTransport lets the git program speak to servers that this package cannot
// serve well. Nothing a user wrote can be taken for an option or a helper, no
// configuration of the machine counts, and credentials travel in the environment
// of the process, never among its arguments. The limits on sizes do not hold here;
// the time-outs do.
type binaryTransport struct {
	dir   string // where to run when there is no mirror; outside of any repository
	stall time.Duration
	check func() (string, error) // finds the program, once
}

func newBinaryTransport(dir string, stall time.Duration) *binaryTransport {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	return &binaryTransport{dir: dir, stall: stall, check: sync.OnceValues(findGit)}
}

var gitVersion = regexp.MustCompile(`^git version (\d+)\.(\d+)`)

// findGit returns the path of the git program. Before 2.31 git takes no
// configuration from the environment, which is where the credentials are.
func findGit() (string, error) {
	name, err := exec.LookPath("git")
	if err != nil {
		return "", &fault{kind: KindUnsupported, text: "the git program is needed and not installed", next: "install git 2.31 or newer"}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, "version").Output()
	if err != nil {
		return "", &fault{kind: KindUnsupported, text: "the git program does not run", err: err}
	}
	v := gitVersion.FindSubmatch(out)
	if v == nil {
		return "", &fault{kind: KindUnsupported, text: fmt.Sprintf("the git program says %q for a version", printable(string(out)))}
	}
	major, _ := strconv.Atoi(string(v[1])) // digits, by the pattern
	minor, _ := strconv.Atoi(string(v[2]))
	if major < 2 || major == 2 && minor < 31 {
		return "", &fault{kind: KindUnsupported, text: fmt.Sprintf("git %d.%d is too old", major, minor), next: "install git 2.31 or newer"}
	}
	return name, nil
}

// needsBinary tells whether a host answers fetches only in a dialect that this
// package does not speak (multi_ack).
func needsBinary(a address) bool {
	if a.scheme == local {
		return false
	}
	host := strings.ToLower(a.url.Hostname())
	return host == "dev.azure.com" || strings.HasSuffix(host, ".dev.azure.com") || strings.HasSuffix(host, ".visualstudio.com") ||
		strings.HasPrefix(host, "git-codecommit.") && (strings.HasSuffix(host, ".amazonaws.com") || strings.HasSuffix(host, ".amazonaws.com.cn"))
}

func (b *binaryTransport) close() {}

func (b *binaryTransport) list(ctx context.Context, t target, ref string) (listing, error) {
	ask := func(patterns ...string) (listing, error) {
		args := append([]string{"ls-remote", "--symref", "--", cloneURL(t.addr)}, patterns...)
		out, err := b.run(ctx, t, b.dir, args...)
		if err != nil {
			return listing{}, err
		}
		return readLsRemote(out, ref)
	}
	l, err := ask("HEAD", ref, ref+"^{}")
	if err == nil && !l.exists {
		return ask()
	}
	return l, err
}

// readLsRemote reads what git ls-remote --symref prints.
func readLsRemote(out []byte, want string) (listing, error) {
	var l listing
	for line := range strings.Lines(string(out)) {
		hash, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if target, symbolic := strings.CutPrefix(hash, "ref: "); ok && symbolic {
			if name == "HEAD" {
				l.head = target
			}
			continue
		}
		if !ok {
			return listing{}, &fault{kind: KindCorrupt, text: fmt.Sprintf("git ls-remote printed %q", printable(line))}
		}
		if err := checkHash(hash); err != nil {
			return listing{}, err
		}
		l.note(want, strings.TrimSuffix(name, "^{}"), hash, "")
	}
	return l, nil
}

// fetch fetches the ref and, when the commit did not come with it, the commit
// itself, which many servers hand out.
func (b *binaryTransport) fetch(ctx context.Context, t target, m *mirror, ref, want string) error {
	keep := keepName(ref).String()
	for _, source := range []string{ref, want} {
		_, err := b.run(ctx, t, m.dir, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-gc",
			"--no-recurse-submodules", "--force", "--", cloneURL(t.addr), "+"+source+":"+keep)
		m.reset()
		if err != nil && source == want {
			return noCommit(want)
		}
		if err != nil && KindOf(failure("", Repo{}, err)) != KindNoBranch {
			return err
		}
		if ok, err := m.has(want); err != nil || ok {
			return err
		}
	}
	return nil
}

// cloneURL spells an address for the git program.
func cloneURL(a address) string {
	if a.scheme != shell {
		return a.key()
	}
	user := a.url.User.Username()
	if user == "" {
		user = "git"
	}
	switch {
	case strings.HasPrefix(a.path, "/"):
		return "ssh://" + user + "@" + a.hostPort() + a.path
	case strings.HasPrefix(a.path, "~"):
		return "ssh://" + user + "@" + a.hostPort() + "/" + a.path
	}
	return user + "@" + a.url.Hostname() + ":" + a.path
}

// run runs git in dir and returns its output.
func (b *binaryTransport) run(ctx context.Context, t target, dir string, args ...string) ([]byte, error) {
	name, err := b.check()
	if err != nil {
		return nil, err
	}
	env, cleanup, err := b.env(t)
	if err != nil {
		return nil, err
	}
	defer cleanup()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = dir, env, 5*time.Second
	ownGroup(cmd)
	var out bytes.Buffer
	said := &tail{}
	cmd.Stdout, cmd.Stderr = &capped{&out, listBudget}, said
	err = cmd.Run()
	if err == nil {
		return out.Bytes(), nil
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return nil, binaryFault(said, err)
}

// capped refuses more output than a list of refs may have.
type capped struct {
	buf  *bytes.Buffer
	room int
}

func (c *capped) Write(p []byte) (int, error) {
	if c.room -= len(p); c.room < 0 {
		return 0, errors.New("the output of git is longer than the limit")
	}
	return c.buf.Write(p)
}

// env makes the environment of one run. cleanup removes what was written to disk.
func (b *binaryTransport) env(t target) (env []string, cleanup func(), err error) {
	cleanup = func() {}
	env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + b.dir, "LC_ALL=C", "GIT_TERMINAL_PROMPT=0",
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CEILING_DIRECTORIES=" + filepath.Dir(b.dir),
	}
	for _, name := range []string{"http_proxy", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY", "GIT_SSL_CAINFO", "SSL_CERT_FILE", "SSL_CERT_DIR"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	config := []string{
		"protocol.allow", "never", "protocol.ext.allow", "never", "protocol." + t.addr.url.Scheme + ".allow", "always",
		"credential.helper", "", "core.askPass", "", "core.hooksPath", os.DevNull, "gc.auto", "0", "fetch.unpackLimit", "1",
		"http.followRedirects", "false", "http.lowSpeedLimit", "1", "http.lowSpeedTime", strconv.Itoa(max(1, int(b.stall.Seconds()))),
	}
	if t.addr.scheme == shell {
		command, remove, err := b.sshCommand(t)
		if err != nil {
			return nil, cleanup, err
		}
		env, cleanup = append(env, "GIT_SSH_COMMAND="+command, "GIT_SSH_VARIANT=ssh"), remove
	} else {
		user, token, ok, err := t.repo.Auth.basic()
		if err != nil {
			return nil, cleanup, err
		}
		if ok {
			if t.addr.url.Scheme == "http" && !loopback(t.addr.url.Hostname()) {
				return nil, cleanup, &fault{kind: KindInvalid, text: "a token would travel over plain http", next: "use https"}
			}
			coded := base64.StdEncoding.EncodeToString([]byte(user + ":" + token))
			config = append(config, "http."+t.addr.url.Scheme+"://"+t.addr.url.Host+"/.extraHeader", "Authorization: Basic "+coded)
		}
	}
	env = append(env, "GIT_CONFIG_COUNT="+strconv.Itoa(len(config)/2))
	for i := 0; i < len(config); i += 2 {
		env = append(env, fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", i/2, config[i]), fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", i/2, config[i+1]))
	}
	return env, cleanup, nil
}

// sshCommand is the ssh that git shall run: our key, our known hosts, no
// questions. A key that lives in a variable is written to a file for the time of
// the run, since ssh reads keys from files alone.
func (b *binaryTransport) sshCommand(t target) (command string, remove func(), err error) {
	remove = func() {}
	files, err := t.repo.Auth.knownHosts()
	if err != nil {
		return "", remove, err
	}
	if _, err := t.repo.Auth.signer(); err != nil {
		return "", remove, err
	}
	key := t.repo.Auth.SSHKeyFile
	if key == "" {
		text, err := secret("ssh key", "", t.repo.Auth.SSHKeyEnv)
		if err != nil {
			return "", remove, err
		}
		f, err := os.CreateTemp(b.dir, "key-*")
		if err != nil {
			return "", remove, err
		}
		key, remove = f.Name(), func() { os.Remove(f.Name()) }
		_, err = f.WriteString(text + "\n")
		if err = errors.Join(err, f.Close()); err != nil {
			remove()
			return "", func() {}, err
		}
	}
	if key, err = filepath.Abs(key); err != nil {
		return "", remove, err
	}
	known := "UserKnownHostsFile=\"" + strings.Join(files, "\" \"") + "\""
	words := []string{
		"ssh", "-F", os.DevNull, "-i", shellQuote(key), "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10",
		"-o", "StrictHostKeyChecking=yes", "-o", "GlobalKnownHostsFile=" + os.DevNull, "-o", shellQuote(known),
	}
	return strings.Join(words, " "), remove, nil
}

// signs are what git prints, and what it means.
var signs = []struct {
	text string
	kind Kind
	next string
}{
	{"HOST IDENTIFICATION HAS CHANGED", KindHostKey, "somebody may be in between; if the forge really changed its key, correct known_hosts"},
	{"Host key verification failed", KindHostKey, "add the server's key to known_hosts after checking its fingerprint"},
	{"could not read Username", KindDenied, "the repository is private or does not exist; name a token in auth"},
	{"Authentication failed", KindDenied, "check that the token in auth is current and may read this repository"},
	{"Permission denied", KindDenied, "add the public half of the key to the repository"},
	{"error: 401", KindDenied, "name a token in auth"},
	{"error: 403", KindDenied, "check that the credential in auth may read this repository"},
	{"error: 429", KindRateLimited, ""},
	{"error: 30", KindCorrupt, "the repository has probably moved; check the URL"},
	{"object format", KindUnsupported, "use a repository with SHA-1 object names"},
	{"couldn't find remote ref", KindNoBranch, "push the branch or correct its name"},
	{"not our ref", KindNoBranch, ""},
	{"not found", KindNotFound, "check the URL"},
	{"does not appear to be a git repository", KindNotFound, "check the URL"},
	{"transport '", KindInvalid, "use https or ssh"},
}

func binaryFault(said *tail, err error) error {
	f := &fault{kind: KindUnreachable, text: "git says: " + said.String()}
	text := said.all()
	if text == "" {
		f.text, f.err = "git failed", err
	}
	for _, s := range signs {
		if strings.Contains(text, s.text) {
			f.kind, f.next = s.kind, s.next
			return f
		}
	}
	return f
}
