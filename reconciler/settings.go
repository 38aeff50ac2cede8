package reconciler

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"baryon/gitsource"
	"baryon/reconciler/policy"
	"baryon/state"
)

// Settings are what of the configuration may change while the daemon runs.
type Settings struct {
	Region       string // used in resource names; "us-east-1" when empty
	Account      string // used in resource names and as the account of everything that names none; twelve zeros when empty
	Repositories []Repository
	Links        []Link // where repositories are that callers of the Proton API name
	ExternalID   string // shown when roles are assumed, where an environment says nothing else
	PipelineRole string // in which pipelines are deployed; empty is what AWS Proton's account settings say

	Workers     int    // visits at once; 8 when 0
	Deployments int    // deployments under way at once, over all replicas; 32 when 0
	Limits      Limits // of those, for each engine and account
	Plans       int    // plans made at once for people to approve, in this process; 4 when 0
	APICommands bool   // components made through the API may run commands on the daemon's machine
	Approvals   []ApprovalRule
	Policies    []policy.Rule // what changes may not do; their names differ
	Instances   int           // instances of one service at most; 20 when 0, as AWS Proton had it
	Quota       int           // things of a kind that callers of the API make at most; 1000 when 0, as AWS Proton had it
	Drift       DriftRule
	Health      HealthRule
	Deletions   int           // deletions in 24 hours that need no person; 3 when 0, none when negative
	Resync      time.Duration // how often each target is looked at though nothing happened; 10 minutes when 0
}

// A Repository is a source of templates and documents.
type Repository struct {
	gitsource.Repo

	Interval time.Duration // how often it is polled; a minute when 0
	Publish  string        // PublishManual or PublishAuto; manual when empty
	Allow    Allow
	// OwnerConflict is what a change through the API of something that the
	// repository declares comes to: ConflictBlocker, ConflictRefuse or ConflictWriteBack;
	// a blocker when empty.
	OwnerConflict string
	WriteBack     string            // with ConflictWriteBack: WriteBackCommit, WriteBackPull or WriteBackBranch; a commit when empty
	Sync          *state.SyncConfig // the one thing it is read for; nil for all
}

// defaultInterval is how often a repository is polled that says nothing else.
const defaultInterval = time.Minute

// How versions that pass their checks become PUBLISHED.
const (
	PublishManual = "manual"
	PublishAuto   = "auto"
)

// What becomes of a change through the API of what Git declares.
const (
	ConflictBlocker = "blocker" // it is taken, and holds until somebody resolves the blocker
	ConflictRefuse  = "refuse"
	// ConflictWriteBack makes it a commit to the repository.
	ConflictWriteBack = "write-back"
)

// Allow says what a repository may declare. An empty list allows nothing of
// its sort, "*" all; an Allow that was never set is completed by the position
// of the repository, see Settings.allowances.
type Allow struct {
	Kinds        []string // environment-template, service-template, environment, service, component
	Environments []string
	Templates    []string
	Roles        []string
	Commands     bool // components may run commands on the daemon's machine
}

// Kinds of declaration, as they stand in Allow.Kinds.
const (
	AllowEnvironmentTemplate = "environment-template"
	AllowServiceTemplate     = "service-template"
	AllowEnvironment         = "environment"
	AllowService             = "service"
	AllowComponent           = "component"
)

func (a Allow) unset() bool {
	return a.Kinds == nil && a.Environments == nil && a.Templates == nil && a.Roles == nil
}

// permits reports whether a list allows a name.
func permits(list []string, name string) bool {
	return slices.Contains(list, "*") || slices.Contains(list, name)
}

func (s Settings) withDefaults() Settings {
	if s.Region == "" {
		s.Region = "us-east-1"
	}
	if s.Account == "" {
		s.Account = "000000000000"
	}
	if s.Workers == 0 {
		s.Workers = 8
	}
	if s.Deployments == 0 {
		s.Deployments = 32
	}
	if s.Plans == 0 {
		s.Plans = 4
	}
	if s.Instances == 0 {
		s.Instances = 20
	}
	switch {
	case s.Deletions == 0:
		s.Deletions = 3
	case s.Deletions < 0:
		s.Deletions = 0
	}
	if s.Drift.Every == 0 {
		s.Drift.Every = 6 * time.Hour
	}
	if s.Drift.AtOnce == 0 {
		s.Drift.AtOnce = 2
	}
	if s.Drift.Mode == "" {
		s.Drift.Mode = DriftReport
	}
	if s.Health.Most == 0 {
		s.Health.Most = time.Hour
	}
	if s.Resync == 0 {
		s.Resync = 10 * time.Minute
	}
	s.Repositories = slices.Clone(s.Repositories)
	for i := range s.Repositories {
		r := &s.Repositories[i]
		if r.Interval == 0 {
			r.Interval = defaultInterval
		}
		if r.Publish == "" {
			r.Publish = PublishManual
		}
		r.Allow = r.Allow.withDefaults(i == 0)
	}
	return s
}

// withDefaults completes what was left out: the first repository may declare
// everything; a further one services and components only, unless it says more.
func (a Allow) withDefaults(first bool) Allow {
	all := []string{"*"}
	kinds := []string{AllowService, AllowComponent}
	if first && a.unset() {
		kinds = all
	}
	if a.Kinds == nil {
		a.Kinds = kinds
	}
	if a.Environments == nil {
		a.Environments = all
	}
	if a.Templates == nil {
		a.Templates = all
	}
	if a.Roles == nil && first {
		a.Roles = all
	}
	return a
}

// validate reports the first setting that cannot be used.
func (s Settings) validate() error {
	seen := map[string]bool{}
	for _, r := range s.Repositories {
		switch {
		case r.Name == "":
			return errors.New("a repository has no name")
		case seen[r.Name]:
			return fmt.Errorf("two repositories are named %q", r.Name)
		case r.Publish != PublishManual && r.Publish != PublishAuto:
			return fmt.Errorf("repository %s: publish is %q, want %q or %q", r.Name, r.Publish, PublishManual, PublishAuto)
		case r.Interval < time.Second || r.Interval > 24*time.Hour:
			return fmt.Errorf("repository %s: interval is %s, want between 1s and 24h", r.Name, r.Interval)
		}
		seen[r.Name] = true
	}
	return nil
}

func (s Settings) repository(name string) (Repository, bool) {
	i := slices.IndexFunc(s.Repositories, func(r Repository) bool { return r.Name == name })
	if i < 0 {
		return Repository{}, false
	}
	return s.Repositories[i], true
}

// readWith names everything in force that decides what the contents of a
// repository come to.
func (s Settings) readWith(r Repository) string { return fmt.Sprintf("%s/%d", r.digest(), s.Instances) }

// digest changes when what a repository's contents come to may change.
func (r Repository) digest() string {
	data, err := json.Marshal(struct {
		Publish string
		Allow   Allow
		Place   string
		Sync    *state.SyncConfig `json:",omitempty"`
	}{r.Publish, r.Allow, r.place(), r.Sync})
	if err != nil {
		panic(err) // a struct of strings
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// place tells whether a repository is still the one that was read before.
func (r Repository) place() string { return r.URL + " " + r.Branch + " " + r.Path }

func samePlace(r Repository, s state.Sync) bool {
	return r.URL == s.URL && r.Branch == s.Branch && r.Path == s.Path
}
