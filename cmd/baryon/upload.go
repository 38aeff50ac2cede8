package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"baryon/renderer/archive"
	v1 "baryon/server/v1"
	"baryon/state"
)

func uploadCommand() *cobra.Command {
	var c connection
	var out format
	var major, description string
	var compatible []string
	cmd := &cobra.Command{
		Use: "upload TEMPLATE BUNDLE", Short: "Register a bundle that is in no repository as the next version of a template",
		Long: `Hands a bundle to the daemon: a folder with schema/ and the parts, or a tar
archive of one, compressed with gzip, as AWS Proton took them. It becomes the next
minor of the highest major, or of the one that --major names; with --major new it
becomes the first of a new major. A template that is not there is made.

The version is a DRAFT afterwards; see: baryon publish`,
		Example: "  baryon upload web-env templates/web-env/v1\n" +
			"  baryon upload web-svc web-svc.tar.gz --major new --compatible web-env:1 --compatible web-env:2",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return errors.New("name a template and a bundle: baryon upload TEMPLATE BUNDLE")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := bundleArchive(args[1])
			if err != nil {
				return err
			}
			client, err := c.client()
			if err != nil {
				return err
			}
			v, err := client.Upload(cmd.Context(), args[0], major, description, compatible, data)
			if err != nil {
				return asked(err)
			}
			if v, err = registered(cmd.Context(), client, v); err != nil {
				return err
			}
			return out.print(cmd.OutOrStdout(), v, func() {
				fmt.Fprintf(cmd.OutOrStdout(), "template %s %s is %s; publish it with: baryon publish %s %s\n", v.TemplateName, v.Version, v.Status, v.TemplateName, v.Version)
			})
		},
	}
	cmd.Flags().StringVar(&major, "major", "", "the major it is a minor of, or new (default the highest there is)")
	cmd.Flags().StringVar(&description, "description", "", "what to know of this version")
	cmd.Flags().StringArrayVar(&compatible, "compatible", nil, "NAME:MAJOR of an environment template that instances can run in; may be repeated (default what the bundle says)")
	c.flags(cmd)
	out.flag(cmd)
	return cmd
}

// bundleArchive reads an archive, or makes one of a folder.
func bundleArchive(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s does not exist; name the folder of a bundle, such as templates/web-env/v1, or a .tar.gz of one", name)
	}
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		if info.Size() > archive.MaxSize {
			return nil, fmt.Errorf("%s has %d bytes; at most %d are taken", name, info.Size(), archive.MaxSize)
		}
		return os.ReadFile(name)
	}
	data, err := archive.Pack(os.DirFS(name))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return data, nil
}

// registered waits until the daemon has checked a version. One that failed is an error.
func registered(ctx context.Context, client *v1.Client, v v1.TemplateVersion) (v1.TemplateVersion, error) {
	path := "templates/" + v.Kind + "/" + v.TemplateName + "/versions/" + v.Version
	for pause := 20 * time.Millisecond; v.Status == string(state.Registering); pause = min(2*pause, time.Second) {
		select {
		case <-ctx.Done():
			return v, ctx.Err()
		case <-time.After(pause):
		}
		if err := client.Get(ctx, path, nil, &v); err != nil {
			return v, asked(err)
		}
	}
	if v.Status == string(state.RegistrationFailed) {
		return v, fmt.Errorf("template %s %s is %s: %s", v.TemplateName, v.Version, v.Status, v.StatusMessage)
	}
	return v, nil
}
