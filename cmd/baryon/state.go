package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"baryon/provisioner/terraform"
	"baryon/state"
)

// stateCommand and unlockCommand work on this machine, without a daemon: a state
// holds secrets, which have no business on the network.
func stateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "state", Short: "Read or adopt the state of a Terraform target",
		Long: `Reads or adopts the state of a target that terraform applies. It is done on the
daemon's machine, by terraform itself and under its locks, from what the
configuration says; a daemon may run meanwhile.`,
	}
	var file string
	cmd.PersistentFlags().StringVar(&file, "config", "", "the configuration file (default ./"+defaultFile+")")
	cmd.AddCommand(&cobra.Command{
		Use: "pull NAME", Short: "Print the state, secrets included", Args: cobra.ExactArgs(1),
		Example: "  baryon state pull environment/prod > prod.tfstate",
		RunE: func(cmd *cobra.Command, args []string) error {
			return withStates(file, args[0], func(s *terraform.States, ref state.Ref) error {
				text, err := s.Pull(cmd.Context(), ref.Stack())
				if err == nil && len(strings.TrimSpace(string(text))) == 0 {
					err = fmt.Errorf("%s has no state here; nothing was applied yet, or the configuration names another data folder or store", ref)
				}
				if err == nil {
					_, err = cmd.OutOrStdout().Write(text)
				}
				return err
			})
		},
	}, &cobra.Command{
		Use: "adopt NAME FILE", Short: "Make a state file the state of a target", Args: cobra.ExactArgs(2),
		Long: `Makes a state file the state of a target, so that what it made goes on being
managed. Do it before the target is declared, or while it is suspended. A state
that holds something is not replaced, unless by a newer one of its own.`,
		Example: "  terraform state pull > old.tfstate\n  baryon state adopt environment/prod old.tfstate",
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := os.ReadFile(args[1])
			if err != nil {
				return fmt.Errorf("%w; name the file that was written by: terraform state pull > FILE", err)
			}
			return withStates(file, args[0], func(s *terraform.States, ref state.Ref) error {
				note, err := s.Adopt(cmd.Context(), ref.Stack(), text)
				if kept, ok := errors.AsType[*terraform.KeptError](err); ok {
					return fmt.Errorf("%s: %w\n%s keeps its state, which holds something: look at it with: baryon state pull %s", args[1], kept, ref, ref)
				}
				if err != nil {
					return fmt.Errorf("%s: %w", args[1], err)
				}
				if note != "" {
					fmt.Fprintf(cmd.ErrOrStderr(), "note: %s\n", note)
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s is the state of %s\nnext: declare it, or see what would change with: baryon plan %s\n", args[1], ref, ref)
				return nil
			})
		},
	})
	return cmd
}

func unlockCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use: "unlock NAME", Short: "Release the lock of a Terraform state that nobody holds any more", Args: cobra.ExactArgs(1),
		Long: `Releases the lock of a state. Locks of files and of PostgreSQL end with the
process that holds them; those of S3 stay when it is killed. Make sure first
that nothing is being applied.`,
		Example: "  baryon unlock environment/prod",
		RunE: func(cmd *cobra.Command, args []string) error {
			return withStates(file, args[0], func(s *terraform.States, ref state.Ref) error {
				released, err := s.Unlock(cmd.Context(), ref.Stack())
				switch {
				case err != nil:
					return err
				case released == "":
					fmt.Fprintf(cmd.OutOrStdout(), "%s is not locked\n", ref)
				default:
					fmt.Fprintf(cmd.OutOrStdout(), "%s was locked and is not any more:\n%s\n", ref, released)
				}
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "the configuration file (default ./"+defaultFile+")")
	return cmd
}

// withStates opens the states of a configuration and names one of them.
func withStates(file, name string, do func(*terraform.States, state.Ref) error) error {
	ref, err := state.ParseRef(name)
	if err != nil {
		return err
	}
	if !ref.Deployable() {
		return errors.New(name + " is not deployed itself; name an environment, an instance, a pipeline or a component")
	}
	if _, err := os.Stat(defaultFile); file == "" && (err == nil || !errors.Is(err, os.ErrNotExist)) {
		file = defaultFile
	}
	cfg, err := loadConfig(file, nil)
	if err != nil {
		return err
	}
	states, err := terraform.NewStates(cfg.terraformConfig())
	if err != nil {
		return err
	}
	return do(states, ref)
}
