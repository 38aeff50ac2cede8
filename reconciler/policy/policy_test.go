package policy

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"baryon/state"
)

func TestDecide(t *testing.T) {
	table := state.ResourceChange{Address: "Table", Type: "AWS::DynamoDB::Table", Action: "replace", Forces: []string{"TableName"}}
	but := func(c state.ResourceChange, change func(*state.ResourceChange)) state.ResourceChange {
		change(&c)
		return c
	}
	deleted := but(table, func(c *state.ResourceChange) { c.Action, c.Forces = "delete", nil })
	conditional := but(table, func(c *state.ResourceChange) {
		c.Action, c.Forces, c.Attributes, c.Conditional = "update", nil, []string{"KeySchema"}, true
	})
	kept := but(table, func(c *state.ResourceChange) { c.Kept = true })
	database := state.ResourceChange{Address: `module.shop["a.b"].aws_db_instance.main[0]`, Action: "delete"}
	moved := but(database, func(c *state.ResourceChange) { c.Action = "move" })
	forgotten := but(deleted, func(c *state.ResourceChange) { c.Action = "forget" })
	read := state.ResourceChange{Address: "data.aws_db_instance.main", Action: "delete"}
	never := Rule{Name: "data", Place: "baryon.yaml:3", NeverDelete: []string{"AWS::DynamoDB::*", "aws_db_*"}, Persons: []string{"ada", "role:admin"}}
	replace := Rule{Name: "data", Place: "baryon.yaml:3", NeverReplace: []string{"AWS::DynamoDB::Table"}, Persons: []string{"ada"}}
	topics := func(n int) []state.ResourceChange {
		out := make([]state.ResourceChange, n)
		for i := range out {
			out[i] = state.ResourceChange{Address: "Topic", Type: "AWS::SNS::Topic", Action: "delete"}
		}
		return out
	}
	limited := func(l Limit) Rule { return Rule{Name: "few", Place: "baryon.yaml:9", Removals: l} }
	by := func(name string, as ...string) []state.Request {
		return []state.Request{{Generation: 1, By: state.Actor(name), As: strings.Join(as, ",")}}
	}

	for name, tt := range map[string]struct {
		rules     []Rule
		changes   []state.ResourceChange
		approvals []state.Request
		existing  int
		change    func(*Question)
		asks      []string
	}{
		"a replacement is a deletion":             {rules: []Rule{never}, changes: []state.ResourceChange{table}, asks: []string{"data (baryon.yaml:3): Table (AWS::DynamoDB::Table) would be replaced, because of TableName"}},
		"a deletion":                              {rules: []Rule{never}, changes: []state.ResourceChange{deleted}, asks: []string{"data (baryon.yaml:3): Table (AWS::DynamoDB::Table) would be deleted"}},
		"a deletion is no replacement":            {rules: []Rule{replace}, changes: []state.ResourceChange{deleted}},
		"what may turn out to be one":             {rules: []Rule{replace}, changes: []state.ResourceChange{conditional}, asks: []string{"data (baryon.yaml:3): Table (AWS::DynamoDB::Table) may be replaced, because of KeySchema"}},
		"what may turn out to be one, allowed":    {rules: []Rule{{Name: "data", NeverReplace: replace.NeverReplace, Unsure: true}}, changes: []state.ResourceChange{conditional}},
		"replaced, and the old one stays":         {rules: []Rule{replace}, changes: []state.ResourceChange{kept}, asks: []string{"data (baryon.yaml:3): Table (AWS::DynamoDB::Table) would be replaced, because of TableName"}},
		"replaced, kept, and never to be deleted": {rules: []Rule{never}, changes: []state.ResourceChange{kept}},
		"retained":                                 {rules: []Rule{never}, changes: []state.ResourceChange{forgotten}},
		"a type in an address":                     {rules: []Rule{never}, changes: []state.ResourceChange{database}, asks: []string{`data (baryon.yaml:3): module.shop["a.b"].aws_db_instance.main[0] would be deleted`}},
		"moved":                                    {rules: []Rule{never}, changes: []state.ResourceChange{moved}},
		"read":                                     {rules: []Rule{never}, changes: []state.ResourceChange{read}},
		"allowed by a person named":                {rules: []Rule{never}, changes: []state.ResourceChange{table}, approvals: by("ada")},
		"allowed by a role that was proved":        {rules: []Rule{never}, changes: []state.ResourceChange{table}, approvals: by("key AKIA1", "key:AKIA1", "role:admin")},
		"a role that is only claimed":              {rules: []Rule{never}, changes: []state.ResourceChange{table}, approvals: by("role:admin"), asks: []string{"data (baryon.yaml:3): Table (AWS::DynamoDB::Table) would be replaced, because of TableName"}},
		"allowed by somebody else":                 {rules: []Rule{replace}, changes: []state.ResourceChange{table}, approvals: by("bob"), asks: []string{"data (baryon.yaml:3): Table (AWS::DynamoDB::Table) would be replaced, because of TableName"}},
		"built in, allowed by anybody with a name": {rules: []Rule{BuiltIn(Stateful())}, changes: []state.ResourceChange{table}, approvals: by("bob")},
		"built in, allowed by nobody with a name":  {rules: []Rule{BuiltIn(Stateful())}, changes: []state.ResourceChange{deleted}, approvals: by("api"), asks: []string{"built-in policy for resources that hold data: Table (AWS::DynamoDB::Table) would be deleted"}},
		"built in, and a rule of one's own":        {rules: []Rule{never, BuiltIn(Stateful())}, changes: []state.ResourceChange{deleted}, asks: []string{"data (baryon.yaml:3): Table (AWS::DynamoDB::Table) would be deleted"}},

		"as many as allowed":         {rules: []Rule{limited(Limit{Set: true, Most: 3})}, changes: topics(3)},
		"one more":                   {rules: []Rule{limited(Limit{Set: true, Most: 3})}, changes: topics(4), asks: []string{"few (baryon.yaml:9): the plan removes 4 resource(s), and 3 are allowed without a person"}},
		"a tenth of 39":              {rules: []Rule{limited(Limit{Set: true, Most: 10, Percent: true})}, changes: topics(3), existing: 39},
		"more than a tenth of 39":    {rules: []Rule{limited(Limit{Set: true, Most: 10, Percent: true})}, changes: topics(4), existing: 39, asks: []string{"few (baryon.yaml:9): the plan removes 4 resource(s), and 10% of 39, which is 3, are allowed without a person"}},
		"half of one is none":        {rules: []Rule{limited(Limit{Set: true, Most: 50, Percent: true})}, changes: topics(1), existing: 1, asks: []string{"few (baryon.yaml:9): the plan removes 1 resource(s), and 50% of 1, which is 0, are allowed without a person"}},
		"all of them":                {rules: []Rule{limited(Limit{Set: true, Most: 100, Percent: true})}, changes: topics(7), existing: 7},
		"no removal, none allowed":   {rules: []Rule{limited(Limit{Set: true})}, changes: []state.ResourceChange{kept, moved, forgotten}},
		"over a day":                 {rules: []Rule{{Name: "few", Place: "p:1", DailyRemovals: Limit{Set: true, Most: 5}}}, changes: topics(2), change: func(q *Question) { q.Removed = map[string]int{"few": 4} }, asks: []string{"few (p:1): the plan removes 2 resource(s), 4 were removed from its targets in the last 24 hours, and 5 are allowed without a person"}},
		"targets over a day":         {rules: []Rule{{Name: "few", Place: "p:1", DailyDeletions: Limit{Set: true, Most: 1}}}, change: func(q *Question) { q.Deleted, q.Action = map[string]int{"few": 1}, state.Delete }, asks: []string{"few (p:1): 1 deletion(s) of its targets were begun in the last 24 hours, and 1 are allowed without a person"}},
		"a deletion without a plan":  {rules: []Rule{never}, change: func(q *Question) { q.Known, q.Blind, q.Action = false, "no role", state.Delete }, asks: []string{"data (baryon.yaml:3): what it takes away is not known, as it cannot be planned: no role"}},
		"commands, of which nothing": {rules: []Rule{never}, change: func(q *Question) { q.Known = false }},
		"every change":               {rules: []Rule{{Name: "all", Place: "p:1", Approval: true}}, asks: []string{"all (p:1): every change is approved by a person"}},
		"every change, approved":     {rules: []Rule{{Name: "all", Place: "p:1", Approval: true}}, approvals: by("eve")},
	} {
		t.Run(name, func(t *testing.T) {
			q := Question{Rules: tt.rules, Action: state.Update, Known: true, Changes: tt.changes, Existing: tt.existing, Approvals: tt.approvals}
			if tt.change != nil {
				tt.change(&q)
			}
			v := Decide(q)
			var asks []string
			for _, f := range v.Asks {
				asks = append(asks, f.String())
			}
			if diff := cmp.Diff(tt.asks, asks); diff != "" {
				t.Errorf("it asks (-want +got):\n%s", diff)
			}
			if len(v.Refuses) > 0 || v.Allowed() != (len(tt.asks) == 0) {
				t.Errorf("verdict %+v", v)
			}
		})
	}
}

// TestNobodyMayAllow says that an empty list of persons is nobody at all.
func TestNobodyMayAllow(t *testing.T) {
	q := Question{
		Rules: []Rule{{Name: "data", NeverDelete: []string{"*"}, Persons: []string{}}}, Known: true,
		Changes:   []state.ResourceChange{{Address: "Table", Type: "AWS::DynamoDB::Table", Action: "delete"}},
		Approvals: []state.Request{{By: "ada", As: "role:admin"}},
	}
	if v := Decide(q); len(v.Refuses) != 1 || len(v.Asks) != 0 {
		t.Errorf("verdict %+v", v)
	}
}
