package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"baryon/provisioner/cloudformation"
)

// iamPolicyCommand prints what AWS has to allow.
func iamPolicyCommand() *cobra.Command {
	var file, what, account, principal string
	var roles []string
	kinds := []string{"stacks", "health", "assume", "trust"}
	cmd := &cobra.Command{
		Use: "iam-policy", Short: "Print the IAM policies that CloudFormation stacks take", Args: cobra.NoArgs,
		Long: `Prints an IAM policy that allows the calls that Baryon makes, and no others.

  stacks   for who deploys stacks: the daemon's own identity, or a role of an environment
  health   for the same identity, where health checks ask Amazon ECS
  assume   for the daemon's identity, to take on the roles named with --role
  trust    for a role: that the daemon's identity, named with --principal, may take it on

What templates make (queues, clusters, roles) is asked for by CloudFormation with
the same identity: add what your templates need.`,
		Example: "  baryon iam-policy > stacks.json\n  baryon iam-policy --for assume --role arn:aws:iam::222222222222:role/deploy\n" +
			"  baryon iam-policy --for trust --principal arn:aws:iam::111111111111:role/baryon",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains(kinds, what) {
				return fmt.Errorf("--for %q: want stacks, health, assume or trust", what)
			}
			if _, err := os.Stat(defaultFile); file == "" && err == nil {
				file = defaultFile
			}
			cfg, err := loadConfig(file, nil)
			if err != nil {
				return err
			}
			aws := cfg.cloudformationConfig()
			account := orDefault(account, orDefault(aws.Account, "*"))
			if want, _ := accountForm(account); want != "" && account != "*" {
				return fmt.Errorf("--account %q: want %s", account, want)
			}
			doc := cloudformation.StackPolicy(account, aws.Region, aws.Bucket)
			switch {
			case what == "health":
				doc = cloudformation.HealthPolicy(account, aws.Region)
			case what == "assume":
				if err := rolesForm(roles); err != nil {
					return err
				}
				doc = cloudformation.AssumePolicy(roles)
			case what == "trust" && principal == "":
				return errors.New("name the daemon's identity with --principal arn:aws:iam::ACCOUNT:role/NAME")
			case what == "trust":
				doc = cloudformation.TrustPolicy(principal, aws.ExternalID)
			}
			out := json.NewEncoder(cmd.OutOrStdout())
			out.SetIndent("", "  ")
			return out.Encode(doc)
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "the configuration file (default ./"+defaultFile+" where there is one)")
	cmd.Flags().StringVar(&what, "for", "stacks", "stacks, health, assume or trust")
	cmd.Flags().StringVar(&account, "account", "", "the account whose stacks it is about (default that of the configuration, else any)")
	cmd.Flags().StringSliceVar(&roles, "role", nil, "with --for assume: a role")
	cmd.Flags().StringVar(&principal, "principal", "", "with --for trust: the daemon's identity")
	return cmd
}

// rolesForm refuses what is no role, and none.
func rolesForm(roles []string) error {
	if len(roles) == 0 {
		return errors.New("name the roles with --role arn:aws:iam::ACCOUNT:role/NAME")
	}
	for _, role := range roles {
		if want, _ := roleForm(role); want != "" {
			return fmt.Errorf("--role %q: want %s", role, want)
		}
	}
	return nil
}
