package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"baryon/server/access"
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
  aws --endpoint-url https://baryon.example proton get-service --name shop

What a key is good for is a role (viewer, developer, platform-engineer, admin),
policies of the daemon's configuration, or both. The commands of baryon itself
take a key as their token, and may then do what the key may:

  export BARYON_TOKEN=$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY`,
	}
	cmd.AddCommand(createKeyCommand(), listKeysCommand(), revokeKeyCommand())
	return cmd
}

func createKeyCommand() *cobra.Command {
	var (
		c    connection
		body v1.Request
	)
	cmd := &cobra.Command{
		Use: "create", Short: "Issue a key; its secret is shown once", Args: cobra.NoArgs,
		Example: "  baryon keys create --role developer --why 'pipeline of shop'\n  baryon keys create --policy shop-only --why 'pipeline of shop'",
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			var k v1.Key
			if err := client.Post(cmd.Context(), "keys", body, &k); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "AWS_ACCESS_KEY_ID=%s\nAWS_SECRET_ACCESS_KEY=%s\n", k.ID, k.Secret)
			return err
		},
	}
	c.flags(cmd)
	cmd.Flags().StringVar(&body.Why, "why", "", "what the key is for, for the list and the audit log")
	cmd.Flags().StringVar(&body.Role, "role", "", "what its holder may do: "+strings.Join(access.RoleNames(), ", ")+" (default admin, where no policy is given)")
	cmd.Flags().StringSliceVar(&body.Policies, "policy", nil, "a policy of the daemon's configuration; may be given again")
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
				if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%s  %-7s  %s  %s  %s  %s\n",
					k.ID, status, k.CreatedAt.Format(time.DateOnly), grantOf(k), k.By, k.Why); err != nil {
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

// grantOf is what a key is good for.
func grantOf(k v1.Key) string {
	names := k.Policies
	if k.Role != "" {
		names = append([]string{k.Role}, names...)
	}
	return strings.Join(names, ",")
}
