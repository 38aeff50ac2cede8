package reconciler

import (
	"slices"

	"baryon/state"
)

// A pipeline sees the instances that the service's document lists, and those
// that an ops file names or somebody made behind a blocker. These are declared
// apart from the document, so what the pipeline needs is put together here.

// withOthers adds them to what a pipeline needs.
func (d *declarer) withOthers(pipeline *state.Target) error {
	members, err := d.tx.TargetsOfService(pipeline.Ref.Service)
	if err != nil {
		return err
	}
	for _, t := range members {
		if t.Ref.Kind != state.KindInstance || t.Desired.Deleted || slices.Contains(pipeline.Needs, t.Ref) {
			continue
		}
		byHand, err := d.tx.Blocked(t.Ref)
		if err != nil {
			return err
		}
		if t.Synced() || byHand != nil && byHand.Instance == t.Ref.Name {
			pipeline.Needs = append(pipeline.Needs, t.Ref, state.EnvironmentRef(t.Desired.Environment))
		}
	}
	return nil
}

// showToPipeline lets the pipeline of its service, if there is one, see an
// instance that an ops file names.
func (d *declarer) showToPipeline(instance state.Target) error {
	pipeline, err := d.tx.Target(state.PipelineRef(instance.Ref.Service))
	if isMissing(err) || err == nil && (pipeline.Desired.Deleted || slices.Contains(pipeline.Needs, instance.Ref)) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, need := range []state.Ref{instance.Ref, state.EnvironmentRef(instance.Desired.Environment)} {
		if err := d.tx.AddNeed(pipeline.Ref, need); err != nil {
			return err
		}
	}
	return nil
}

// instancesFor are the instances that a pipeline reads: in the order of its
// document, then those that only ops files name.
func instancesFor(pipeline state.Target, listed []string) []string {
	names := slices.Clone(listed)
	for _, ref := range pipeline.Needs {
		if ref.Kind == state.KindInstance && !slices.Contains(names, ref.Name) {
			names = append(names, ref.Name)
		}
	}
	return names
}
