package provisioner_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"baryon/provisioner"
	"baryon/provisioner/provisionertest"
)

// TestLocalSecrets lists where secrets are found, and what is said when they
// are not.
func TestLocalSecrets(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		write(t, path, text)
		return path
	}
	t.Setenv("BARYON_TEST_SECRET", "from the environment")
	t.Setenv("BARYON_TEST_EMPTY", "")
	plain, object := file("plain", "from a file\r\n\n"), file("object", `{"user": "ada", "port": 5432, "": "x"}`)
	if err := os.Symlink(plain, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	const arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:shop-AbCdEf"
	local := provisioner.LocalSecrets{
		Places: func() map[string]provisioner.SecretPlace {
			return map[string]provisioner.SecretPlace{
				"shop/db": {File: object}, arn: {File: object}, "/shop/key": {Env: "BARYON_TEST_SECRET"}, "gone": {File: filepath.Join(dir, "gone")},
				"plain": {File: plain}, "stolen": {Env: "BARYON_TEST_OWN"},
			}
		},
		Own: func(p provisioner.SecretPlace) bool { return p.Env == "BARYON_TEST_OWN" },
	}
	for name, tt := range map[string]struct {
		source    provisioner.SecretSource
		reference string
		want      string
		refused   string // part of the message
	}{
		"a variable":                  {provisioner.FromEnv, "BARYON_TEST_SECRET", "from the environment", ""},
		"a variable that is not set":  {provisioner.FromEnv, "BARYON_TEST_NONE", "", "secret TOKEN: the variable BARYON_TEST_NONE is not set in the daemon's environment; set it"},
		"a variable that is empty":    {provisioner.FromEnv, "BARYON_TEST_EMPTY", "", "is not set"},
		"a credential of the daemon":  {provisioner.FromEnv, "BARYON_TEST_OWN", "", "a credential of the daemon itself"},
		"such a credential by a name": {provisioner.FromParameterStore, "stolen", "", "a credential of the daemon itself"},
		"a file":                      {provisioner.FromFile, plain, "from a file", ""},
		"a link to a file":            {provisioner.FromFile, filepath.Join(dir, "link"), "from a file", ""},
		"a file that is not there":    {provisioner.FromFile, filepath.Join(dir, "none"), "", "no such file"},
		"a folder":                    {provisioner.FromFile, dir, "", "not a regular file"},
		"an endless file":             {provisioner.FromFile, "/dev/zero", "", "not a regular file"},
		"an empty file":               {provisioner.FromFile, file("empty", "\n\n"), "", "is empty"},
		"a file that is too long":     {provisioner.FromFile, file("long", strings.Repeat("x", 1<<18)), "", "longer than"},
		"a NUL byte":                  {provisioner.FromFile, file("nul", "a\x00b"), "", "NUL byte"},
		"a relative path":             {provisioner.FromFile, "plain", "", "not absolute"},
		"a secret of AWS":             {provisioner.FromSecretsManager, "shop/db", `{"user": "ada", "port": 5432, "": "x"}`, ""},
		"a member of it":              {provisioner.FromSecretsManager, "shop/db:user", "ada", ""},
		"a member with a stage":       {provisioner.FromSecretsManager, "shop/db:user:AWSCURRENT", "ada", ""},
		"a member of an ARN":          {provisioner.FromSecretsManager, arn + ":user::", "ada", ""},
		"a member that is a number":   {provisioner.FromSecretsManager, "shop/db:port", "5432", ""},
		"a member it has not":         {provisioner.FromSecretsManager, "shop/db:none", "", `has no member "none"`},
		"a member of plain text":      {provisioner.FromSecretsManager, "plain:x", "", `"plain" is no JSON object`},
		"a parameter":                 {provisioner.FromParameterStore, "/shop/key", "from the environment", ""},
		"what is in AWS alone":        {provisioner.FromParameterStore, "/shop/none", "", `parameter-store "/shop/none" is kept in AWS, which this engine does not ask`},
		"a name for a file not there": {provisioner.FromSecretsManager, "gone", "", "no such file"},
		"a source nobody knows":       {"vault", "x", "", `the source "vault" is not known`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := local.Secret(context.Background(), provisioner.Secret{Name: "TOKEN", Source: tt.source, Reference: tt.reference})
			refused, _ := errors.AsType[*provisioner.SecretError](err)
			switch {
			case tt.refused == "" && (err != nil || got != tt.want):
				t.Errorf("got %q, err %v; want %q", got, err, tt.want)
			case tt.refused != "" && (refused == nil || !strings.Contains(err.Error(), tt.refused) || got != ""):
				t.Errorf("got %q, err %v; want it refused: %s", got, err, tt.refused)
			}
		})
	}
}

// TestSecretRefused shows that a job fails for good when a secret cannot be
// had, without a command begun, and that a fault of the moment is tried again.
func TestSecretRefused(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "work")
	answers := []error{errors.New("no answer"), &provisioner.SecretError{Why: "there is none", Next: "put one there"}, nil}
	asked := 0
	engine := newCommand(t, func(c *provisioner.CommandConfig) {
		c.Dir = dir
		c.Secrets = func(context.Context, provisioner.Secret) (string, error) {
			asked++
			return "value", answers[asked-1]
		}
	})
	job := provision("touch " + filepath.Join(dir, "..", "began"))
	job.References = []provisioner.Secret{{Name: "TOKEN", Reference: "token"}}
	if p, err := engine.Apply(t.Context(), job); err == nil || !strings.Contains(err.Error(), "no answer") {
		t.Fatalf("%+v, err %v; want the error of the moment", p, err)
	}
	c := provisionertest.Caller{Job: job}
	for range 2 { // also when the secret is there meanwhile
		if p := c.End(t, engine); p.State != provisioner.Failed || p.Message != "there is none; put one there" {
			t.Fatalf("%s %q; want it failed for want of the secret", p.State, p.Message)
		}
	}
	if _, err := os.Lstat(filepath.Join(dir, "..", "began")); err == nil || asked != 2 {
		t.Errorf("asked %d times, want 2; a command began: %v", asked, err == nil)
	}
}
