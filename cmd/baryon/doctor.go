package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"baryon/gitsource"
	"baryon/provisioner"
	"baryon/state"
)

// A finding is one thing that doctor looked at.
type finding struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Needed bool   `json:"needed"` // without it the daemon does not do its work
	Detail string `json:"detail"`
}

func doctorCommand() *cobra.Command {
	var file string
	var out format
	cmd := &cobra.Command{
		Use: "doctor", Short: "Look at what the daemon needs on this machine", Args: cobra.NoArgs,
		Long: `Looks at the shell, the data folder, the store, the repositories and the limits
that hold for local commands, and says what is wrong with them. It needs no
daemon; while one runs on the same SQLite file, the store is reported as in use.
The exit code is 1 when something is missing that the daemon needs.`,
		Example: "  baryon doctor --config baryon.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := loadConfig(file, nil)
			if err != nil {
				return err
			}
			findings := diagnose(cmd.Context(), cfg)
			bad := false
			for _, f := range findings {
				bad = bad || f.Needed && !f.OK
			}
			err = out.print(cmd.OutOrStdout(), findings, func() {
				for _, f := range findings {
					mark := "ok  "
					if !f.OK {
						mark = "no  "
					}
					fmt.Fprintf(cmd.OutOrStdout(), "%s %-24s %s\n", mark, f.Name, f.Detail)
				}
			})
			if err == nil && bad {
				return exitError(1)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "the configuration file")
	out.flag(cmd)
	return cmd
}

func diagnose(ctx context.Context, cfg config) []finding {
	var all []finding
	add := func(name string, needed bool, detail string, err error) {
		f := finding{Name: name, OK: err == nil, Needed: needed, Detail: detail}
		if err != nil {
			f.Detail = err.Error()
		}
		all = append(all, f)
	}
	for _, p := range []struct {
		name   string
		needed bool
	}{{"sh", true}, {"bash", false}, {"git", false}, {"terraform", false}, {"tofu", false}, {"aws", false}} {
		path, err := exec.LookPath(p.name)
		add(p.name, p.needed, path, err)
	}
	add("data folder", true, cfg.Data, writable(cfg.Data))
	add("free space", true, freeSpace(cfg.Data), nil)
	add("store", true, "opens", openStore(ctx, cfg))
	add("clock", true, time.Now().Format(time.RFC3339), clock())
	all = append(all, diagnoseRepositories(ctx, cfg)...)
	all = append(all, diagnoseLimits()...)
	return all
}

func writable(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".doctor-")
	if err != nil {
		return err
	}
	f.Close()
	return os.Remove(f.Name())
}

func freeSpace(dir string) string {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%.1f GiB", float64(s.Bavail)*float64(s.Bsize)/(1<<30))
}

func openStore(ctx context.Context, cfg config) error {
	s, err := state.Open(ctx, state.Config{DSN: cfg.dsn()})
	if err != nil {
		return err
	}
	return s.Close()
}

func clock() error {
	if y := time.Now().Year(); y < 2024 || y > 2100 {
		return fmt.Errorf("the clock says the year %d", y)
	}
	return nil
}

// diagnoseRepositories asks each repository where its branch stands.
func diagnoseRepositories(ctx context.Context, cfg config) []finding {
	var all []finding
	client, err := gitsource.New(gitsource.Config{Dir: filepath.Join(cfg.Data, "git"), Log: zap.NewNop()})
	if err != nil {
		return []finding{{Name: "mirrors", Needed: true, Detail: err.Error()}}
	}
	defer client.Close()
	for _, r := range cfg.Settings.Repositories {
		head, err := client.Head(ctx, r.Repo)
		f := finding{Name: "repository " + r.Name, OK: err == nil, Needed: true, Detail: head}
		if err != nil {
			f.Detail = err.Error()
		}
		all = append(all, f)
	}
	return all
}

// diagnoseLimits says which limits hold for commands on this machine.
func diagnoseLimits() []finding {
	dir, err := os.MkdirTemp("", "baryon-doctor-")
	if err != nil {
		return []finding{{Name: "limits", Detail: err.Error()}}
	}
	defer os.RemoveAll(dir)
	c, err := provisioner.NewCommand(provisioner.CommandConfig{Dir: dir, Executable: os.Args[0], Log: zap.NewNop()})
	if err != nil {
		return []finding{{Name: "limits", Detail: err.Error()}}
	}
	var all []finding
	for _, l := range c.Limits() {
		all = append(all, finding{Name: l.Name, OK: l.Holds, Detail: l.Detail})
	}
	return all
}
