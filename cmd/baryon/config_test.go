package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"baryon/gitsource"
	"baryon/reconciler"
	"baryon/reconciler/policy"
)

// configFile writes a configuration into a folder of its own.
func configFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "baryon.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestTwoLinesAreAConfiguration(t *testing.T) {
	t.Parallel()
	builtIn := []policy.Rule{policy.BuiltIn(policy.Stateful())}
	file := configFile(t, "repositories:\n  - {name: platform, url: \"https://github.com/acme/platform.git\"}\n")
	got, err := loadConfig(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := config{
		File: file, Listen: "127.0.0.1:8080", Data: filepath.Join(filepath.Dir(file), "baryon-data"), Store: "sqlite",
		Settings: reconciler.Settings{Policies: builtIn, Repositories: []reconciler.Repository{{
			Repo: gitsource.Repo{Name: "platform", URL: "https://github.com/acme/platform.git", Path: "."},
		}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestEveryKey(t *testing.T) {
	t.Parallel()
	builtIn := []policy.Rule{policy.BuiltIn(policy.Stateful())}
	file := configFile(t, `
listen: 0.0.0.0:8443
hooks_listen: :9000
data: state
store: postgres://db/baryon
account: "123456789012"
region: eu-west-1
token_file: token
workers: 4
deployments: 5
deletions: 0
resync: 1h
hooks: {github: {secret_env: HOOK}}
repositories:
  - url: git@github.com:acme/platform.git
    branch: main
    path: ./envs/
    interval: 30s
    publish: auto
    ssh_key_file: key
    known_hosts_file: /etc/hosts.known
    allow: {kinds: [service, "*"], environments: [], templates: [a], roles: ["*"]}
  - {url: ../local/apps, username: ci, token_env: TOKEN}
  - {url: "https://git.acme.com/acme/live.git", token_env: TOKEN, owner_conflict: write-back, write_back: pull-request, api: "https://git.acme.com/api/v3"}
`)
	dir := filepath.Dir(file)
	got, err := loadConfig(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := config{
		File: file, Listen: "0.0.0.0:8443", HooksListen: ":9000", Data: filepath.Join(dir, "state"), Store: "postgres://db/baryon",
		Token: secretRef{File: filepath.Join(dir, "token")}, GitHub: secretRef{Env: "HOOK"},
		Settings: reconciler.Settings{
			Account: "123456789012", Region: "eu-west-1", Workers: 4, Deployments: 5, Deletions: -1, Resync: time.Hour, Policies: builtIn,
			Repositories: []reconciler.Repository{
				{
					Repo: gitsource.Repo{
						Name: "platform", URL: "git@github.com:acme/platform.git", Branch: "main", Path: "envs",
						Auth: gitsource.Auth{SSHKeyFile: filepath.Join(dir, "key"), KnownHostsFile: "/etc/hosts.known"},
					},
					Interval: 30 * time.Second, Publish: "auto",
					Allow: reconciler.Allow{Kinds: []string{"service", "*"}, Environments: []string{}, Templates: []string{"a"}, Roles: []string{"*"}},
				},
				{Repo: gitsource.Repo{
					Name: "apps", URL: filepath.Join(filepath.Dir(dir), "local", "apps"), Path: ".",
					Auth: gitsource.Auth{Username: "ci", TokenEnv: "TOKEN"},
				}},
				{
					Repo: gitsource.Repo{
						Name: "live", URL: "https://git.acme.com/acme/live.git", Path: ".", API: "https://git.acme.com/api/v3", Auth: gitsource.Auth{TokenEnv: "TOKEN"},
					},
					OwnerConflict: reconciler.ConflictWriteBack, WriteBack: reconciler.WriteBackPull,
				},
			},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Every mistake is named with its place, and all of them at once.
func TestConfigurationsThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text string
		want []string // parts of the lines, in their order
	}{
		"unknown keys at every level": {
			"listens: x\nrepositories:\n  - {url: ./a, branches: b}\nhooks: {gitlab: {}}\n",
			[]string{"baryon.yaml:1:1: ", "baryon.yaml:3:16: ", "baryon.yaml:4:9: "},
		},
		"a key given twice":             {"data: a\ndata: b\n", []string{"baryon.yaml:2:1: "}},
		"no mapping":                    {"- a\n", []string{"baryon.yaml:1:1: the configuration must be a mapping"}},
		"two documents":                 {"data: a\n---\ndata: b\n", []string{"baryon.yaml:3:1: "}},
		"not YAML":                      {"a: [\n", []string{"baryon.yaml:"}},
		"values of the wrong kind":      {"listen: [a]\nworkers: many\nresync: 1\ndeletions: -1\n", []string{":1:9: listen", ":2:10: workers", ":3:9: resync", ":4:12: deletions"}},
		"an address without a port":     {"listen: localhost\n", []string{`baryon.yaml:1:9: listen cannot be used, got "localhost", want HOST:PORT (write it as 127.0.0.1:8080)`}},
		"an open door":                  {"account: \"123456789012\"\nlisten: 0.0.0.0:80\n", []string{"baryon.yaml:2:9: the address can be reached from other machines and no token is configured"}},
		"every address is an open door": {"listen: :80\n", []string{"baryon.yaml:1:9: the address can be reached"}},
		"hooks without a hook":          {"hooks_listen: :80\n", []string{"baryon.yaml:1:15: an address for hooks"}},
		"a hook without a secret":       {"hooks: {github: {}}\n", []string{"baryon.yaml:1:17: hooks.github needs a secret"}},
		"a store that is none":          {"store: mysql://x\n", []string{`baryon.yaml:1:8: store cannot be used, got "mysql://x"`}},
		"an account with too few":       {"account: \"1\"\n", []string{"baryon.yaml:1:10: account cannot be used"}},
		"a token named twice":           {"token_file: a\ntoken_env: b\n", []string{"baryon.yaml:2:12: the token is named twice"}},
		"repositories": {
			"repositories:\n  - {name: a}\n  - {url: ./a}\n  - {url: ./b/a.git}\n  - {name: a b, url: ./c}\n  - {url: ./d, path: ../..}\n  - {url: ./e, interval: 1ms, publish: yes}\n",
			[]string{":2:5: ", ":4:5: two repositories have the same name", ":5:12: this is no name", ":6:22: the path leaves", ":7:26: ", ":7:40: "},
		},
		"pull requests without what they need": {
			"repositories:\n  - {url: ./a, owner_conflict: write-back, write_back: pull-request}\n" +
				"  - {url: \"https://github.com/acme/b\", owner_conflict: write-back, write_back: pull-request}\n" +
				"  - {url: ./c, write_back: commit, api: ftp://x}\n  - {url: ./d, owner_conflict: write-back, write_back: mail}\n",
			[]string{":2:56: pull requests need the API", ":3:80: pull requests need a token", ":4:28: write_back says how", ":4:41: the base of the API", ":5:56: write_back"},
		},
		"a credential named twice": {"repositories:\n  - {url: ./a, token_file: x, token_env: Y}\n", []string{":2:42: a credential is named twice"}},
		"a kind that is none":      {"repositories:\n  - {url: ./a, allow: {kinds: [services]}}\n", []string{`:2:32: this kind is not known, got "services"`, `did you mean "service"?`}},
		"no name to be found":      {"repositories:\n  - {url: \"https://example.com/é.git\"}\n", []string{`:2:5: the repository needs the key "name"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := loadConfig(configFile(t, tt.text), nil)
			if err == nil {
				t.Fatal("it is accepted")
			}
			rest := err.Error()
			for _, want := range tt.want {
				_, after, ok := strings.Cut(rest, want)
				if !ok {
					t.Fatalf("%q is missing, or comes too early, in\n%v", want, err)
				}
				rest = after
			}
		})
	}
}

// Flags override variables, and these the file; a mistake names where it is.
func TestOverrides(t *testing.T) {
	file := configFile(t, "listen: 127.0.0.1:1\ndata: file\nregion: eu-west-1\n")
	t.Setenv("BARYON_LISTEN", "127.0.0.1:2")
	t.Setenv("BARYON_DATA", "variable")
	got, err := loadConfig(file, map[string]string{"listen": "127.0.0.1:3", "region": ""})
	if err != nil {
		t.Fatal(err)
	}
	if got.Listen != "127.0.0.1:3" || got.Data != "variable" || got.Settings.Region != "eu-west-1" {
		t.Errorf("got %+v", got)
	}
	t.Setenv("BARYON_WORKERS", "lots")
	_, err = loadConfig(file, map[string]string{"listen": "nowhere"})
	for _, want := range []string{"BARYON_WORKERS: workers must be a whole number", `--listen: listen cannot be used, got "nowhere"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in %v", want, err)
		}
	}
}

func TestTheTokenOfTheClientsIsTheDaemonsToo(t *testing.T) {
	t.Setenv("BARYON_TOKEN", "secret")
	got, err := loadConfig(configFile(t, "listen: 0.0.0.0:80\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if token, err := got.Token.read("token"); err != nil || token != "secret" {
		t.Errorf("token %q, err %v", token, err)
	}
	got, err = loadConfig(configFile(t, "token_env: OTHER\n"), nil)
	if err != nil || got.Token.Env != "OTHER" {
		t.Errorf("token %+v, err %v", got.Token, err)
	}
}

func TestPending(t *testing.T) {
	t.Parallel()
	now := defaultConfig()
	then := now
	then.Listen, then.Settings.Region = "127.0.0.1:9", "eu-west-1"
	then.Token.Env = "T"
	want := []string{"listen has changed; restart the daemon to use it", "token_file or token_env has changed; restart the daemon to use it"}
	if diff := cmp.Diff(want, now.pending(then)); diff != "" {
		t.Error(diff)
	}
}
