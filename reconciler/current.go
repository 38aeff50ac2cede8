package reconciler

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"baryon/reconciler/declare"
	"baryon/renderer"
)

// KeepCurrent puts the values of the stored spec of a service where a newer one
// says declare.CurrentVal, byte for byte the same everywhere else. Instances are matched
// by their names. Where there is nothing to keep, the place is named.
func KeepCurrent(file, spec, stored string) (string, renderer.Problems) {
	if !strings.Contains(spec, declare.CurrentVal) {
		return spec, nil
	}
	now, problems := renderer.ParseOne(file, []byte(spec), renderer.Limits{})
	if problems.Failed() {
		return spec, problems
	}
	before := &renderer.Node{Kind: renderer.Mapping}
	if stored != "" {
		if before, problems = renderer.ParseOne(file, []byte(stored), renderer.Limits{}); problems.Failed() {
			return spec, problems
		}
	}
	k := &keeper{done: map[*renderer.Node]bool{}}
	k.walk(now.Get("pipeline"), before.Get("pipeline"))
	old := map[string]*renderer.Node{}
	for _, item := range instancesOf(before) {
		old[textOf(item.Get("name"))] = item
	}
	for _, item := range instancesOf(now) {
		k.walk(item.Get("spec"), old[textOf(item.Get("name"))].Get("spec"))
	}
	if k.problems.Failed() {
		return spec, k.problems
	}
	return k.replace(file, spec)
}

// keeper collects what is to be replaced.
type keeper struct {
	places   []place
	problems renderer.Problems
	done     map[*renderer.Node]bool // aliased nodes are met again
}

type place struct {
	declare.Position
	value string
}

func (k *keeper) walk(now, before *renderer.Node) {
	if now == nil || k.done[now] {
		return
	}
	k.done[now] = true
	switch {
	case now.Kind == renderer.Scalar && now.Text == declare.CurrentVal:
		k.keep(now, before)
	case now.Kind == renderer.Mapping:
		for _, p := range now.Pairs {
			k.walk(p.Value, before.Get(p.Key.Text))
		}
	case now.Kind == renderer.Sequence:
		for i, item := range now.Items {
			var old *renderer.Node
			if before != nil && i < len(before.Items) {
				old = before.Items[i]
			}
			k.walk(item, old)
		}
	}
}

func (k *keeper) keep(now, before *renderer.Node) {
	if before == nil {
		k.problems = append(k.problems, now.Problem("there is no current value to keep", strconv.Quote(declare.CurrentVal), "a value", "write the value itself"))
		return
	}
	v, problems := renderer.Values(before)
	if problems.Failed() {
		k.problems = append(k.problems, problems...)
		return
	}
	text, err := json.Marshal(v)
	if err != nil {
		k.problems = append(k.problems, now.Problem("the current value cannot be kept", err.Error(), "", "write the value itself"))
		return
	}
	k.places = append(k.places, place{declare.Position{Line: now.Line, Column: now.Column}, string(text)})
}

// replace writes the values as JSON, which is YAML, the last place first.
func (k *keeper) replace(file, spec string) (string, renderer.Problems) {
	slices.SortFunc(k.places, func(a, b place) int { return cmp.Or(b.Line-a.Line, b.Column-a.Column) })
	for _, p := range k.places {
		at := declare.Offset(spec, p.Position)
		from, to := at, 0
		for _, form := range []string{strconv.Quote(declare.CurrentVal), "'" + declare.CurrentVal + "'", declare.CurrentVal} {
			if at >= 0 && strings.HasPrefix(spec[at:], form) {
				to = at + len(form)
				break
			}
		}
		if to == 0 {
			return spec, renderer.Problems{{File: file, Line: p.Line, Column: p.Column, Rule: "this form of " + declare.CurrentVal + " cannot be replaced",
				Next: "write it as " + fmt.Sprintf("%q", declare.CurrentVal)}}
		}
		spec = spec[:from] + p.value + spec[to:]
	}
	return spec, nil
}
