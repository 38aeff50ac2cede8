package reconciler

import (
	"errors"

	"baryon/state"
)

// What somebody changes through the API of what a repository declares holds
// against that repository until the blocker that goes with it is resolved.

// blocked reports whether a blocker protects something from what Git says now.
// As long as there is none at all, nothing is asked twice.
func (d *declarer) blocked(ref state.Ref) (bool, error) {
	if d.repository == "" || d.free {
		return false, nil
	}
	blocker, err := d.tx.Blocked(ref)
	if err != nil || blocker != nil {
		return blocker != nil, err
	}
	some, err := d.tx.AnyBlocker()
	d.free = !some
	return false, err
}

// override adds the blocker. The target may be gone by the time that it is
// resolved, so it remembers where it is declared.
func (d *declarer) override(t state.Target, what string) error {
	if t.Ref.Kind == state.KindPipeline {
		if blocker, err := d.tx.Blocked(t.Ref); err != nil || blocker != nil {
			return err // that of its service is enough
		}
	}
	return d.tx.Override(t, d.actor, what+" through the API")
}

// wantNew brings about a target that is not there yet.
func (d *declarer) wantNew(want state.Target) error {
	if blocked, err := d.blocked(want.Ref); err != nil || blocked {
		return err
	}
	if d.repository == "" && d.part {
		if err := d.overrideNew(&want); err != nil {
			return err
		}
	}
	want.Generation = 1
	if err := d.write(want, want.Needs); err != nil {
		return err
	}
	return d.appear(want)
}

// overrideNew makes an instance part of the service that a repository declares,
// so that it goes again once the blocker is resolved.
func (d *declarer) overrideNew(want *state.Target) error {
	v, err := d.tx.Service(want.Ref.Service)
	if err != nil {
		return err
	}
	want.Owner, want.Desired.Origin = v.Owner, v.Origin
	return errors.Join(d.override(*want, "made"), d.showToPipeline(*want))
}
