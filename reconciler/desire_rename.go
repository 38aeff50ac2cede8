package reconciler

import (
	"maps"

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
	fresh := map[state.Ref]bool{}
	for _, doc := range s.accepted {
		if s.owned[doc.Ref] == "" && !doc.Header.Adopt {
			fresh[doc.Ref] = true
		}
	}
	found := map[state.Ref]state.Ref{}
	taken := map[state.Ref]int{}
	for _, old := range gone {
		var same []state.Ref
		for to := range fresh {
			yes, err := d.saysTheSame(old, to)
			if err != nil {
				return nil, err
			}
			if yes {
				same = append(same, to)
			}
		}
		for _, to := range same {
			taken[to]++
		}
		if len(same) == 1 {
			found[old] = same[0]
		}
	}
	maps.DeleteFunc(found, func(_, to state.Ref) bool { return taken[to] > 1 })
	return found, nil
}

// saysTheSame compares what two names are declared as.
func (d *declarer) saysTheSame(a, b state.Ref) (bool, error) {
	if a.Kind != b.Kind {
		return false, nil
	}
	if a.Kind == state.KindService {
		x, err := d.tx.Service(a.Name)
		if err != nil {
			return false, err
		}
		y, err := d.tx.Service(b.Name)
		return err == nil && x.Spec == y.Spec && x.Template == y.Template && x.Follow == y.Follow && maps.Equal(x.Pins, y.Pins), err
	}
	x, err := d.tx.Target(a)
	if err != nil {
		return false, err
	}
	y, err := d.tx.Target(b)
	return err == nil && sameDesired(x.Desired.AsDeclared(), y.Desired) && sameNeeds(x.Needs, y.Needs), err
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
