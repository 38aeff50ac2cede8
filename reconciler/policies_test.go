package reconciler

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"baryon/reconciler/policy"
	"baryon/renderer"
	"baryon/state"
)

// untilIs lets time go by, a minute at a time, until a target is as is wanted. The
// process dies at one of its calls for the engine, and another goes on.
func (w *stackWorld) untilIs(ref state.Ref, dies int, what string, is func(state.Target) bool) state.Target {
	w.t.Helper()
	w.restart(dies)
	for range 200 {
		w.pass()
		if dies > 0 && w.engine.calls >= dies {
			dies = 0
			w.restart(0)
		}
		if t := w.target(ref); is(t) {
			return t
		}
		w.now = w.now.Add(time.Minute)
	}
	w.t.Fatalf("%s is never %s; it is %+v", ref, what, w.target(ref).Waiting)
	return state.Target{}
}

// tables makes a world whose stacks hold a table of the name that is the size.
func tables(t *testing.T, postgres bool, rules ...policy.Rule) *stackWorld {
	t.Helper()
	w := newStackWorld(t, postgres)
	w.rules = rules
	w.write("net/v1/infrastructure/cloudformation.yaml", `Resources:
  A: {Type: AWS::SNS::Topic, Properties: {DisplayName: hello}}
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: "{{ environment.inputs.size }}"
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
Outputs: {size: {Value: "{{ environment.inputs.size }}"}}
`)
	w.restart(0)
	return w
}

func asksFor(reason state.WaitReason) func(state.Target) bool {
	return func(t state.Target) bool { return t.Waiting.Reason == reason && t.Waiting.Plan != "" }
}

// TestReplacementsWaitForTheirPerson kills the daemon at each call for the engine
// while a replaced table is planned, asked about, approved and executed. Nothing
// is executed before one of the persons named has approved that very plan.
func TestReplacementsWaitForTheirPerson(t *testing.T) {
	for _, db := range []string{"sqlite", "postgres"} {
		t.Run(db, func(t *testing.T) {
			w := tables(t, db == "postgres", policy.Rule{Name: "data", Place: "baryon.yaml:3", NeverDelete: []string{"AWS::DynamoDB::*"}, Persons: []string{"ada"}})
			most := 0
			for dies := 1; dies <= max(most, 3); dies++ {
				if db == "postgres" && dies > 3 {
					break // where it is killed is the same with both
				}
				ref := w.environment(fmt.Sprintf("e%d", dies), "", fmt.Sprintf("one%d", dies))
				w.push()
				if d := w.settle(ref, 0); d.Status != state.Succeeded {
					t.Fatalf("created: %s %s", d.Status, d.Message)
				}
				w.environment(ref.Name, "", fmt.Sprintf("two%d", dies))
				w.push()
				got := w.untilIs(ref, dies, "asked about", asksFor(state.WaitApproval))
				most = max(most, w.engine.calls)
				if want := "data (baryon.yaml:3): Table (AWS::DynamoDB::Table) would be replaced, because of TableName"; !strings.HasPrefix(got.Waiting.Why, want) || got.Waiting.Persons != "ada" {
					t.Errorf("it waits for %s: %s", got.Waiting.Persons, got.Waiting.Why)
				}
				if last, err := w.store.LastDeployment(t.Context(), ref); err != nil || last.Action != state.Create {
					t.Errorf("a change that waits for a person is no deployment: %+v, %v", last, err)
				}
				var others *state.ForbiddenError
				if err := w.store.Approve(t.Context(), "bob", ref, "fine"); !errors.As(err, &others) {
					t.Errorf("an approval of somebody else: %v", err)
				}
				w.do(w.store.Approve(t.Context(), "ada", ref, "it is empty"))
				w.untilIs(ref, dies, "replaced", func(t state.Target) bool { return t.Status == state.Succeeded && t.Deployed.Generation == 2 })
				most = max(most, w.engine.calls)
				d, err := w.store.LastDeployment(t.Context(), ref)
				if err != nil || d.Plan != got.Waiting.Plan || d.By != "ada" || w.sim.Mutations("baryon-"+d.ID) != 1 {
					t.Errorf("killed after call %d: plan %s, want %s, by %s, begun %d times; %v", dies, d.Plan, got.Waiting.Plan, d.By, w.sim.Mutations("baryon-"+d.ID), err)
				}
			}
			if most < 3 {
				t.Errorf("it took %d calls; it was not killed at each", most)
			}
		})
	}
}

// TestApprovalsAreOfOnePlan shows that what is pushed after an approval, and the
// deletion of all of it, is asked about anew, also where somebody asks by force.
func TestApprovalsAreOfOnePlan(t *testing.T) {
	w := tables(t, false, policy.Rule{Name: "data", Place: "baryon.yaml:3", NeverReplace: []string{"AWS::DynamoDB::*"}, NeverDelete: []string{"*Table"}, Persons: []string{"ada"}})
	ref := w.environment("dev", "", "one")
	w.push()
	w.settle(ref, 0)
	w.environment("dev", "", "two")
	w.push()
	first := w.untilIs(ref, 0, "asked about", asksFor(state.WaitApproval))
	w.do(w.store.Approve(t.Context(), "ada", ref, "two"))
	w.environment("dev", "", "three")
	w.push()
	second := w.untilIs(ref, 0, "asked about again", asksFor(state.WaitApproval))
	if second.Waiting.Plan == first.Waiting.Plan || second.Generation == first.Generation {
		t.Errorf("the plan asked about is the same: %+v", second.Waiting)
	}
	w.do(w.store.Reject(t.Context(), "eve", ref, "no"))
	w.pass()
	if got := w.target(ref); !strings.Contains(got.Waiting.Why, "rejected by eve: no") {
		t.Errorf("rejected, it waits for %+v", got.Waiting)
	}

	// A person who asks for the deletion has not seen what goes with it.
	w.do(w.store.Retry(t.Context(), "eve", ref, "once more"))
	delete(w.files, "dev.yaml")
	w.push()
	gone := w.untilIs(ref, 0, "asked about", asksFor(state.WaitGuard))
	if !strings.Contains(gone.Waiting.Why, "Table (AWS::DynamoDB::Table) would be deleted") {
		t.Errorf("the deletion waits for %+v", gone.Waiting)
	}
	w.do(w.store.Approve(t.Context(), "ada", ref, "gone"))
	if d := w.settle(ref, 0); d.Status != state.DeleteComplete || d.Plan != gone.Waiting.Plan {
		t.Errorf("%s %s, plan %s", d.Status, d.Message, d.Plan)
	}
}

// TestEngineHoldsWhatNobodyJudged shows that a change which looks harmless from
// the files, and is not, is asked about all the same.
func TestEngineHoldsWhatNobodyJudged(t *testing.T) {
	w := newStackWorld(t, false) // topics alone
	w.rules = []policy.Rule{{Name: "topics", Place: "baryon.yaml:3", NeverReplace: []string{"AWS::SNS::Topic"}, For: policy.Selector{Labels: map[string]string{"care": "y*"}}}}
	ref := w.environment("dev", "", "one")
	w.push()
	w.settle(ref, 0)
	w.write("net/v1/infrastructure/cloudformation.yaml", "Resources: {A: {Type: AWS::SNS::Topic, Properties: {TopicName: \"{{ environment.inputs.size }}\"}}}\n")
	w.environment("dev", ", labels: {care: yes}", "two")
	w.push()
	// The look at the files is left out, as if they had shown nothing.
	v, art, err := w.loop.look(t.Context(), w.target(ref))
	if err != nil {
		t.Fatal(err)
	}
	v.Content, v.Plans = Content{}, false
	claims, err := w.store.Claim(t.Context(), "", 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range claims {
		f := state.Finish{Claim: c, Due: w.now}
		if c.Ref == ref {
			if v.Target.Desired.Version != w.target(ref).Desired.Version {
				if v.Target, err = w.loop.moveVersion(t.Context(), c, v.Target.Desired.Version); err != nil {
					t.Fatal(err)
				}
			}
			change := Plan(v)
			if change.Step != Deploy {
				t.Fatalf("unlooked at, it is to %+v", change)
			}
			if _, err := w.loop.begin(t.Context(), c, v, change, art); err != nil {
				t.Fatal(err)
			}
		}
		w.do(w.store.Finish(t.Context(), []state.Finish{f}))
	}
	got := w.untilIs(ref, 0, "asked about", asksFor(state.WaitApproval))
	if !strings.Contains(got.Waiting.Why, "A (AWS::SNS::Topic) would be replaced, because of TopicName") {
		t.Errorf("it waits for %+v", got.Waiting)
	}
	last, err := w.store.LastDeployment(t.Context(), ref)
	if err != nil || last.Status != state.Failed || !strings.Contains(last.Message, "nothing was changed") || w.sim.Mutations("baryon-"+last.ID) != 0 {
		t.Errorf("the engine was to refuse: %+v, %v", last, err)
	}
	w.do(w.store.Approve(t.Context(), "anybody", ref, "fine"))
	w.untilIs(ref, 0, "replaced", func(t state.Target) bool { return t.Status == state.Succeeded && t.Deployed.Generation == t.Generation })
}

// TestChangesWaitForTheirWindow kills the daemon in the window and goes on after
// it: what had not begun does not begin, until the next one or an emergency.
func TestChangesWaitForTheirWindow(t *testing.T) {
	mondays := policy.Rule{
		Name: "mondays", Place: "baryon.yaml:7", Override: []string{"ada"},
		Windows: []policy.Window{{Days: []time.Weekday{time.Monday}, From: 9 * 60, To: 10 * 60, Zone: time.UTC}},
	}
	for _, db := range []string{"sqlite", "postgres"} {
		t.Run(db, func(t *testing.T) {
			w := tables(t, db == "postgres", mondays) // it is Monday, nine o'clock
			ref := w.environment("dev", "", "one")
			w.push()
			w.restart(1)
			w.pass()
			open, err := w.store.OpenDeployment(t.Context(), ref)
			if err != nil || open == nil {
				t.Fatalf("in the window nothing was begun: %v", err)
			}
			w.now = w.now.Add(2 * time.Hour)
			w.untilIs(ref, 0, "held", func(t state.Target) bool {
				return strings.Contains(t.Message, "waits for the window that opens Mon 09:00 UTC (2026-11-09)")
			})
			if n := w.sim.Mutations("baryon-" + open.ID); n != 0 {
				t.Errorf("outside the window it was begun %d times", n)
			}
			w.now = w.now.Add(7 * 24 * time.Hour).Truncate(24 * time.Hour).Add(9 * time.Hour)
			w.untilIs(ref, 0, "there", func(t state.Target) bool { return t.Status == state.Succeeded })
			if n := w.sim.Mutations("baryon-" + open.ID); n != 1 || w.now.Weekday() != time.Monday || w.now.Hour() != 9 {
				t.Errorf("at %s it was begun %d times", w.now, n)
			}

			w.now = w.now.Add(24 * time.Hour)
			w.environment("dev", "", "two")
			w.push()
			got := w.untilIs(ref, 0, "waiting", func(t state.Target) bool { return t.Waiting.Reason == state.WaitWindow })
			if !got.Waiting.Until.Equal(time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)) || got.Waiting.Persons != "ada" {
				t.Errorf("it waits for %+v", got.Waiting)
			}
			var others *state.ForbiddenError
			if err := w.store.Override(t.Context(), "bob", ref, "the fix"); !errors.As(err, &others) {
				t.Errorf("an emergency of somebody else: %v", err)
			}
			var conflict *state.ConflictError
			if err := w.store.Override(t.Context(), "ada", ref, ""); !errors.As(err, &conflict) {
				t.Errorf("an emergency without a reason: %v", err)
			}
			w.do(w.store.Override(t.Context(), "ada", ref, "the fix"))
			w.untilIs(ref, 0, "there", func(t state.Target) bool { return t.Status == state.Succeeded && t.Deployed.Generation == 2 })
			if got := w.target(ref); got.Asked.Override.By != "" {
				t.Errorf("the emergency goes on: %+v", got.Asked.Override)
			}
			w.do(w.store.Redeploy(t.Context(), "eve", ref, "once more"))
			w.untilIs(ref, 0, "waiting", func(t state.Target) bool { return t.Waiting.Reason == state.WaitWindow })
		})
	}
}

// TestFewRemovalsADay lets two daemons remove resources of several targets: of
// those that a rule is for, no more go without a person than it says.
func TestFewRemovalsADay(t *testing.T) {
	for _, db := range []string{"sqlite", "postgres"} {
		t.Run(db, func(t *testing.T) {
			few := policy.Rule{Name: "few", Place: "baryon.yaml:9", For: policy.Selector{Environments: []string{"e*"}}, DailyRemovals: policy.Limit{Set: true, Most: 2}}
			w := newStackWorld(t, db == "postgres")
			w.rules = []policy.Rule{few}
			w.write("net/v1/infrastructure/cloudformation.yaml", `Resources:
  A: {Type: AWS::SNS::Topic, Properties: {DisplayName: hello}}
{% if environment.inputs.size == "large" %}
  B: {Type: AWS::SNS::Topic, Properties: {DisplayName: hello}}
{% endif %}
`)
			var refs []state.Ref
			for _, name := range []string{"e1", "e2", "e3", "e4", "other"} {
				refs = append(refs, w.environment(name, "", "large"))
			}
			w.push()
			for _, ref := range refs {
				w.untilIs(ref, 0, "there", func(t state.Target) bool { return t.Status == state.Succeeded })
				w.environment(ref.Name, "", "small")
			}
			w.push()
			w.restart(0)
			other := w.newLoop(w.loop.settings)
			other.cfg.Engines, other.cfg.Source = map[renderer.Engine]Engine{renderer.EngineCloudFormation: w.engine}, w.loop.cfg.Source
			done, waiting := 0, 0
			for range 60 {
				w.pass(w.loop, other)
				w.now = w.now.Add(time.Minute)
				done, waiting = 0, 0
				for _, ref := range refs {
					switch got := w.target(ref); {
					case got.Deployed.Generation == 2:
						done++
					case got.Waiting.Reason == state.WaitApproval && strings.Contains(got.Waiting.Why, "2 were removed from its targets in the last 24 hours, and 2 are allowed"):
						waiting++
					}
				}
				if done+waiting == len(refs) {
					break
				}
			}
			if done != 3 || waiting != 2 {
				t.Errorf("%d went and %d wait", done, waiting)
			}
			w.now = w.now.Add(24 * time.Hour)
			for _, ref := range refs {
				w.untilIs(ref, 0, "there", func(t state.Target) bool { return t.Deployed.Generation == 2 })
			}
		})
	}
}
