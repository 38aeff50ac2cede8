package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"baryon/reconciler/policy"
)

func TestChangePolicies(t *testing.T) {
	t.Parallel()
	file := configFile(t, `change_policies:
  stateful: [aws_db_*]
  rules:
    - name: production
      environments: ["prod*"]
      templates: [net]
      services: [shop]
      kinds: [environment]
      labels: {stage: "prod*"}
      approval: true
      never_delete: [stateful, "AWS::SQS::Queue"]
      never_replace: ["*::Table"]
      conditional: allow
      max_removals: 10%
      max_removals_a_day: 20
      max_deletions_a_day: 0
      persons: [ada@example.com, "role:platform-engineer", key:AKIA1]
      zone: Europe/Berlin
      windows:
        - {days: [mon-wed, fri], from: 09:00, to: 16:30}
        - {from: "22:00", to: 04:00, zone: UTC}
      freezes:
        - {from: 2026-12-19, to: 2027-01-04, why: Christmas}
        - {from: 2026-11-27 18:00, to: 2026-11-28T06:30, zone: America/New_York}
      override: []
    - max_removals: 3
`)
	got, err := loadConfig(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	york, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	want := []policy.Rule{
		{
			Name: "production", Place: file + ":4",
			For: policy.Selector{
				Environments: []string{"prod*"}, Templates: []string{"net"}, Services: []string{"shop"}, Kinds: []string{"environment"}, Labels: map[string]string{"stage": "prod*"},
			},
			Approval: true, NeverDelete: []string{"aws_db_*", "AWS::SQS::Queue"}, NeverReplace: []string{"*::Table"}, Unsure: true,
			Removals: policy.Limit{Set: true, Most: 10, Percent: true}, DailyRemovals: policy.Limit{Set: true, Most: 20}, DailyDeletions: policy.Limit{Set: true},
			Persons: []string{"ada@example.com", "role:platform-engineer", "key:AKIA1"},
			Windows: []policy.Window{
				{Days: []time.Weekday{1, 2, 3, 5}, From: 540, To: 990, Zone: berlin},
				{From: 1320, To: 240, Zone: time.UTC},
			},
			Freezes: []policy.Freeze{
				{From: time.Date(2026, 12, 19, 0, 0, 0, 0, berlin), To: time.Date(2027, 1, 5, 0, 0, 0, 0, berlin), Zone: berlin, Why: "Christmas"},
				{From: time.Date(2026, 11, 27, 18, 0, 0, 0, york), To: time.Date(2026, 11, 28, 6, 30, 0, 0, york), Zone: york},
			},
			Override: []string{},
		},
		{Name: "rule 2", Place: file + ":26", Removals: policy.Limit{Set: true, Most: 3}},
		policy.BuiltIn([]string{"aws_db_*"}),
	}
	zones := cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() })
	if diff := cmp.Diff(want, got.Settings.Policies, zones, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	if r := got.Settings.Policies[0]; r.Override == nil || got.Settings.Policies[1].Persons != nil {
		t.Error("nobody, and everybody, were mixed up")
	}
	for _, text := range []string{"change_policies: {built_in: false}\n", "change_policies: {stateful: []}\n"} {
		if got, err := loadConfig(configFile(t, text), nil); err != nil || len(got.Settings.Policies) != 0 {
			t.Errorf("%s: %v, %v", text, got.Settings.Policies, err)
		}
	}
}

func TestBadChangePolicies(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`never_delete: ["AWS:RDS:*"]`:                                `:3:23: this is no pattern of resource types, got "AWS:RDS:*"`,
		`never_delete: ["aws db"]`:                                   `:3:23: this is no pattern of resource types`,
		`max_removals: 101%`:                                         `:3:22: max_removals cannot be used, got "101%"`,
		`max_removals: -1`:                                           `:3:22: max_removals must be a whole number`,
		`max_removals_a_day: 5%`:                                     `:3:28: max_removals_a_day must be a whole number`,
		`max_removals: 1, zone: Europe/Berln`:                        `:3:31: there is no such time zone, got "Europe/Berln"`,
		`max_removals: 1, zone: Local`:                               `there is no such time zone`,
		`windows: [{from: 09:00, to: 09:00}]`:                        `:3:18: the window is empty`,
		`windows: [{days: []}]`:                                      `:3:25: the window is empty`,
		`windows: []`:                                                `:3:17: the list of windows is empty`,
		`windows: [{days: [mo]}]`:                                    `:3:26: this is no day of the week, got "mo"`,
		`windows: [{from: 9:00}]`:                                    `:3:25: from is no time of the day, got "9:00"`,
		`windows: [{from: 24:00, to: 04:00}]`:                        `from is no time of the day`,
		`freezes: [{from: 2026-12-24, to: 2026-12-20}]`:              `:3:18: the freeze is empty`,
		`freezes: [{from: 2026-12-24}]`:                              `a freeze needs the key "to"`,
		`freezes: [{from: 24.12.2026, to: 2026-12-31}]`:              `from is no date, got "24.12.2026"`,
		`freezes: [{from: 2026-02-30, to: 2026-12-31}]`:              `from is no date, got "2026-02-30"`,
		`max_removals: 1, persons: ["role:admn"]`:                    `did you mean role:admin?`,
		`max_removals: 1, persons: ["a, b"]`:                         `a name holds a comma`,
		`max_removals: 1, persons: [key:1]`:                          `this is no id of a key`,
		`max_removals: 1, environments: []`:                          `the rule is for no target`,
		`max_removals: 1, kinds: [nonsense]`:                         `this kind is never deployed, got "nonsense"`,
		`environments: [prod]`:                                       `:3:7: the rule limits nothing`,
		`never_deleted: [stateful]`:                                  `a rule of change_policies has no key "never_deleted"`,
		`conditional: maybe, never_replace: [stateful]`:              `conditional is not a known one, got "maybe"`,
		"name: a, max_removals: 1}\n    - {name: a, max_removals: 1": `two rules have one name, got "a"`,
	} {
		_, err := loadConfig(configFile(t, "change_policies:\n  rules:\n    - {"+text+"}\n"), nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n got %v\nwant %s", text, err, want)
		}
	}
}
