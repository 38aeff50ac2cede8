// Package policy decides whether a change may go on: it holds what would take
// away or replace resources that hold data, what removes too much at once, and
// what comes outside the times in which changes are made.
//
// It knows rules, the lines of a plan, a clock that is passed in, and who has
// allowed what. It refuses to know targets, engines, and where rules and
// approvals are kept: the same question has the same answer, and nothing is
// read, written or timed.
package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"baryon/provisioner"
	"baryon/state"
)

// A Rule is one policy. What it leaves out it does not limit.
type Rule struct {
	Name  string // as messages call it
	Place string // where it stands, as file:line; empty for the built-in one
	For   Selector

	// NeverDelete and NeverReplace are patterns of resource types, as
	// AWS::RDS::* or aws_db_*. A replacement deletes the old resource, so that
	// NeverDelete holds it as well, unless the old one stays.
	NeverDelete, NeverReplace provisioner.Patterns
	// Unsure lets replacements pass of which only the execution tells whether they
	// are some.
	Unsure bool

	Approval bool // every change needs one of Persons

	Removals       Limit // of resources, in one plan
	DailyRemovals  Limit // of resources, in 24 hours and over all targets of the rule
	DailyDeletions Limit // of targets, likewise

	// Persons may allow what the rule holds: names, role:NAME, key:ID. Nil is
	// everybody who gives a name and may approve; an empty list is nobody.
	Persons []string

	Windows []Window // in which changes are made; none is at any time
	Freezes []Freeze // in which none are, whatever the windows say
	// Override may let a change pass outside the windows; nil is Persons.
	Override []string
}

// A Limit is how much may be removed without a person. The zero Limit is none.
type Limit struct {
	Set     bool
	Most    int
	Percent bool // Most is in hundredths of what there is, rounded down
}

// of is how many of so many things the limit lets go.
func (l Limit) of(all int) int {
	if l.Percent {
		return all * l.Most / 100
	}
	return l.Most
}

func (l Limit) describe(all int) string {
	if l.Percent {
		return fmt.Sprintf("%d%% of %d, which is %d,", l.Most, all, l.of(all))
	}
	return fmt.Sprint(l.Most)
}

// A Question is whether one change of one target may go on.
type Question struct {
	Rules  []Rule // those for the target
	Action state.Action
	// Known says that Changes are what would be done. Where an engine cannot tell,
	// the action on the target is all that is known.
	Known    bool
	Blind    string // why there is no plan, of a change that is to go on without one
	Changes  []state.ResourceChange
	Existing int // resources that there are before the change
	// Removed and Deleted are what other changes took away in the last 24 hours
	// without a person, by the names of rules.
	Removed, Deleted map[string]int

	Now       time.Time
	Approvals []state.Request // of this very plan
	Overrides []state.Request // of the windows, for this very change
}

// A Finding is one reason why a change does not go on.
type Finding struct {
	Rule, Place string
	Why         string
	Persons     []string // who may allow it; nil for everybody who gives a name
}

func (f Finding) String() string {
	place := ""
	if f.Place != "" {
		place = " (" + f.Place + ")"
	}
	return f.Rule + place + ": " + f.Why
}

// A Verdict is the answer. The zero Verdict lets the change go on.
type Verdict struct {
	Asks    []Finding // each needs a person
	Refuses []Finding // nobody may allow these
	Waits   []Finding // for a time to come,
	Until   time.Time // which this is, where it is known
}

// Allowed reports whether the change may go on now.
func (v Verdict) Allowed() bool { return len(v.Asks)+len(v.Refuses)+len(v.Waits) == 0 }

// Decide answers a question.
func Decide(q Question) Verdict {
	var v Verdict
	for _, r := range q.Rules {
		for _, why := range r.against(q) {
			f := Finding{Rule: r.Name, Place: r.Place, Why: why, Persons: r.Persons}
			switch {
			case r.Persons != nil && len(r.Persons) == 0:
				v.Refuses = append(v.Refuses, f)
			case !slices.ContainsFunc(q.Approvals, func(a state.Request) bool { return a.Counts(r.Persons) }):
				v.Asks = append(v.Asks, f)
			}
		}
		r.time(q, &v)
	}
	return v
}

// NeedsPlan reports whether a rule can only be judged by the lines of a plan.
func (r Rule) NeedsPlan() bool {
	return len(r.NeverDelete)+len(r.NeverReplace) > 0 || r.Removals.Set || r.DailyRemovals.Set
}

// Counts reports whether a rule limits what is removed over all targets.
func (r Rule) Counts() bool { return r.DailyRemovals.Set || r.DailyDeletions.Set }

// Never is what an engine is told of a rule.
func (r Rule) Never() provisioner.Never {
	return provisioner.Never{Delete: r.NeverDelete, Replace: r.NeverReplace, Unsure: r.Unsure}
}

// against lists what of a change a person has to allow.
func (r Rule) against(q Question) []string {
	var out []string
	if r.Approval {
		out = append(out, "every change is approved by a person")
	}
	if q.Known {
		for _, c := range q.Changes {
			if done := r.Never().Offends(provisioner.ResourceChange(c)); done != "" && !(r.Place == "" && configured(q.Rules, c)) {
				out = append(out, offence(c, done))
			}
		}
		out = append(out, r.tooMany(q)...)
	} else if q.Blind != "" && r.NeedsPlan() {
		out = append(out, "what it takes away is not known, as it cannot be planned: "+q.Blind)
	}
	if n := q.Deleted[r.Name]; q.Action == state.Delete && r.DailyDeletions.Set && n+1 > r.DailyDeletions.Most {
		out = append(out, fmt.Sprintf("%d deletion(s) of its targets were begun in the last 24 hours, and %d are allowed without a person", n, r.DailyDeletions.Most))
	}
	return out
}

// configured reports whether a rule of the configuration holds a change as well:
// who may allow it there decides then, and not the built-in rule.
func configured(rules []Rule, c state.ResourceChange) bool {
	return slices.ContainsFunc(rules, func(r Rule) bool { return r.Place != "" && r.Never().Offends(provisioner.ResourceChange(c)) != "" })
}

// offence tells what is done to a resource that is never to be touched.
func offence(c state.ResourceChange, done string) string {
	kind := provisioner.ResourceChange(c).TypeName()
	text := c.Address
	if !strings.Contains(c.Address, kind) {
		text += " (" + kind + ")"
	}
	verb := "would be "
	if c.Conditional {
		verb = "may be "
	}
	text += " " + verb + done
	if because := c.Forces; len(because) > 0 {
		text += ", because of " + strings.Join(because, ", ")
	} else if c.Conditional && len(c.Attributes) > 0 {
		text += ", because of " + strings.Join(c.Attributes, ", ")
	}
	return text
}

// tooMany compares what a plan removes with the limits of the rule.
func (r Rule) tooMany(q Question) []string {
	n := r.removals(q.Changes)
	if n == 0 {
		return nil
	}
	var out []string
	all := max(q.Existing, n)
	if r.Removals.Set && n > r.Removals.of(all) {
		out = append(out, fmt.Sprintf("the plan removes %d resource(s), and %s are allowed without a person", n, r.Removals.describe(all)))
	}
	if before := q.Removed[r.Name]; r.DailyRemovals.Set && before+n > r.DailyRemovals.Most {
		out = append(out, fmt.Sprintf("the plan removes %d resource(s), %d were removed from its targets in the last 24 hours, and %d are allowed without a person",
			n, before, r.DailyRemovals.Most))
	}
	return out
}

// Removals counts the resources that a plan takes away: those deleted, and those
// in whose place others are put. What moves, or stays where it is, is not removed.
func Removals(changes []state.ResourceChange) int { return Rule{}.removals(changes) }

func (r Rule) removals(changes []state.ResourceChange) int {
	n := 0
	for _, c := range changes {
		if c.Action == "delete" || !c.Kept && (c.Action == "replace" || c.Conditional && !r.Unsure) {
			n++
		}
	}
	return n
}

// time adds what the clock has against a change.
func (r Rule) time(q Question, v *Verdict) {
	until, why := r.closed(q.Now)
	if why == "" || r.overridden(q.Overrides) {
		return
	}
	v.Waits = append(v.Waits, Finding{Rule: r.Name, Place: r.Place, Why: why, Persons: r.mayOverride()})
	if until.After(v.Until) {
		v.Until = until
	}
}

// mayOverride are the persons who may let a change pass outside the windows.
func (r Rule) mayOverride() []string {
	if r.Override != nil {
		return r.Override
	}
	return r.Persons
}

func (r Rule) overridden(by []state.Request) bool {
	return slices.ContainsFunc(by, func(a state.Request) bool { return a.Counts(r.mayOverride()) })
}

// Closed lists the rules that let no change begin at a moment.
func Closed(rules []Rule, now time.Time, overrides []state.Request) []Finding {
	var v Verdict
	for _, r := range rules {
		r.time(Question{Now: now, Overrides: overrides}, &v)
	}
	return v.Waits
}

// Closes is when the first of the rules that let changes begin now does not any
// more; the zero Time when none is known to.
func Closes(rules []Rule, now time.Time, overrides []state.Request) time.Time {
	var first time.Time
	for _, r := range rules {
		if len(r.Windows)+len(r.Freezes) == 0 || r.overridden(overrides) {
			continue
		}
		if at := r.Closes(now); !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	return first
}
