package awssim

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	namePattern  = `[a-zA-Z][-a-zA-Z0-9]*`
	namesPattern = `[a-zA-Z][-a-zA-Z0-9]*|arn:[-a-zA-Z0-9:/._+]*`
)

// A constraint is what the service holds an argument to, by its published
// model.
type constraint struct {
	pattern           string
	shortest, longest int
	least, most       int // of numbers; most 0 is any
	values            []string
	list              bool // the argument is a list of such texts
	members           int  // most members of a list
	truth             bool // true or false
}

var (
	truth     = constraint{truth: true}
	onFailed  = constraint{values: []string{"DO_NOTHING", "ROLLBACK", "DELETE"}}
	policyOf  = constraint{shortest: 1, longest: 16384}
	addressOf = constraint{shortest: 1, longest: 5120}
)

// constraints are by the names of arguments; members of lists and what stands in
// them go without numbers.
var constraints = map[string]constraint{
	"StackName":                   {pattern: namesPattern},
	"ChangeSetName":               {pattern: namesPattern, shortest: 1, longest: 1600},
	"ClientRequestToken":          {pattern: `[a-zA-Z0-9][-a-zA-Z0-9]*`, shortest: 1, longest: 128},
	"ClientToken":                 {shortest: 1, longest: 128},
	"TemplateBody":                {shortest: 1, longest: 51200},
	"TemplateURL":                 addressOf,
	"StackPolicyBody":             policyOf,
	"StackPolicyURL":              addressOf,
	"StackPolicyDuringUpdateBody": policyOf,
	"StackPolicyDuringUpdateURL":  addressOf,
	"ChangeSetType":               {values: []string{"IMPORT", "UPDATE", "CREATE"}},
	"RoleARN":                     {shortest: 20, longest: 2048},
	"Description":                 {shortest: 1, longest: 1024},
	"NextToken":                   {shortest: 1, longest: 1024},
	"TimeoutInMinutes":            {least: 1, most: 1 << 30},
	"MaxResults":                  {least: 1, most: 100},
	"OnFailure":                   onFailed,
	"OnStackFailure":              onFailed,
	"DeletionMode":                {values: []string{"STANDARD", "FORCE_DELETE_STACK"}},
	"TemplateStage":               {values: []string{"Original", "Processed"}},
	"DeploymentMode":              {values: []string{"REVERT_DRIFT"}},
	"UniqueId":                    {shortest: 1, longest: 64},
	"Status":                      {values: []string{"FAILURE", "SUCCESS"}},
	"Capabilities":                {list: true, values: []string{"CAPABILITY_AUTO_EXPAND", "CAPABILITY_NAMED_IAM", "CAPABILITY_IAM"}},
	"NotificationARNs":            {list: true, members: 5},
	"ResourcesToImport":           {members: 200},
	"LogicalResourceIds":          {list: true, members: 200},
	"Tags.Key":                    {shortest: 1, longest: 128},
	"Tags.Value":                  {shortest: 1, longest: 256},
	"StackStatusFilter":           {list: true, values: stackStatuses},
	"StackResourceDriftStatusFilters": {
		list: true, members: 4, values: []string{"IN_SYNC", "MODIFIED", "DELETED", "NOT_CHECKED", "UNKNOWN", "UNSUPPORTED"},
	},
	"DisableRollback": truth, "EnableTerminationProtection": truth, "UsePreviousTemplate": truth, "IncludeNestedStacks": truth,
	"IncludePropertyValues": truth, "ImportExistingResources": truth, "RetainExceptOnCreate": truth, "DisableValidation": truth,
}

var stackStatuses = strings.Fields(`CREATE_IN_PROGRESS CREATE_FAILED CREATE_COMPLETE ROLLBACK_IN_PROGRESS ROLLBACK_FAILED ROLLBACK_COMPLETE
	DELETE_IN_PROGRESS DELETE_FAILED DELETE_COMPLETE UPDATE_IN_PROGRESS UPDATE_COMPLETE_CLEANUP_IN_PROGRESS UPDATE_COMPLETE UPDATE_FAILED
	UPDATE_ROLLBACK_IN_PROGRESS UPDATE_ROLLBACK_FAILED UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS UPDATE_ROLLBACK_COMPLETE REVIEW_IN_PROGRESS
	IMPORT_IN_PROGRESS IMPORT_COMPLETE IMPORT_ROLLBACK_IN_PROGRESS IMPORT_ROLLBACK_FAILED IMPORT_ROLLBACK_COMPLETE`)

// ofAction are the constraints of one action where they differ.
var ofAction = map[string]map[string]constraint{
	"CreateStack":     {"StackName": {pattern: namePattern, shortest: 1, longest: 128}},
	"CreateChangeSet": {"ChangeSetName": {pattern: namePattern, shortest: 1, longest: 128}},
	"AssumeRole": {
		"RoleSessionName": {pattern: `[\w+=,.@-]*`, shortest: 2, longest: 64}, "RoleArn": {shortest: 20, longest: 2048},
		"ExternalId": {pattern: `[\w+=,.@:\/-]*`, shortest: 2, longest: 1224}, "DurationSeconds": {least: 900, most: 43200},
	},
}

// notSimulated are the operations of CloudFormation that are not answered.
const notSimulated = `ActivateOrganizationsAccess ActivateType BatchDescribeTypeConfigurations CreateGeneratedTemplate CreateStackInstances
	CreateStackRefactor CreateStackSet DeactivateOrganizationsAccess DeactivateType DeleteGeneratedTemplate DeleteStackInstances DeleteStackSet
	DeregisterType DescribeGeneratedTemplate DescribeOrganizationsAccess DescribePublisher DescribeResourceScan DescribeStackInstance
	DescribeStackRefactor DescribeStackSet DescribeStackSetOperation DescribeType DescribeTypeRegistration DetectStackSetDrift ExecuteStackRefactor
	GetGeneratedTemplate GetHookResult ImportStacksToStackSet ListGeneratedTemplates ListResourceScanRelatedResources ListResourceScanResources
	ListResourceScans ListStackInstanceResourceDrifts ListStackInstances ListStackRefactorActions ListStackRefactors ListStackSetAutoDeploymentTargets
	ListStackSetOperationResults ListStackSetOperations ListStackSets ListTypeRegistrations ListTypes ListTypeVersions PublishType
	RecordHandlerProgress RegisterPublisher RegisterType SetTypeConfiguration SetTypeDefaultVersion StartResourceScan StopStackSetOperation TestType
	UpdateGeneratedTemplate UpdateStackInstances UpdateStackSet`

// member is an argument's name as refusals say it.
func member(name string) string { return strings.ToLower(name[:1]) + name[1:] }

var number = regexp.MustCompile(`\.member\.(\d+)`)

// problems are what is wrong with the arguments of an action.
func (a args) problems(action string) []string {
	var out []string
	counts := map[string]int{}
	for _, name := range sorted(a) {
		plain := number.ReplaceAllString(name, "")
		k, ok := ofAction[action][plain]
		if !ok {
			k, ok = constraints[plain]
		}
		if list, _, found := strings.Cut(name, ".member."); found {
			if parts := number.FindStringSubmatch(name); len(parts) == 2 {
				n, _ := strconv.Atoi(parts[1]) // digits
				counts[list] = max(counts[list], n)
			}
		}
		if !ok || k.list && name == plain { // an empty list is sent without members
			continue
		}
		for _, why := range k.broken(a.get(name)) {
			at, v := member(plain), a.get(name)
			switch {
			case k.list:
				v, why = "["+v+"]", "Member must satisfy constraint: ["+why+"]"
			case name != plain: // a field of a structure in a list, as tags.1.member.key
				list, field, _ := strings.Cut(plain, ".")
				at = member(list) + "." + number.FindStringSubmatch(name)[1] + ".member." + member(field)
			}
			out = append(out, fmt.Sprintf("Value '%s' at '%s' failed to satisfy constraint: %s", v, at, why))
		}
	}
	for _, list := range sorted(counts) {
		if most := constraints[list].members; most > 0 && counts[list] > most {
			out = append(out, fmt.Sprintf("Value at '%s' failed to satisfy constraint: Member must have length less than or equal to %d", member(list), most))
		}
	}
	return out
}

// broken says in which ways a value breaks a constraint.
func (k constraint) broken(v string) []string {
	var out []string
	if k.longest > 0 && len(v) > k.longest {
		out = append(out, "Member must have length less than or equal to "+strconv.Itoa(k.longest))
	}
	if len(v) < k.shortest {
		out = append(out, "Member must have length greater than or equal to "+strconv.Itoa(k.shortest))
	}
	if k.pattern != "" && !regexp.MustCompile("^(?:"+k.pattern+")$").MatchString(v) {
		out = append(out, "Member must satisfy regular expression pattern: "+k.pattern)
	}
	if k.values != nil && !slices.Contains(k.values, v) {
		out = append(out, "Member must satisfy enum value set: ["+strings.Join(k.values, ", ")+"]")
	}
	if k.truth && v != "true" && v != "false" {
		out = append(out, "Member must be true or false")
	}
	if k.most > 0 {
		switch n, err := strconv.Atoi(v); {
		case err != nil || n < k.least:
			out = append(out, "Member must have value greater than or equal to "+strconv.Itoa(k.least))
		case n > k.most:
			out = append(out, "Member must have value less than or equal to "+strconv.Itoa(k.most))
		}
	}
	return out
}
