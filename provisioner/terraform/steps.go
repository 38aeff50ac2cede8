package terraform

import (
	"baryon/provisioner"
)

// A step is one command of a job.
type step string

const (
	stepInit   step = "init"
	stepList   step = "list"   // what there is, to find what is retained
	stepRetain step = "retain" // forget that, and leave it alone
	stepPlan   step = "plan"
	stepShow   step = "show"
	stepApply  step = "apply"

	// Of a check for drift, where the state was written by others.
	stepWhole     step = "whole"
	stepWholeShow step = "whole-show"
)

// harmless is how many of the first steps may be begun again when they were lost.
// Only an apply may not: what is retained is asked for anew.
func harmless(steps []step) int {
	if steps[len(steps)-1] == stepApply {
		return len(steps) - 1
	}
	return len(steps)
}

const (
	// planFile is what the plan step saves and the apply step applies.
	planFile = ".baryon.tfplan"
	// wholeFile is the plan of what a deployment would do, in a check for drift.
	wholeFile = ".baryon-whole.tfplan"
	// driftMark is printed where a check for drift ended with 2: something is other
	// than the state says.
	driftMark = "What is there is not what the state says."
	// retainFile lists what is retained, an address a line.
	retainFile = ".baryon-retain"
	// calmly makes a plan and an apply collect garbage half as often, unless the
	// configuration hands on another GOGC: 6 to 20 % of their time for 2 MB of
	// memory, or 20 % of it where there is much.
	calmly = "GOGC=${GOGC:-200} "
	// calmer is for init, which is alone and short-lived and has memory to spare: it
	// saves a fifth of its time.
	calmer = "GOGC=${GOGC:-400} "
)

// steps are what a job does, in order, and the commands for it.
func (e *Engine) steps(p Program, action provisioner.Action, k kind, retains bool) (steps []step, commands []string) {
	name := quote(p.Path)
	lock := " -lock-timeout=" + e.cfg.LockWait.String()
	add := func(s step, command string) { steps, commands = append(steps, s), append(commands, command) }
	add(stepInit, e.initWorkspace()+calmer+name+" init -input=false -no-color")
	plan := calmly + name + " plan -json -input=false" + lock + " -out=" + planFile
	switch {
	case k == checking: // it keeps nobody from applying
		plan = calmly + name + " plan -json -input=false -lock=false -refresh-only -detailed-exitcode -out=" + planFile +
			" || { code=$?; test $code = 2 || exit $code; echo '" + driftMark + "'; }"
	case action == provisioner.Deprovision:
		plan += " -destroy"
	}
	if retains && k == applying {
		add(stepList, name+" state list")
		add(stepRetain, "(set --; while IFS= read -r address; do set -- \"$@\" \"$address\"; done <"+retainFile+"; exec "+name+" state rm"+lock+" \"$@\")")
	}
	add(stepPlan, plan)
	add(stepShow, name+" show -json "+planFile)
	switch k {
	case planning: // nothing is changed
	case checking:
		add(stepWhole, calmly+name+" plan -json -input=false -lock=false -out="+wholeFile)
		add(stepWholeShow, name+" show -json "+wholeFile)
	case applying:
		add(stepApply, calmly+name+" apply -json -input=false"+lock+" "+planFile)
	}
	return steps, commands
}
