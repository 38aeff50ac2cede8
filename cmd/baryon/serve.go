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
	var file, listen, data, store string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the daemon",
		Long: `Runs the daemon: it watches the repositories of the configuration, and keeps
what they declare deployed. Two lines are a whole configuration:

  repositories:
    - {name: platform, url: https://github.com/acme/platform.git}

Flags and BARYON_* variables override the file.`,
		Example: "  baryon serve --config baryon.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				if _, err := os.Stat("baryon.yaml"); err != nil {
					return errors.New("there is no baryon.yaml here; write one, or name it: baryon serve --config FILE")
				}
				file = "baryon.yaml"
			}
			for name, value := range map[string]string{"BARYON_LISTEN": listen, "BARYON_DATA": data, "BARYON_STORE": store} {
				if value != "" {
					if err := os.Setenv(name, value); err != nil {
						return err
					}
				}
			}
			cfg, err := loadConfig(file)
			if err != nil {
				return err
			}
			return serve(cmd.Context(), cfg)
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "the configuration file (default ./baryon.yaml)")
	cmd.Flags().StringVar(&listen, "listen", "", "address of the API and the page")
	cmd.Flags().StringVar(&data, "data", "", "folder of mirrors, SQLite file and work folders")
	cmd.Flags().StringVar(&store, "store", "", "sqlite, or a postgres:// URL")
	return cmd
}

func serve(ctx context.Context, cfg config) error {
	log := newLog(zapcore.InfoLevel)
	defer log.Sync() //nolint:errcheck // standard error cannot be synced everywhere
	d, err := newDaemon(ctx, cfg, log)
	if err != nil {
		return err
	}
	if d.token == "" {
		log.Info("no token is configured: whoever can reach the address may do everything", zap.String("listen", cfg.Listen))
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
