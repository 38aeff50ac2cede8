package reconciler

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"baryon/gitsource"
	"baryon/state"
)

func TestSettingsDefaults(t *testing.T) {
	t.Parallel()
	drift := DriftRule{Every: 6 * time.Hour, AtOnce: 2, Mode: "report"}
	set := Settings{
		Region: "eu-west-1", Account: "123456789012", Workers: 1, Deployments: 2, Plans: 3, Instances: 4, Deletions: 5, Resync: time.Hour,
		Drift: DriftRule{Every: time.Hour, AtOnce: 1, Mode: "ignore"}, Health: HealthRule{Most: time.Minute},
	}
	for name, tt := range map[string]struct{ given, want Settings }{
		"nothing set": {
			Settings{},
			Settings{Region: "us-east-1", Account: "000000000000", Workers: 8, Deployments: 32, Plans: 4, Instances: 20, Deletions: 3, Resync: 10 * time.Minute, Drift: drift, Health: HealthRule{Most: time.Hour}},
		},
		"all set":                       {set, set},
		"no deletions without a person": {Settings{Deletions: -1}, but(Settings{}.withDefaults(), func(s *Settings) { s.Deletions = 0 })},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, tt.given.withDefaults()); diff != "" {
				t.Errorf("settings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRepositoryDefaults(t *testing.T) {
	t.Parallel()
	all := []string{"*"}
	further := Allow{Kinds: []string{AllowService, AllowComponent}, Environments: all, Templates: all}
	for name, tt := range map[string]struct {
		position int // 0 for the first
		given    Allow
		want     Allow
	}{
		"the first may declare everything":      {0, Allow{}, Allow{Kinds: all, Environments: all, Templates: all, Roles: all}},
		"a second services and components":      {1, Allow{}, further},
		"a third like the second":               {2, Allow{}, further},
		"the first, with environments narrowed": {0, Allow{Environments: []string{"test"}}, Allow{Kinds: further.Kinds, Environments: []string{"test"}, Templates: all, Roles: all}},
		"a second that may do more":             {1, Allow{Kinds: all, Roles: []string{"arn:x"}}, Allow{Kinds: all, Environments: all, Templates: all, Roles: []string{"arn:x"}}},
		"an empty list allows nothing":          {0, Allow{Kinds: []string{}}, Allow{Kinds: []string{}, Environments: all, Templates: all, Roles: all}},
		"nothing at all":                        {1, Allow{Kinds: []string{}, Environments: []string{}, Templates: []string{}, Roles: []string{}}, Allow{Kinds: []string{}, Environments: []string{}, Templates: []string{}, Roles: []string{}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			given := Settings{Repositories: make([]Repository, 3)}
			given.Repositories[tt.position].Allow = tt.given
			got := given.withDefaults().Repositories[tt.position]
			if diff := cmp.Diff(Repository{Interval: time.Minute, Publish: PublishManual, Allow: tt.want}, got); diff != "" {
				t.Errorf("repository (-want +got):\n%s", diff)
			}
			if given.Repositories[tt.position].Interval != 0 {
				t.Error("the settings that were given have changed")
			}
		})
	}
}

func TestPermits(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		list []string
		want bool
	}{
		"no list":          {nil, false},
		"an empty list":    {[]string{}, false},
		"others":           {[]string{"test", "prod-2"}, false},
		"the name":         {[]string{"test", "prod"}, true},
		"all":              {[]string{"*"}, true},
		"all among others": {[]string{"test", "*"}, true},
		"no pattern":       {[]string{"pro*"}, false},
	} {
		if got := permits(tt.list, "prod"); got != tt.want {
			t.Errorf("%s: permits(%q, prod) = %v, want %v", name, tt.list, got, tt.want)
		}
	}
}

func TestSettingsAreChecked(t *testing.T) {
	t.Parallel()
	named := func(name string) Repository { return Repository{Repo: gitsource.Repo{Name: name}} }
	for name, tt := range map[string]struct {
		given []Repository
		want  string // in the error; empty when there is none
	}{
		"no repositories":              {nil, ""},
		"two with defaults":            {[]Repository{named("a"), named("b")}, ""},
		"the longest interval":         {[]Repository{but(named("a"), func(r *Repository) { r.Interval = 24 * time.Hour })}, ""},
		"the shortest interval":        {[]Repository{but(named("a"), func(r *Repository) { r.Interval = time.Second })}, ""},
		"publish by itself":            {[]Repository{but(named("a"), func(r *Repository) { r.Publish = PublishAuto })}, ""},
		"no name":                      {[]Repository{named("a"), named("")}, "has no name"},
		"the same name twice":          {[]Repository{named("a"), named("b"), named("a")}, `two repositories are named "a"`},
		"an interval below a second":   {[]Repository{but(named("a"), func(r *Repository) { r.Interval = time.Second - 1 })}, "repository a: interval is 999.999999ms, want between 1s and 24h"},
		"a negative interval":          {[]Repository{but(named("a"), func(r *Repository) { r.Interval = -time.Minute })}, "repository a: interval is -1m0s"},
		"an interval of over a day":    {[]Repository{but(named("a"), func(r *Repository) { r.Interval = 24*time.Hour + 1 })}, "want between 1s and 24h"},
		"another way to publish":       {[]Repository{but(named("a"), func(r *Repository) { r.Publish = "always" })}, `repository a: publish is "always", want "manual" or "auto"`},
		"publish in capitals":          {[]Repository{but(named("a"), func(r *Repository) { r.Publish = "Auto" })}, `publish is "Auto"`},
		"the second of two is invalid": {[]Repository{named("a"), but(named("b"), func(r *Repository) { r.Publish = "x" })}, "repository b: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := Settings{Repositories: tt.given}.withDefaults().validate()
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("err = %v, want %q", err, tt.want)
			}
		})
	}
}

func TestDigestOfRepository(t *testing.T) {
	t.Parallel()
	base := Repository{Repo: gitsource.Repo{Name: "a", URL: "https://x/y", Branch: "main", Path: "."}, Publish: PublishManual, Allow: Allow{Kinds: []string{"*"}}}
	for name, tt := range map[string]struct {
		change func(*Repository)
		same   bool
	}{
		"nothing":          {func(*Repository) {}, true},
		"another interval": {func(r *Repository) { r.Interval = time.Hour }, true},
		"another secret":   {func(r *Repository) { r.Auth.TokenFile = "token" }, true},
		"other publishing": {func(r *Repository) { r.Publish = PublishAuto }, false},
		"other allowances": {func(r *Repository) { r.Allow.Kinds = nil }, false},
		"another branch":   {func(r *Repository) { r.Branch = "next" }, false},
		"another address":  {func(r *Repository) { r.URL = "https://x/z" }, false},
		"another folder":   {func(r *Repository) { r.Path = "deploy" }, false},
	} {
		got := but(base, tt.change)
		if (got.digest() == base.digest()) != tt.same {
			t.Errorf("%s: same digest = %v, want %v", name, !tt.same, tt.same)
		}
		sync := state.Sync{URL: base.URL, Branch: base.Branch, Path: base.Path}
		if here := samePlace(got, sync); here != (got.place() == base.place()) {
			t.Errorf("%s: samePlace = %v", name, here)
		}
	}
}

func TestRepositoryByName(t *testing.T) {
	t.Parallel()
	s := Settings{Repositories: []Repository{{Repo: gitsource.Repo{Name: "a"}}, {Repo: gitsource.Repo{Name: "b", URL: "u"}}}}
	if got, ok := s.repository("b"); !ok || got.URL != "u" {
		t.Errorf("repository(b) = %+v, %v", got, ok)
	}
	if got, ok := s.repository("c"); ok {
		t.Errorf("repository(c) = %+v, want none", got)
	}
}
