package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"baryon/gitsource"
	"baryon/provisioner"
	v1 "baryon/server/v1"
	"baryon/state"
)

// A finding is one thing that doctor looked at.
type finding struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Needed bool   `json:"needed"` // without it the daemon does not do its work
	Detail string `json:"detail"`
	Next   string `json:"next,omitempty"`
}

func doctorCommand() *cobra.Command {
	var c connection
	var file string
	var out format
	cmd := &cobra.Command{
		Use: "doctor", Short: "Look at what the daemon needs on this machine", Args: upTo(0),
		Long: `Looks at tools, the data folder, the store, secrets, repositories, the limits
that hold for local commands, and at the daemon if one answers, and says what is
wrong with them. It changes nothing and needs no daemon. The configuration is
baryon.yaml of this folder if none is named. The exit code is 1 when something
is missing that the daemon needs.`,
		Example: "  baryon doctor\n  baryon doctor --config /etc/baryon/baryon.yaml -o json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := os.Stat(defaultFile); file == "" && err == nil {
				file = defaultFile
			}
			var d diagnosis
			d.all(cmd.Context(), file, &c)
			err := out.print(cmd.OutOrStdout(), d.findings, func() { d.print(cmd.OutOrStdout()) })
			if err == nil && d.ill() {
				return exitError(1)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "the configuration file (default ./"+defaultFile+" if there is one)")
	c.flags(cmd)
	out.flag(cmd)
	return cmd
}

// A diagnosis collects findings.
type diagnosis struct{ findings []finding }

func (d *diagnosis) good(name, detail string) {
	d.findings = append(d.findings, finding{Name: name, OK: true, Detail: detail})
}

// lacks notes something that is wished for.
func (d *diagnosis) lacks(name, detail, next string) {
	d.findings = append(d.findings, finding{Name: name, Detail: detail, Next: next})
}

// fails notes something that is needed.
func (d *diagnosis) fails(name string, err error, next string) {
	d.findings = append(d.findings, finding{Name: name, Needed: true, Detail: err.Error(), Next: next})
}

func (d *diagnosis) ill() bool {
	for _, f := range d.findings {
		if f.Needed && !f.OK {
			return true
		}
	}
	return false
}

func (d *diagnosis) print(w io.Writer) {
	for _, f := range d.findings {
		mark := "ok"
		switch {
		case !f.OK && f.Needed:
			mark = "FAIL"
		case !f.OK:
			mark = "note"
		}
		fmt.Fprintf(w, "%-5s %-20s %s\n", mark, f.Name, strings.ReplaceAll(strings.TrimSpace(v1.Plain([]byte(f.Detail))), "\n", "\n"+strings.Repeat(" ", 27)))
		if f.Next != "" {
			fmt.Fprintf(w, "%27snext: %s\n", "", f.Next)
		}
	}
}

// all looks at everything. A configuration that cannot be read leaves what does
// not depend on it.
func (d *diagnosis) all(ctx context.Context, file string, c *connection) {
	cfg, err := loadConfig(file, nil)
	switch {
	case err != nil:
		d.fails("configuration", err, "correct it, or name another with --config")
	case file == "":
		d.good("configuration", "none, the defaults hold")
	default:
		d.good("configuration", file)
	}
	d.tools()
	if err == nil {
		d.data(cfg)
		d.store(ctx, cfg)
		d.secrets(cfg)
		d.terraform(ctx, cfg)
		d.repositories(ctx, cfg)
	}
	d.clock()
	d.limits()
	d.daemon(ctx, c)
}

// tools looks for programs. None but the shell is needed by the daemon itself.
func (d *diagnosis) tools() {
	for _, t := range []struct{ name, use string }{
		{"sh", "runs the commands of templates"},
		{"bash", "runs the commands of templates; without it sh does"},
		{"git", "speaks to the few Git servers that this program cannot"},
		{"aws", "for commands that call it"},
	} {
		path, err := exec.LookPath(t.name)
		switch {
		case err == nil:
			d.good(t.name, path)
		case t.name == "sh":
			d.fails(t.name, errors.New("not on PATH: it "+t.use), "install it")
		default:
			d.lacks(t.name, "not on PATH; "+t.use, "")
		}
	}
}

// data looks at the data folder, or where it would be made.
func (d *diagnosis) data(cfg config) {
	dir, detail := cfg.Data, cfg.Data
	for {
		info, err := os.Stat(dir)
		if err == nil && !info.IsDir() {
			err = errors.New(dir + " is not a folder")
		}
		if errors.Is(err, fs.ErrNotExist) && filepath.Dir(dir) != dir {
			dir, detail = filepath.Dir(dir), cfg.Data+", which will be made"
			continue
		}
		if err == nil {
			err = writable(dir)
		}
		if err != nil {
			d.fails("data folder", err, "let the daemon's user write there, or set data")
			return
		}
		break
	}
	d.good("data folder", detail)
	const enough, little = 1 << 30, 100 << 20
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		d.lacks("free space", err.Error(), "")
		return
	}
	free := s.Bavail * uint64(s.Bsize)
	text := fmt.Sprintf("%.1f GiB", float64(free)/(1<<30))
	switch {
	case free < little:
		d.fails("free space", errors.New(text), "make room, or set data to another disk")
	case free < enough:
		d.lacks("free space", text+" is little", "make room, or set data to another disk")
	default:
		d.good("free space", text)
	}
}

// writable tries to write a file that leaves nothing behind.
func writable(dir string) error {
	f, err := os.CreateTemp(dir, ".baryon-doctor-")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

func (d *diagnosis) store(ctx context.Context, cfg config) {
	in, err := state.Inspect(ctx, state.Config{DSN: cfg.dsn()})
	kind := "SQLite"
	if cfg.Store != "sqlite" {
		kind = "PostgreSQL"
	}
	switch {
	case err != nil:
		d.fails("store", err, "check the address and that the database runs")
	case in.Found > in.Known:
		d.fails("store", fmt.Errorf("%s was written by a newer Baryon (schema %d, this one knows %d)", kind, in.Found, in.Known), "run the newer Baryon")
	case in.Found == 0:
		d.good("store", kind+", empty; the daemon will set it up")
	case in.Found < in.Known:
		d.good("store", fmt.Sprintf("%s with schema %d; the daemon will bring it to %d", kind, in.Found, in.Known))
	case in.Held:
		d.good("store", kind+", in use by a daemon")
	default:
		d.good("store", kind+", up to date")
	}
}

const shortToken = 16

func (d *diagnosis) secrets(cfg config) {
	token, err := cfg.Token.read("token")
	switch {
	case err != nil:
		d.fails("token", err, "put a token there, or take token_file and token_env away")
	case token == "":
		d.lacks("token", "none: whoever can reach "+cfg.Listen+" may do everything", "set token_file to listen beyond this machine")
	case len(token) < shortToken:
		d.lacks("token", fmt.Sprintf("has %d characters and can be guessed", len(token)), "make one with: openssl rand -hex 32")
	default:
		d.good("token", "set")
	}
	switch _, err := cfg.GitHub.read("webhook secret"); {
	case err != nil:
		d.fails("webhook", err, "put the secret there that GitHub signs with")
	case !cfg.GitHub.set():
		d.lacks("webhook", "none: pushes are seen by polling", "set hooks.github.secret_file to see them at once")
	default:
		d.good("webhook", "GitHub posts to /hooks/github on "+orDefault(cfg.HooksListen, cfg.Listen))
	}
}

// repositories asks each where its branch stands.
func (d *diagnosis) repositories(ctx context.Context, cfg config) {
	if len(cfg.Settings.Repositories) == 0 {
		d.lacks("repositories", "none is configured, so there is nothing to do", "add one under repositories")
		return
	}
	dir, err := os.MkdirTemp("", "baryon-doctor-")
	if err != nil {
		d.lacks("repositories", err.Error(), "")
		return
	}
	defer os.RemoveAll(dir)
	client, err := gitsource.New(gitsource.Config{Dir: dir, Log: zap.NewNop()})
	if err != nil {
		d.lacks("repositories", err.Error(), "")
		return
	}
	defer client.Close()
	for _, r := range cfg.Settings.Repositories {
		head, err := client.Head(ctx, r.Repo)
		switch {
		case gitsource.KindOf(err) == gitsource.KindEmpty:
			d.lacks("repository "+r.Name, err.Error(), "push to it")
		case err != nil:
			d.fails("repository "+r.Name, err, "")
		default:
			d.good("repository "+r.Name, "stands at "+shortCommit(head))
		}
	}
}

// clock compares the clock with the time this program was made at: certificates
// and signatures fail on a clock that runs behind.
func (d *diagnosis) clock() {
	now := time.Now()
	made := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if t, err := time.Parse(time.RFC3339, s.Value); s.Key == "vcs.time" && err == nil {
				made = t
			}
		}
	}
	if now.Before(made) {
		d.fails("clock", fmt.Errorf("it is %s, before this program was made", now.Format(time.RFC3339)), "set the clock")
		return
	}
	d.good("clock", now.Format(time.RFC3339))
}

// limits says which limits hold for commands on this machine.
func (d *diagnosis) limits() {
	dir, err := os.MkdirTemp("", "baryon-doctor-")
	if err != nil {
		d.lacks("limits", err.Error(), "")
		return
	}
	defer os.RemoveAll(dir)
	exe, err := os.Executable()
	if err != nil {
		d.lacks("limits", err.Error(), "")
		return
	}
	c, err := provisioner.NewCommand(provisioner.CommandConfig{Dir: dir, Executable: exe})
	if err != nil {
		d.fails("limits", err, "")
		return
	}
	for _, l := range c.Limits() {
		d.findings = append(d.findings, finding{Name: "limit: " + l.Name, OK: l.Holds, Detail: strings.ReplaceAll(l.Detail, dir, "the work folders")})
	}
}

const (
	askWithin = 3 * time.Second
	mostSkew  = 10 * time.Second
)

// daemon looks at the daemon, if one answers.
func (d *diagnosis) daemon(ctx context.Context, c *connection) {
	client, err := c.client()
	if err != nil {
		d.fails("daemon", err, "")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	var setup v1.Setup
	err = client.Get(ctx, "version", nil, &setup)
	if _, away := errors.AsType[*v1.UnreachableError](err); away {
		d.lacks("daemon", err.Error(), "baryon serve --config "+defaultFile)
		return
	}
	if err != nil {
		d.fails("daemon", err, "")
		return
	}
	d.good("daemon", fmt.Sprintf("version %s answers at %s", setup.Version, c.address()))
	if skew := time.Since(setup.Now).Abs(); skew > mostSkew {
		d.fails("daemon's clock", fmt.Errorf("it and this machine's are %s apart", skew.Round(time.Second)), "set the clocks")
	}
	if conf := setup.Configuration; conf != nil {
		if len(conf.Problems) > 0 {
			d.fails("daemon's settings", errors.New("the file was ignored:\n"+strings.Join(conf.Problems, "\n")), "correct "+conf.File)
		}
		for _, p := range conf.Pending {
			d.lacks("daemon's settings", p, "")
		}
	}
}
