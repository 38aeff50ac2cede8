package cloudformation_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"baryon/provisioner"
	"baryon/provisioner/awssim"
	"baryon/provisioner/cloudformation"
)

// foresee takes a plan to its end.
func foresee(t *testing.T, e *cloudformation.Engine, j provisioner.Job) provisioner.Progress {
	t.Helper()
	for range 1000 {
		p, err := e.Plan(t.Context(), j)
		if err != nil {
			t.Fatal(err)
		}
		if p.State.Final() {
			return p
		}
		j.Handle = p.Handle
	}
	t.Fatal("the plan has no end")
	return provisioner.Progress{}
}

// approved is a job that applies a plan.
func approved(j provisioner.Job, id string, plan provisioner.Progress) provisioner.Job {
	j.Plan, j.ID, j.PlanHandle = j.ID, id, plan.Handle
	return j
}

func current(t *testing.T, e *cloudformation.Engine, j provisioner.Job) bool {
	t.Helper()
	ok, err := e.Current(t.Context(), j)
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

// TestPlan applies the plan that was approved, or nothing.
func TestPlan(t *testing.T) {
	credentials(t)
	for name, test := range map[string]func(*testing.T, *sim){
		"a creation": func(t *testing.T, s *sim) {
			e := s.engine(t)
			plan := foresee(t, e, job("p1", "web", "one"))
			want(t, plan, provisioner.Succeeded, "")
			if len(plan.Changes) != 1 || plan.Changes[0].Action != "create" || plan.Changes[0].Type != "AWS::SNS::Topic" {
				t.Fatalf("changes %+v", plan.Changes)
			}
			j := approved(job("p1", "web", "one"), "d1", plan)
			if !current(t, e, j) {
				t.Error("the plan is not current")
			}
			p, _ := end(t, e, j)
			want(t, p, provisioner.Succeeded, "")
			if current(t, e, j) {
				t.Error("an executed plan is current")
			}
			if n := s.Calls()["cloudformation:CreateChangeSet"]; n != 1 {
				t.Errorf("%d change sets were made", n)
			}
		},
		"an update with values": func(t *testing.T, s *sim) {
			e := s.engine(t)
			p, _ := end(t, e, job("d1", "web", "one"))
			want(t, p, provisioner.Succeeded, "")
			plan := foresee(t, e, job("p1", "web", "two"))
			if got := plan.Changes[0]; got.Action != "update" || len(got.Differences) != 1 || got.Differences[0] != `DisplayName: "one" → "two"` {
				t.Fatalf("changes %+v", plan.Changes)
			}
			p, _ = end(t, e, approved(job("p1", "web", "two"), "d2", plan))
			want(t, p, provisioner.Succeeded, "")
		},
		"somebody changes the stack before it is approved": func(t *testing.T, s *sim) {
			e := s.engine(t)
			end(t, e, job("d1", "web", "one"))
			plan := foresee(t, e, job("p1", "web", "two"))
			end(t, e, job("d2", "web", "three"))
			j := approved(job("p1", "web", "two"), "d3", plan)
			if current(t, e, j) {
				t.Error("the plan is still current")
			}
			before := s.Mutations("")
			p, _ := end(t, e, j)
			want(t, p, provisioner.Failed, "changed by others")
			if !p.PlanMoved || s.Mutations("") != before {
				t.Errorf("moved %v, %d operations", p.PlanMoved, s.Mutations("")-before)
			}
		},
		"the stack is deleted before it is approved": func(t *testing.T, s *sim) {
			e := s.engine(t)
			end(t, e, job("d1", "web", "one"))
			plan := foresee(t, e, job("p1", "web", "two"))
			gone := job("d2", "web", "two")
			gone.Action = provisioner.Deprovision
			end(t, e, gone)
			p, _ := end(t, e, approved(job("p1", "web", "two"), "d3", plan))
			want(t, p, provisioner.Failed, "changed by others")
		},
		"nothing to do": func(t *testing.T, s *sim) {
			e := s.engine(t)
			end(t, e, job("d1", "web", "one"))
			plan := foresee(t, e, job("p1", "web", "one"))
			if !plan.Nothing || len(plan.Changes) != 0 {
				t.Fatalf("plan %+v", plan)
			}
			before := s.Mutations("")
			p, log := end(t, e, approved(job("p1", "web", "one"), "d2", plan))
			want(t, p, provisioner.Succeeded, "")
			if s.Mutations("") != before || p.Outputs["name"] != "one" || !strings.Contains(log, "Nothing to do") {
				t.Errorf("outputs %v, log %s", p.Outputs, log)
			}
		},
		"a lost answer to its execution": func(t *testing.T, s *sim) {
			e := s.engine(t)
			plan := foresee(t, e, job("p1", "web", "one"))
			s.InjectWire(awssim.WireFault{Action: "ExecuteChangeSet", Kind: awssim.Lost, Times: 1})
			p, _ := end(t, e, approved(job("p1", "web", "one"), "d1", plan))
			want(t, p, provisioner.Succeeded, "")
			if n := s.Mutations("baryon-d1"); n != 1 {
				t.Errorf("begun %d times", n)
			}
		},
		"a handle that was never kept": func(t *testing.T, s *sim) {
			e := s.engine(t)
			plan := foresee(t, e, job("p1", "web", "one"))
			j := approved(job("p1", "web", "one"), "d1", plan)
			for range 3 { // the first calls are made, and what they answered is lost
				p, err := e.Apply(t.Context(), j)
				if err != nil {
					t.Fatal(err)
				}
				if p.Message == "the change set is executed" {
					j.Handle = ""
					break
				}
				j.Handle = p.Handle
			}
			p, _ := end(t, e, j)
			want(t, p, provisioner.Succeeded, "")
			if n := s.Mutations("baryon-d1"); n != 1 {
				t.Errorf("begun %d times", n)
			}
		},
		"a deletion": func(t *testing.T, s *sim) {
			e := s.engine(t)
			end(t, e, job("d1", "web", "one"))
			gone := job("p1", "web", "one")
			gone.Action = provisioner.Deprovision
			plan := foresee(t, e, gone)
			if len(plan.Changes) != 1 || plan.Changes[0].Action != "delete" || plan.Changes[0].Address != "A" {
				t.Fatalf("changes %+v", plan.Changes)
			}
			end(t, e, job("d2", "web", "two"))
			p, _ := end(t, e, approved(gone, "d3", plan))
			want(t, p, provisioner.Failed, "changed by others")
			gone.ID = "p2"
			plan = foresee(t, e, gone)
			p, _ = end(t, e, approved(gone, "d4", plan))
			want(t, p, provisioner.Succeeded, "")
		},
		"a failed deletion that is declared again": func(t *testing.T, s *sim) {
			e := s.engine(t)
			end(t, e, job("d1", "web", "one"))
			s.Inject(awssim.Fault{Do: "delete", Times: 1, Reason: "in use"})
			gone := job("d2", "web", "one")
			gone.Action = provisioner.Deprovision
			p, _ := end(t, e, gone)
			want(t, p, provisioner.Failed, "A (AWS::SNS::Topic) failed: in use")
			before := s.Mutations("")
			p, _ = end(t, e, job("d3", "web", "one"))
			want(t, p, provisioner.Failed, "is in DELETE_FAILED")
			if s.Mutations("") != before {
				t.Error("something was deleted without a question")
			}
			plan := foresee(t, e, job("p1", "web", "one"))
			if len(plan.Changes) != 2 || plan.Changes[0].Action != "delete" || plan.Changes[1].Action != "replace" {
				t.Fatalf("changes %+v", plan.Changes)
			}
			p, _ = end(t, e, approved(job("p1", "web", "one"), "d4", plan))
			want(t, p, provisioner.Succeeded, "")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newSim(t))
		})
	}
}

// findDrift takes a check for drift to its end.
func findDrift(t *testing.T, e *cloudformation.Engine, j provisioner.Job) provisioner.Progress {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		p, err := e.Drift(t.Context(), j)
		if err != nil {
			t.Fatal(err)
		}
		if p.State.Final() {
			return p
		}
		j.Handle = p.Handle
	}
	t.Fatal("the check has no end")
	return provisioner.Progress{}
}

// TestDrift tells what others changed, with values.
func TestDrift(t *testing.T) {
	credentials(t)
	s := newSim(t)
	e := s.engine(t)
	end(t, e, job("d1", "web", "one"))
	before := s.Mutations("")
	if p := findDrift(t, e, job("c1", "web", "one")); p.State != provisioner.Succeeded || len(p.Changes) != 0 {
		t.Fatalf("drift where there is none: %+v", p)
	}
	s.Edit("web", "A", func(thing *awssim.Thing) bool { thing.Properties["DisplayName"] = "by hand"; return false })
	p := findDrift(t, e, job("c2", "web", "one"))
	if len(p.Changes) != 1 || p.Changes[0].Action != "update" || len(p.Changes[0].Differences) != 1 || p.Changes[0].Differences[0] != `DisplayName: "one" → "by hand"` {
		t.Fatalf("drift %+v", p)
	}
	s.Edit("web", "A", func(*awssim.Thing) bool { return true })
	if p := findDrift(t, e, job("c3", "web", "one")); len(p.Changes) != 1 || p.Changes[0].Action != "delete" {
		t.Fatalf("drift %+v", p)
	}
	if p := findDrift(t, e, job("c4", "web", "another")); len(p.Changes) != 2 || p.Changes[0].Attributes[0] != "template" {
		t.Fatalf("drift %+v", p)
	}
	if p := findDrift(t, e, job("c5", "nothing", "one")); len(p.Changes) != 1 || p.Changes[0].Reason != "the stack is gone" {
		t.Fatalf("drift %+v", p)
	}
	if s.Mutations("") != before {
		t.Error("a check changed something")
	}
}

// TestSecretsStayHidden holds back values that may be secrets.
func TestSecretsStayHidden(t *testing.T) {
	credentials(t)
	s := newSim(t)
	e := s.engine(t)
	files := func(value string) provisioner.Job {
		j := job("x", "web", "one")
		j.Files = fstest.MapFS{"cloudformation.yaml": {Data: []byte("Resources: {F: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: '" + value + "'}}}")}}
		return j
	}
	for i, value := range []string{"-----BEGIN PRIVATE KEY-----", "AKIAABCDEFGHIJKLMNOP"} {
		j := files("plain")
		j.ID = fmt.Sprintf("d%d", i)
		end(t, e, j)
		j = files(value)
		j.ID = fmt.Sprintf("p%d", i)
		plan := foresee(t, e, j)
		text := fmt.Sprint(plan.Changes)
		if strings.Contains(text, value) || !strings.Contains(text, "****") {
			t.Errorf("the plan shows %s", text)
		}
	}
}
