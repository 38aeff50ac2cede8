package terraform

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"baryon/provisioner"
)

var anIndex = regexp.MustCompile(`\[("(\\.|[^"\\])*"|[0-9]+)\]`)

// retaining is the first of the rules that retains an address; empty when none
// does. A rule without a dot is a type of resources; any other is an address, in
// which * stands for anything, of all instances if it names none.
func retaining(rules []string, address string) string {
	plain := anIndex.ReplaceAllString(address, "")
	parts := strings.Split(plain, ".")
	if len(parts) < 2 || len(parts) > 2 && parts[len(parts)-3] == "data" {
		return ""
	}
	i := slices.IndexFunc(rules, func(rule string) bool {
		if !strings.Contains(rule, ".") {
			return like(rule, parts[len(parts)-2])
		}
		return like(rule, address) || like(rule, plain)
	})
	if i < 0 {
		return ""
	}
	return rules[i]
}

// like matches a text against a rule.
func like(rule, text string) bool {
	parts := strings.Split(rule, "*")
	for i, part := range parts {
		parts[i] = regexp.QuoteMeta(part)
	}
	return regexp.MustCompile("^" + strings.Join(parts, ".*") + "$").MatchString(text)
}

// forget finds what of the state is retained, and reports whether anything is.
func (t *tool) forget() (bool, error) {
	t.retained = nil
	var lines strings.Builder
	for _, address := range t.listed {
		if why := t.retains(address); why != "" {
			t.retained = append(t.retained, forgotten(address, why))
			lines.WriteString(address + "\n")
		}
	}
	if len(t.retained) == 0 {
		return false, nil
	}
	if t.cfg.Plan != "" {
		if err := t.unmoved(); err != nil {
			return false, err
		}
	}
	return true, os.WriteFile(filepath.Join(t.dir, retainFile), []byte(lines.String()), 0o600)
}

// retains says why a deletion leaves a resource alone, or nothing where it does
// not.
func (t *tool) retains(address string) string {
	if rule := retaining(t.cfg.Retain, address); rule != "" {
		return "it is retained by terraform.retain: " + rule
	}
	if asked := retaining(t.cfg.Leave, address); asked != "" {
		return "it is left alone, as was asked: " + asked
	}
	return ""
}

func forgotten(address, why string) provisioner.ResourceChange {
	return provisioner.ResourceChange{Address: address, Action: "forget", Reason: why}
}

// markRetained makes of a plan to destroy what will come of it.
func (t *tool) markRetained() {
	for i, c := range t.changes {
		if why := t.retains(c.Address); why != "" && c.Action == "delete" {
			t.changes[i] = forgotten(c.Address, why)
		}
	}
}

// unmoved makes sure that a state on this machine is the one that the approved
// plan was made from: once something is forgotten, terraform can no longer tell.
func (t *tool) unmoved() error {
	kept, err := t.keptPlan()
	if err != nil || !t.cfg.LocalState {
		return err
	}
	now, err := readSerial(filepath.Join(t.cfg.Stack, stateFile))
	if err == nil && now != kept.serial {
		t.moved = true
		err = errors.New("the state has moved since the plan was approved; it has to be planned and approved anew")
	}
	return err
}

// stillApproved makes sure that what is to be destroyed now, when what is
// retained is forgotten, is what was approved.
func (t *tool) stillApproved() error {
	kept, err := t.keptPlan()
	if err != nil {
		return err
	}
	var now []string
	for _, c := range t.changes {
		now = append(now, c.Address)
	}
	slices.Sort(now)
	if !slices.Equal(now, kept.Deletes) {
		t.moved = true
		return fmt.Errorf("what is to be destroyed is not what was approved, got %s, want %s; it has to be planned and approved anew",
			strings.Join(now, ", "), strings.Join(kept.Deletes, ", "))
	}
	return nil
}
