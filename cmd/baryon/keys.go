package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	v1 "baryon/server/v1"
)

// keysCommand is about the keys that sign calls of the Proton API.
func keysCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Issue and revoke keys for the Proton API",
		Long: `Keys let the AWS CLI and SDKs call the Proton API of a daemon that has a token:
they sign with a key as they would for AWS, and the daemon verifies that.

  export AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=… AWS_DEFAULT_REGION=us-east-1
  aws --endpoint-url https://baryon.example proton get-service --name shop`,
	}
	cmd.AddCommand(createKeyCommand(), listKeysCommand(), revokeKeyCommand())
	return cmd
}

func createKeyCommand() *cobra.Command {
	var (
		c   connection
		why string
	)
	cmd := &cobra.Command{
		Use: "create", Short: "Issue a key; its secret is shown once", Args: cobra.NoArgs,
		Example: "  baryon keys create --why 'pipeline of shop'",
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			var k v1.Key
			if err := client.Post(cmd.Context(), "keys", v1.Request{Why: why}, &k); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "AWS_ACCESS_KEY_ID=%s\nAWS_SECRET_ACCESS_KEY=%s\n", k.ID, k.Secret)
			return err
		},
	}
	c.flags(cmd)
	cmd.Flags().StringVar(&why, "why", "", "what the key is for, for the list and the audit log")
	return cmd
}

func listKeysCommand() *cobra.Command {
	var c connection
	cmd := &cobra.Command{
		Use: "list", Short: "List the keys there are and were", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			var page v1.Page[v1.Key]
			if err := client.Get(cmd.Context(), "keys", nil, &page); err != nil {
				return err
			}
			for _, k := range page.Items {
				status := "active"
				if !k.RevokedAt.IsZero() {
					status = "revoked"
				}
				if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%s  %-7s  %s  %s  %s\n", k.ID, status, k.CreatedAt.Format(time.DateOnly), k.By, k.Why); err != nil {
					return err
				}
			}
			return nil
		},
	}
	c.flags(cmd)
	return cmd
}

func revokeKeyCommand() *cobra.Command {
	var c connection
	cmd := &cobra.Command{
		Use: "revoke ID", Short: "End a key for good", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			var k v1.Key
			if err := client.Post(cmd.Context(), "keys/"+args[0]+"/revoke", v1.Request{}, &k); err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), k.ID+" is revoked")
			return err
		},
	}
	c.flags(cmd)
	return cmd
}
