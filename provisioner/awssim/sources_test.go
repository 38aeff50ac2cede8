package awssim_test

import (
	"regexp"
	"strings"
	"testing"
)

// A refusedCall is what a call or an update that is refused says, and where that
// is written: an answer recorded from the real service, a page of its user guide
// (UG) or of its reference (API), an issue that shows it. "seen" are words
// of the service that were quoted in public, and the page that the refusal belongs to;
// "own text" is the double's wording where the page demands a refusal without its words.
type refusedCall struct{ text, source string }

// refusedCalls are all of them that the tests wait for, by what they have in
// common; refusedTemplates has those of templates.
var refusedCalls = []refusedCall{
	{"Stack with id ", "recorded api/test_stacks"},
	{"Stack [x] does not exist", "recorded api/test_changesets"},
	{"Stack [s] does not exist", "recorded api/test_changesets"},
	{"Stack 'x' does not exist", "recorded api/test_resources"},
	{"Resource B does not exist for stack s", "recorded api/test_stacks"},
	{"Stack [s] already exists", "recorded api/test_stacks; recorded api/test_changesets"},
	{"c already exists", "own text; API CreateChangeSet"},
	{"can not be updated.", "recorded api/test_update_stack"},
	{"can not be signaled", "own text; API SignalResource"},
	{"can not continue to update rollback", "eucalyptus cloudformation"},
	{"No updates are to be performed.", "recorded api/test_stacks"},
	{"but not both", "own text; API CreateStack"},
	{"OnStackFailure", "own text; API CreateChangeSet"},
	{"DisableRollback", "own text; API CreateStack"},
	{"t1", "own text; API CreateStack"},
	{"NextToken", "own text; API ListStacks"},
	{"Value 'a_b' at 'stackName' failed to satisfy constraint", "recorded api/test_stacks"},
	{"Member must have length less than or equal to", "recorded test_template_engine"},
	{"Rate exceeded", "issue jenkinsci/pipeline-aws-plugin#245"},
	{"The security token included in the request is expired", "issue realestate-com-au/stackup#33"},
	{"The security token included in the request is invalid.", "API CommonErrors"},
	{"not you", "own text; API CommonErrors"},
	{"Limit for stack has been exceeded", "own text; UG cloudformation-limits"},
	{"Parameters: [P] must have values", "recorded api/test_stacks"},
	{"Parameters: [X] do not exist in the template", "eucalyptus cloudformation"},
	{"Parameter 'P' must contain", "UG parameters-section-structure"},
	{"Parameter 'N' must be a number.", "recorded test_change_set_parameters"},
	{"Parameter 'N' must be a number not greater than 5", "UG parameters-section-structure"},
	{"Parameter 'C' failed to satisfy constraint: a or b", "UG parameters-section-structure"},
	{"at most 4096 characters", "UG cloudformation-limits"},
	{"Cannot specify usePreviousValue as true for a parameter key not in the previous template", "seen; API Parameter"},
	{"Cannot specify usePreviousValue as true and non empty value for a parameter", "eucalyptus cloudformation"},
	{"is invalid or cannot be assumed", "recorded api/test_update_stack"},
	{"Rollback Trigger", "recorded api/test_update_stack"},
	{"specify which resources to retain only when", "seen; API DeleteStack"},
	{"FORCE_DELETE_STACK in a delete stack operation only when", "seen; API DeleteStack"},
	{"cannot be deleted while in status", "seen; API DeleteStack"},
	{"cannot be deleted while TerminationProtection is enabled", "seen; UG using-cfn-protect-stacks"},
	{"root stack", "own text; UG using-cfn-protect-stacks"},
	{"use the root change set", "own text; UG change-sets-for-nested-stacks"},
	{"not in UPDATE_FAILED state", "own text; API ContinueUpdateRollback"},
	{"Nope", "own text; API ContinueUpdateRollback"},
	{"CancelUpdateStack cannot be called from current stack status", "seen; UG using-cfn--stack-update-cancel"},
	{"ChangeSet [", "recorded"},
	{"cannot be executed in its current status of", "recorded"},
	{"[EXECUTE_COMPLETE]", "own text; API ExecuteChangeSet"},
	{"[OBSOLETE]", "own text; API ExecuteChangeSet"},
	{"Drift detection cannot be performed on stack", "seen; UG using-cfn-stack-drift"},
	{"Drift detection is already in progress", "own text; UG detect-drift-stack"},
	{"GetTemplateSummary cannot be called on REVIEW_IN_PROGRESS stacks.", "recorded api/test_templates"},
	{"is not imported by any stack", "own text; API ListImports"},
	{"from parameter store for this account.", "seen; UG parameters-section-structure"},
	{"Unresolved resource dependencies [B]", "recorded engine/test_conditions"},
	{"StackName must be specified if ChangeSetName is not specified as an ARN.", "recorded"},
	{"was not found", "own text; UG resource-import"},
	{"do not match the identifiers of", "own text; UG resource-import"},
	{"Error validating stack policy: Invalid stack policy", "recorded api/test_stack_policies"},
	// Of the language extensions, rules and limits; the template decides, but so
	// do the parameters of the call.
	{"[/Resources/Fn::ForEach::A] resource definition is malformed", "own text; UG intrinsic-function-reference-foreach"},
	{"every Fn::FindInMap object requires three parameters", "own text; UG intrinsic-function-reference-findinmap-enhancements"},
	{"Fn::FindInMap takes Ref and Fn::FindInMap", "own text; UG intrinsic-function-reference-findinmap"},
	{"Encountered unsupported function", "own text; UG intrinsic-function-reference"},
	{"Rule 'Large' is not satisfied", "own text; UG rules-section-structure"},
	{"production is large; only a to c", "own text; UG rules-section-structure"},
	{"Rule R must contain Assertions", "own text; UG rules-section-structure"},
	{"in the Rules block", "own text; UG rules-section-structure"},
	{"is not a function of rules", "own text; UG rules-section-structure"},
	{"all are a", "own text; UG rules-section-structure"},
	{"variable names in Fn::Sub syntax", "own text; UG intrinsic-function-reference-sub"},
	{"every value of the context object of every Fn::Sub object", "own text; UG intrinsic-function-reference-sub"},
	{"Cannot use Fn::ImportValue in Conditions", "own text; UG conditions-section-structure"},
	{"is longer than 255 characters", "own text; UG cloudformation-limits"},
	{"unsupported structure", "recorded test_template_engine"},
	{"Number of attributes of mapping M", "own text; UG cloudformation-limits"},
}

// callSource is how a call's refusal names where it is written.
var callSource = regexp.MustCompile(`^((own text|seen); )?(UG [a-z0-9-]+|API \w+|recorded( (\w+/)?test_\w+)?|issue [\w.-]+/[\w.-]+#\d+|eucalyptus cloudformation)(; |$)`)

// TestSourcesOfCalls holds the refusals of calls to their sources.
func TestSourcesOfCalls(t *testing.T) {
	t.Parallel()
	for _, r := range refusedCalls {
		if !callSource.MatchString(r.source) {
			t.Errorf("%s: no source in %q", r.text, r.source)
		}
	}
}

// sourced tells whether a refusal that a test waits for is in one of the tables.
func sourced(text string) bool {
	for _, r := range refusedCalls {
		if strings.Contains(text, r.text) {
			return true
		}
	}
	for _, r := range refusedTemplates {
		if strings.Contains(r.text, text) || strings.Contains(text, r.text) {
			return true
		}
	}
	return false
}
