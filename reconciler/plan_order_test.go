package reconciler

import (
	"testing"

	"pgregory.net/rapid"

	"baryon/state"
)

var planShop = state.PipelineRef("shop")

// pipeline is a view of the pipeline of a service that was declared and never deployed.
func pipeline(sisters ...Sister) View {
	return but(fresh(), func(v *View) { v.Target.Ref, v.Sisters = planShop, sisters })
}

// removed is a view of an instance that its service does not list any more.
func removed(sisters ...Sister) View {
	return but(unwanted(), func(v *View) { v.Target.Ref, v.Sisters = state.InstanceRef("shop", "old"), sisters })
}

func sister(name string, change func(*Sister)) Sister {
	return but(Sister{Ref: state.InstanceRef("shop", name), Wanted: true, Deployed: true, Made: true, Status: state.Succeeded}, change)
}

func TestPlanOrder(t *testing.T) {
	t.Parallel()
	good := sister("good", func(*Sister) {})
	bad := sister("bad", func(s *Sister) { s.Deployed, s.Status, s.Waiting = false, state.Failed, state.WaitRetry })
	coming := sister("coming", func(s *Sister) { s.Deployed, s.Made, s.Status = false, false, "" })
	leaving := sister("leaving", func(s *Sister) { s.Wanted, s.Status = false, state.DeleteInProgress })
	heldUp := sister("leaving", func(s *Sister) { s.Wanted, s.Waiting = false, state.WaitGuard })
	stuck := sister("leaving", func(s *Sister) { s.Wanted, s.Status, s.Waiting = false, state.DeleteFailed, state.WaitRetry })
	const failure = "Service Instance(s): [service/shop/service-instance/bad] failed to deploy - canceling pipeline deployment"
	component := &Need{Ref: state.ComponentRef("index"), Moving: true}
	for name, tt := range map[string]struct {
		view   View
		step   Step
		waits  state.WaitReason
		reason string
	}{
		"a pipeline whose instances are there":   {pipeline(good), Deploy, "", "declared in main:prod.yaml:1"},
		"a new pipeline fails with an instance":  {pipeline(good, bad), Refuse, "", failure},
		"but not while another one is under way": {but(pipeline(coming, bad), func(v *View) { v.Needs = []Need{{Ref: coming.Ref, Exists: true}} }), Nothing, state.WaitNeed, ""},
		"and not twice":                          {but(pipeline(bad), func(v *View) { v.Last = &state.Deployment{Status: state.Failed, Message: failure} }), Nothing, state.WaitNeed, ""},
		"one that was there stays as it is": {but(changed(), func(v *View) {
			v.Target.Ref, v.Sisters = planShop, []Sister{bad}
			v.Needs = []Need{{Ref: bad.Ref, Exists: true, Status: state.Failed}}
		}), Nothing, state.WaitNeed, ""},
		"a pipeline waits for a removal":               {pipeline(good, leaving), Nothing, state.WaitOrder, ""},
		"but not for one that waits for a person":      {pipeline(good, heldUp), Deploy, "", "declared in main:prod.yaml:1"},
		"and not for one that failed":                  {pipeline(good, stuck), Deploy, "", "declared in main:prod.yaml:1"},
		"a removal waits for what is new":              {removed(good, coming), Nothing, state.WaitOrder, ""},
		"and is not made when that fails":              {removed(good, bad), Nothing, state.WaitOrder, ""},
		"a removal with nothing new":                   {removed(good), Deploy, "", "no longer declared in main:prod.yaml"},
		"the removal of a whole service":               {removed(leaving, heldUp), Deploy, "", "no longer declared in main:prod.yaml"},
		"an instance whose component is under way":     {but(fresh(), func(v *View) { v.Partner = component }), Nothing, state.WaitOrder, ""},
		"the removal of such an instance":              {but(removed(), func(v *View) { v.Partner = component }), Nothing, state.WaitOrder, ""},
		"a component that is still read elsewhere":     {but(fresh(), func(v *View) { v.Former = []state.Ref{good.Ref} }), Nothing, state.WaitOrder, ""},
		"what it needs is about to change":             {but(changed(), func(v *View) { v.Needs = []Need{{Ref: planProd, Exists: true, Deployed: true, Moving: true}} }), Nothing, state.WaitNeed, ""},
		"what it needs is wanted gone":                 {but(changed(), func(v *View) { v.Needs = []Need{{Ref: planProd, Exists: true, Deleting: true}} }), Nothing, state.WaitNeed, ""},
		"things that wait for each other":              {but(fresh(), func(v *View) { v.Cycle = []state.Ref{good.Ref, bad.Ref} }), Nothing, state.WaitNeed, ""},
		"a removal from a repository in doubt":         {but(removed(), func(v *View) { v.Held = "it cannot be read" }), Nothing, state.WaitGuard, ""},
		"what nothing lists, while it may be misspelt": {but(deployed(), func(v *View) { v.Target.Desired.Kept = "2 problems" }), Nothing, state.WaitKept, ""},
		"a failed removal is forced": {but(undeleted(), func(v *View) { v.Target.Asked.Force = state.Request{Generation: 2, By: "ada", Why: "gone by hand"} }), Forget, "",
			"its deletion was forced by ada: gone by hand; what is left of it is nobody's"},
		"an earlier force does not count": {but(undeleted(), func(v *View) { v.Target.Asked.Force = state.Request{Generation: 1} }), Nothing, state.WaitRetry, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := Plan(tt.view)
			if got.Step != tt.step || got.Waiting.Reason != tt.waits || got.Reason != tt.reason {
				t.Errorf("%s because %q, waits %q (%s), want %s because %q, waits %q", got.Step, got.Reason, got.Waiting.Reason, got.Waiting.Why, tt.step, tt.reason, tt.waits)
			}
			if got.Waiting.Reason != "" && got.Waiting.Next == "" {
				t.Error("waits and does not say what would end it")
			}
		})
	}
}

// anyMember draws views of a member of a service.
func anyMember(t *rapid.T, kind state.Kind) View {
	v := anyView(t)
	v.Target.Ref = state.Ref{Kind: kind, Service: "shop", Name: "me"}
	if kind == state.KindPipeline {
		v.Target.Ref.Name = ""
	}
	for range rapid.IntRange(0, 3).Draw(t, "sisters") {
		made := rapid.Bool().Draw(t, "made")
		v.Sisters = append(v.Sisters, Sister{
			Ref: state.InstanceRef("shop", rapid.SampledFrom([]string{"eu", "us"}).Draw(t, "name")), Wanted: rapid.Bool().Draw(t, "wanted"),
			Made: made, Deployed: made && rapid.Bool().Draw(t, "deployed"),
			Status:  rapid.SampledFrom([]state.Status{"", state.InProgress, state.Failed, state.Succeeded, state.DeleteInProgress, state.DeleteFailed}).Draw(t, "status"),
			Waiting: rapid.SampledFrom([]state.WaitReason{"", state.WaitNeed, state.WaitRetry, state.WaitGuard, state.WaitOrder}).Draw(t, "waiting"),
		})
	}
	if rapid.IntRange(0, 3).Draw(t, "has a partner") == 0 {
		v.Partner = &Need{Ref: state.ComponentRef("index"), Moving: rapid.Bool().Draw(t, "partner moves")}
	}
	return v
}

func TestPlanTakesNoInstanceAwayBeforeItsSuccessors(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := anyMember(t, state.KindInstance)
		if !deletes(Plan(v)) {
			return // takes nothing away
		}
		for _, s := range v.Sisters {
			if s.Wanted && !s.Deployed {
				t.Fatalf("deleted although %s is not there", s.Ref)
			}
		}
	})
}

func TestPlanChangesNoPartnersAtOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := anyMember(t, rapid.SampledFrom([]state.Kind{state.KindInstance, state.KindComponent}).Draw(t, "kind"))
		v.Partner = &Need{Ref: state.ComponentRef("index"), Moving: true}
		if c := Plan(v); begins(c) {
			t.Fatalf("%s of %s while its partner is under way", c.Action, v.Target.Ref)
		}
	})
}

func TestPlanDeploysNoPipelineDuringARemoval(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := anyMember(t, state.KindPipeline)
		c := Plan(v)
		if c.Step != Deploy || c.Action == state.Delete {
			return // deploys nothing
		}
		for _, s := range v.Sisters {
			if !s.Wanted && s.Made && s.Status == state.DeleteInProgress {
				t.Fatalf("%s while %s is taken away", c.Action, s.Ref)
			}
		}
	})
}
