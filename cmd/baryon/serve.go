package main

import (
	"context"
	"errors"
	"os"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

func serveCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the daemon",
		Long: `Runs the daemon: it watches the repositories of the configuration, and keeps
what they declare deployed. Two lines are a whole configuration:

  repositories:
    - {name: platform, url: "https://github.com/acme/platform.git"}

A file named baryon.yaml in the current folder is used when none is named. Flags
override BARYON_* variables (--listen is BARYON_LISTEN), and these the file. The
file is watched: a good new version takes effect, a bad one is reported and
ignored. The first signal ends taking work, a second one ends the process;
commands that run go on, and the next daemon finds them.`,
		Example: "  baryon serve --config baryon.yaml\n  BARYON_TOKEN=… baryon serve --listen 0.0.0.0:8080",
		Args:    upTo(0),
	}
	flags := map[string]*string{}
	cmd.Flags().StringVar(&file, "config", "", "the configuration file (default ./"+defaultFile+")")
	for _, s := range settings() {
		flags[s.flag()] = cmd.Flags().String(s.flag(), "", s.usage)
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		given := map[string]string{}
		for name, value := range flags {
			given[name] = *value
		}
		if file == "" {
			file = defaultFile
		}
		cfg, err := loadConfig(file, given)
		if err != nil {
			return err
		}
		return serve(cmd.Context(), cfg)
	}
	return cmd
}

// serve runs a daemon until ctx ends.
func serve(ctx context.Context, cfg config) error {
	log := newLog(zapcore.InfoLevel)
	defer log.Sync() //nolint:errcheck // standard error cannot be synced everywhere
	d, err := newDaemon(ctx, cfg, log)
	if err != nil {
		return err
	}
	if !cfg.Token.set() {
		log.Info("no token is configured: whoever can reach the address may do everything, and calls of the Proton API with any signature are accepted", zap.String("listen", cfg.Listen))
	}
	log.Info("serving", zap.String("address", d.address()), zap.Int("repositories", len(cfg.Settings.Repositories)), zap.Bool("shared", d.store.Shared()))
	return errors.Join(d.run(ctx), d.close())
}

// newLog writes a line of JSON for each event to standard error.
func newLog(level zapcore.Level) *zap.Logger {
	enc := zap.NewProductionEncoderConfig()
	enc.EncodeTime = zapcore.ISO8601TimeEncoder
	return zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(enc), zapcore.Lock(os.Stderr), level))
}
