package reconciler

import (
	"testing"

	"baryon/state"
)

// TestIdentity finds as whom, and in which region, each kind of target is deployed.
func TestIdentity(t *testing.T) {
	const role = "arn:aws:iam::222222222222:role/"
	env := state.Desired{Role: role + "env", ComponentRole: role + "component"}
	of := func(edit func(*state.Desired)) state.Desired {
		d := env
		edit(&d)
		return d
	}
	instance := state.Target{Ref: state.InstanceRef("shop", "prod"), Desired: state.Desired{Environment: "prod"}}
	component := state.Target{Ref: state.ComponentRef("cache"), Desired: state.Desired{Environment: "prod"}}
	pipeline := state.Target{Ref: state.PipelineRef("shop")}
	for name, tt := range map[string]struct {
		settings Settings
		env      state.Desired
		target   state.Target // the environment where it has no name
		want     identity
	}{
		"an environment":       {Settings{}, env, state.Target{}, identity{role + "env", "", "us-east-1"}},
		"one with a region":    {Settings{}, of(func(d *state.Desired) { d.Region = "eu-west-1" }), state.Target{}, identity{role + "env", "", "eu-west-1"}},
		"an instance in it":    {Settings{}, of(func(d *state.Desired) { d.Region = "eu-west-1" }), instance, identity{role + "env", "", "eu-west-1"}},
		"a component":          {Settings{}, of(func(d *state.Desired) { d.ExternalID = "x" }), component, identity{role + "component", "x", "us-east-1"}},
		"of a connection":      {Settings{}, of(func(d *state.Desired) { d.Connection = "c-1" }), instance, identity{role + "env", "c-1", "us-east-1"}},
		"where one is said":    {Settings{ExternalID: "s"}, of(func(d *state.Desired) { d.Connection = "c-1" }), instance, identity{role + "env", "s", "us-east-1"}},
		"and of its own":       {Settings{ExternalID: "s"}, of(func(d *state.Desired) { d.ExternalID = "e" }), instance, identity{role + "env", "e", "us-east-1"}},
		"a pipeline":           {Settings{PipelineRole: role + "pipeline", Region: "eu-north-1"}, env, pipeline, identity{role + "pipeline", "", "eu-north-1"}},
		"the region of all":    {Settings{Region: "eu-north-1"}, env, instance, identity{role + "env", "", "eu-north-1"}},
		"without any of these": {Settings{}, state.Desired{}, instance, identity{"", "", "us-east-1"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, tt.settings)
			environment := state.Target{Ref: state.EnvironmentRef("prod"), Desired: tt.env}
			err := w.store.Update(t.Context(), state.Fence{}, func(tx *state.Tx) error { return tx.PutTarget(environment) })
			if err != nil {
				t.Fatal(err)
			}
			if tt.target.Ref == (state.Ref{}) {
				tt.target = environment
			}
			got, err := w.loop.identityOf(t.Context(), tt.target)
			if err != nil || got != tt.want {
				t.Errorf("got %+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
}
