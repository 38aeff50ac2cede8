package reconciler

import (
	"testing"

	"baryon/state"
)

// member is an instance of shop; with changes it becomes what a case needs.
func member(name string, changes ...func(*state.Target)) state.Target {
	t := state.Target{
		Ref: state.InstanceRef("shop", name), Generation: 1, Status: state.Succeeded, LastAttempted: "d1",
		Deployed: state.Deployed{Deployment: "d1", Generation: 1},
	}
	for _, change := range changes {
		change(&t)
	}
	return t
}

func fresh1(t *state.Target)  { t.Deployed, t.Status, t.LastAttempted = state.Deployed{}, "", "" }
func failing(t *state.Target) { t.Status, t.Message = state.Failed, "exit status 1" }
func running(t *state.Target) { t.Status = state.InProgress }
func gone(t *state.Target)    { t.Desired.Deleted, t.Generation = true, 2 }
func going(t *state.Target)   { t.Status = state.DeleteInProgress }
func stuck(t *state.Target)   { t.Status, t.Message = state.DeleteFailed, "bucket is not empty" }
func waits(r state.WaitReason) func(*state.Target) {
	return func(t *state.Target) { t.Waiting = state.Waiting{Reason: r, Why: "because"} }
}

func TestServiceStatus(t *testing.T) {
	t.Parallel()
	isNew, old := state.Service{}, state.Service{Created: true}
	for name, tt := range map[string]struct {
		service state.Service
		members []state.Target
		want    state.ServiceStatus
		message string
	}{
		"nothing begun yet":                    {isNew, []state.Target{member("a", fresh1)}, state.ServiceCreateInProgress, ""},
		"one made, one under way":              {isNew, []state.Target{member("a"), member("b", fresh1, running)}, state.ServiceCreateInProgress, ""},
		"one failed, one under way":            {isNew, []state.Target{member("a", fresh1, failing), member("b", fresh1, running)}, state.ServiceCreateInProgress, "service/shop/service-instance/a: exit status 1"},
		"one failed, the rest at rest":         {isNew, []state.Target{member("a", fresh1, failing), member("b")}, state.ServiceCreateFailed, "service/shop/service-instance/a: exit status 1"},
		"one waits for what is not there":      {isNew, []state.Target{member("a", fresh1, waits(state.WaitNeed))}, state.ServiceCreateInProgress, "service/shop/service-instance/a: because"},
		"a failed one is taken back":           {isNew, []state.Target{member("a", fresh1, failing, gone), member("b")}, state.ServiceCreateFailedCleanupInProgress, ""},
		"taking it back failed":                {isNew, []state.Target{member("a", fresh1, gone, stuck), member("b")}, state.ServiceCreateFailedCleanupFailed, "service/shop/service-instance/a: bucket is not empty"},
		"all there":                            {isNew, []state.Target{member("a"), member("b")}, state.ServiceActive, ""},
		"an update under way":                  {old, []state.Target{member("a", running), member("b")}, state.ServiceUpdateInProgress, ""},
		"an update declared and not begun":     {old, []state.Target{member("a", func(t *state.Target) { t.Generation = 2 })}, state.ServiceUpdateInProgress, ""},
		"an update that waits for an approval": {old, []state.Target{member("a", func(t *state.Target) { t.Generation = 2 }, waits(state.WaitApproval))}, state.ServiceActive, ""},
		"an update failed":                     {old, []state.Target{member("a", failing), member("b")}, state.ServiceUpdateFailed, "service/shop/service-instance/a: exit status 1"},
		"a new one failed, an old one stays":   {old, []state.Target{member("a", fresh1, failing), member("b", gone, waits(state.WaitOrder))}, state.ServiceUpdateFailed, "service/shop/service-instance/a: exit status 1"},
		"the new one is taken back":            {old, []state.Target{member("a", fresh1, failing, gone, going), member("b")}, state.ServiceUpdateFailedCleanupInProgress, ""},
		"taking the new one back failed":       {old, []state.Target{member("a", fresh1, gone, stuck), member("b")}, state.ServiceUpdateFailedCleanupFailed, "service/shop/service-instance/a: bucket is not empty"},
		"an old one goes":                      {old, []state.Target{member("a", gone, going), member("b")}, state.ServiceUpdateInProgress, ""},
		"an old one waits for a person":        {old, []state.Target{member("a", gone, waits(state.WaitGuard)), member("b")}, state.ServiceUpdateInProgress, "service/shop/service-instance/a: because"},
		"an old one does not go":               {old, []state.Target{member("a", gone, stuck), member("b")}, state.ServiceUpdateCompleteCleanupFailed, "service/shop/service-instance/a: bucket is not empty"},
		"cancelled, as it was before":          {old, []state.Target{member("a", func(t *state.Target) { t.Status = state.Cancelled })}, state.ServiceActive, ""},
		"cancelled, never there":               {isNew, []state.Target{member("a", fresh1, func(t *state.Target) { t.Status = state.Cancelled })}, state.ServiceCreateFailed, "service/shop/service-instance/a: "},
		"the service goes":                     {state.Service{Created: true, Deleted: true}, []state.Target{member("a", gone, going)}, state.ServiceDeleteInProgress, ""},
		"the service does not go":              {state.Service{Created: true, Deleted: true}, []state.Target{member("a", gone, stuck), member("b", gone, waits(state.WaitChild))}, state.ServiceDeleteFailed, "service/shop/service-instance/a: bucket is not empty"},
		"one stuck, one still going":           {state.Service{Deleted: true}, []state.Target{member("a", gone, stuck), member("b", gone, going)}, state.ServiceDeleteInProgress, "service/shop/service-instance/a: bucket is not empty"},
		"no instances":                         {isNew, nil, state.ServiceActive, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := sumUp(tt.service, tt.members)
			if got.status != tt.want || got.message != tt.message {
				t.Errorf("%s %q, want %s %q", got.status, got.message, tt.want, tt.message)
			}
			if got.created != (tt.service.Created || tt.want == state.ServiceActive) {
				t.Errorf("created = %v", got.created)
			}
		})
	}
}
