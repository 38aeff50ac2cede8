package reconciler

import (
	"encoding/json"
	"slices"

	"baryon/state"
)

// A rename is what a commit does that takes one name away and declares another
// one of the same kind, which says the same. What has the new name is a new
// thing: it is made first, and only then what had the old name is taken away.
// Nothing of it is carried over.

// renames finds, for names that a commit declares no more, what has taken their
// place: the one newly declared thing that says the same, where it stands for no
// other. It is to be called when the new ones are declared.
func (s *takeover) renames(d *declarer, gone []state.Ref) (map[state.Ref]state.Ref, error) {
	if len(gone) == 0 {
		return nil, nil
	}
	type group struct{ old, fresh []state.Ref }
	alike := map[string]*group{}
	of := func(ref state.Ref) (*group, error) {
		text, err := d.saying(ref)
		if alike[text] == nil {
			alike[text] = &group{}
		}
		return alike[text], err
	}
	for _, ref := range gone {
		g, err := of(ref)
		if err != nil {
			return nil, err
		}
		g.old = append(g.old, ref)
	}
	for _, doc := range s.accepted {
		if s.owned[doc.Ref] != "" || doc.Header.Adopt {
			continue
		}
		g, err := of(doc.Ref)
		if err != nil {
			return nil, err
		}
		g.fresh = append(g.fresh, doc.Ref)
	}
	found := map[state.Ref]state.Ref{}
	for _, g := range alike {
		if len(g.old) == 1 && len(g.fresh) == 1 {
			found[g.old[0]] = g.fresh[0]
		}
	}
	return found, nil
}

// saying is what a name is declared as, without the name.
func (d *declarer) saying(ref state.Ref) (string, error) {
	var says struct {
		Kind    state.Kind
		Desired string
		Needs   []string
		Service state.Service
	}
	says.Kind = ref.Kind
	if ref.Kind == state.KindService {
		v, err := d.tx.Service(ref.Name)
		if err != nil {
			return "", err
		}
		says.Service = state.Service{Spec: v.Spec, Template: v.Template, Follow: v.Follow}
		if len(v.Pins) > 0 {
			says.Service.Pins = v.Pins
		}
	} else {
		t, err := d.tx.Target(ref)
		if err != nil {
			return "", err
		}
		if says.Desired, err = gist(t.Desired.AsDeclared()); err != nil {
			return "", err
		}
		for _, need := range t.Needs {
			if need.Kind != state.KindComponent { // which the component's own document adds
				says.Needs = append(says.Needs, need.String())
			}
		}
		slices.Sort(says.Needs)
	}
	text, err := json.Marshal(says)
	return string(text), err
}

// successorOf is what has taken the place of a target that is not declared any
// more, by its own name or by that of its service.
func (d *declarer) successorOf(ref state.Ref) string {
	if to, renamed := d.renamed[ref]; renamed {
		return to.String()
	}
	if to, renamed := d.renamed[state.ServiceRef(ref.Service)]; renamed {
		ref.Service = to.Name
		return ref.String()
	}
	return ""
}
