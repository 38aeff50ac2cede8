package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"baryon/server/proton/shim"
)

// shimName is the name under which this binary stands in for the AWS CLI.
const shimName = "aws"

func awsShimCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "aws-shim ARGUMENTS...",
		Short: "Answer aws proton with this daemon, and all else with the real aws",
		Long: `Stands in for the AWS CLI: "aws proton …" is answered by the daemon, everything
else by the real aws on PATH. Commands of templates find it under the name aws,
so that those which end in "aws proton notify-resource-deployment-status-change"
run as they are. To have it elsewhere, put a link named aws first on PATH:

  ln -s "$(command -v baryon)" /usr/local/baryon/bin/aws

It finds the daemon by --endpoint-url, BARYON_SERVER or AWS_ENDPOINT_URL_PROTON,
and sends the token in BARYON_TOKEN; without one it signs with the keys that the
AWS CLI would use: AWS_ACCESS_KEY_ID, or the --profile in ~/.aws. What it takes,
prints and exits with is what version 2 of the AWS CLI does: --output json, text,
table, yaml and yaml-stream, --query, file://, the short form of structures,
--cli-input-json and --cli-input-yaml, --generate-cli-skeleton, --max-items,
--starting-token, --page-size, --no-paginate, and wait.`,
		Example:            "  baryon aws-shim proton get-service --name shop --query service.spec --output text",
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 || args[0] == "--help" || args[0] == "-h" {
				return cmd.Help()
			}
			if code := awsShim(cmd.Context(), args); code != 0 {
				return exitError(code)
			}
			return nil
		},
	}
}

// awsShim answers as the AWS CLI would.
func awsShim(ctx context.Context, args []string) int {
	return shim.Run(ctx, shim.Config{
		Args: args, Getenv: os.Getenv, Server: orDefault(os.Getenv("BARYON_SERVER"), orDefault(os.Getenv("AWS_ENDPOINT_URL_PROTON"), defaultServer)),
		Token:  orDefault(os.Getenv(shim.TokenVariable), strings.TrimSpace(os.Getenv("BARYON_TOKEN"))),
		Stdout: os.Stdout, Stderr: os.Stderr,
		Exec: func(path string, args []string) error {
			return syscall.Exec(path, append([]string{path}, args...), os.Environ())
		},
	})
}

// isShim tells whether this process was started under the name of the AWS CLI.
func isShim() bool { return filepath.Base(os.Args[0]) == shimName }

// shimFolder makes the folder that holds this binary under the name of the AWS
// CLI, to stand first on the search path of commands.
func shimFolder(dir, exe string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	link := filepath.Join(dir, shimName)
	if now, err := os.Readlink(link); err == nil && now == exe {
		return dir, nil
	}
	fresh := link + ".new"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if err := os.Symlink(exe, fresh); err != nil {
		return "", fmt.Errorf("link for the commands' aws: %w", err)
	}
	return dir, os.Rename(fresh, link)
}
