package cloudformation

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"baryon/provisioner"
)

// Resources that are in the account and in no stack are taken into one in two
// ways. Those whose names the template says go along with any change set
// (ImportExistingResources). Those that are named by their identifiers take a
// change set of their own, which may change nothing else; the one that brings
// the stack to the template follows it.

// importToken is what the token of an import ends in.
const importToken = "-import"

// lacks are the resources that are to be imported and are not in the stack yet.
func (w *work) lacks(ctx context.Context, s *types.Stack) ([]string, error) {
	wanted := slices.DeleteFunc(slices.Sorted(maps.Keys(w.job.Imports)), func(id string) bool { return id == provisioner.ImportExisting })
	if len(wanted) == 0 || s == nil || s.StackStatus == types.StackStatusReviewInProgress {
		return wanted, nil
	}
	has := map[string]bool{}
	err := w.a.resources(ctx, aws.ToString(s.StackId), func(r types.StackResourceSummary) { has[aws.ToString(r.LogicalResourceId)] = true })
	return slices.DeleteFunc(wanted, func(id string) bool { return has[id] }), err
}

// resources hands each resource that a stack has to do.
func (a *account) resources(ctx context.Context, stackID string, do func(types.StackResourceSummary)) error {
	pages := cloudformation.NewListStackResourcesPaginator(a.cfn, &cloudformation.ListStackResourcesInput{StackName: &stackID})
	for pages.HasMorePages() {
		if err := a.read(ctx); err != nil {
			return err
		}
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, r := range page.StackResourceSummaries {
			if r.ResourceStatus != types.ResourceStatusDeleteComplete && r.ResourceStatus != types.ResourceStatusDeleteSkipped && aws.ToString(r.PhysicalResourceId) != "" {
				do(r)
			}
		}
	}
	return nil
}

// bring makes the change set that comes next: that of an import, where something
// is to be imported that the stack lacks, or the one to the template.
func (w *work) bring(ctx context.Context, s *types.Stack, kind types.ChangeSetType) (provisioner.Progress, error) {
	ids, err := w.lacks(ctx, s)
	switch {
	case err != nil:
		return w.refused("", err)
	case len(ids) == 0:
		w.at.Import = false
		return w.create(ctx, kind)
	}
	return w.importSet(ctx, s, ids)
}

// importSet asks for the change set of an import.
func (w *work) importSet(ctx context.Context, s *types.Stack, ids []string) (provisioner.Progress, error) {
	wanted, err := body(w.job.Files)
	if err != nil {
		return failed("%s", err)
	}
	var had []byte
	in := &cloudformation.CreateChangeSetInput{StackName: &w.name, ChangeSetType: types.ChangeSetTypeImport, Description: new("import of deployment " + w.job.ID)}
	if s != nil && s.StackStatus != types.StackStatusReviewInProgress {
		text, err := w.a.template(ctx, aws.ToString(s.StackId))
		if err != nil {
			return w.refused("", err)
		}
		had = []byte(text)
		for _, p := range s.Parameters {
			in.Parameters = append(in.Parameters, types.Parameter{ParameterKey: p.ParameterKey, UsePreviousValue: new(true)})
		}
	}
	text, err := graft(had, wanted, ids)
	if err != nil {
		return failed("%s", err)
	}
	if in.TemplateBody, in.TemplateURL, err = w.send(ctx, text); err != nil {
		return w.refused("", err)
	}
	var why string
	if in.ResourcesToImport, why, err = w.identified(ctx, in, ids); err != nil || why != "" {
		return w.refused(why, err)
	}
	w.at.Import = true
	return w.propound(ctx, in)
}

// identified are the resources to import, with the identifiers that their types
// have. Why says what is wrong with what was given.
func (w *work) identified(ctx context.Context, in *cloudformation.CreateChangeSetInput, ids []string) (_ []types.ResourceToImport, why string, _ error) {
	if err := w.a.read(ctx); err != nil {
		return nil, "", err
	}
	out, err := w.a.cfn.GetTemplateSummary(ctx, &cloudformation.GetTemplateSummaryInput{TemplateBody: in.TemplateBody, TemplateURL: in.TemplateURL})
	if err != nil {
		return nil, "", err
	}
	var list []types.ResourceToImport
	for _, id := range ids {
		i := slices.IndexFunc(out.ResourceIdentifierSummaries, func(s types.ResourceIdentifierSummary) bool { return slices.Contains(s.LogicalResourceIds, id) })
		if i < 0 || len(out.ResourceIdentifierSummaries[i].ResourceIdentifiers) == 0 {
			return nil, fmt.Sprintf("the resource %s cannot be imported: CloudFormation knows no identifiers of its type", id), nil
		}
		kind := out.ResourceIdentifierSummaries[i]
		by, ok := identifiers(w.job.Imports[id], kind.ResourceIdentifiers)
		if !ok {
			return nil, fmt.Sprintf("imports says %s: %s, and a resource of type %s is identified by %s; name that, as in %s: {%s: VALUE}",
				id, w.job.Imports[id], aws.ToString(kind.ResourceType), strings.Join(kind.ResourceIdentifiers, " and "),
				id, strings.Join(kind.ResourceIdentifiers, ": VALUE, ")), nil
		}
		list = append(list, types.ResourceToImport{LogicalResourceId: &id, ResourceType: kind.ResourceType, ResourceIdentifier: by})
	}
	return list, "", nil
}

// identifiers gives each key of a type its value. What was said is the value of the
// only one, or an object.
func identifiers(said string, keys []string) (map[string]string, bool) {
	by := map[string]string{}
	if !strings.HasPrefix(said, "{") || json.Unmarshal([]byte(said), &by) != nil {
		if len(keys) != 1 {
			return nil, false
		}
		return map[string]string{keys[0]: said}, true
	}
	want := slices.Sorted(slices.Values(keys))
	return by, slices.Equal(slices.Sorted(maps.Keys(by)), want)
}

// imported goes on after the import: to the template.
func (w *work) imported() (provisioner.Progress, error) {
	w.sayf("The import is done; what else the template wants is worked out.")
	w.at.Import, w.at.Imported, w.at.Bound, w.at.Fresh = false, true, false, false
	w.at.Phase, w.at.ChangeSet, w.at.Looks, w.at.Try = looking, "", 0, 0
	return running("the import is done; what else the template wants is worked out")
}

// beyond names what a change set does that was not among what a person approved
// together with an import; empty when there is nothing.
func (w *work) beyond(set *cloudformation.DescribeChangeSetOutput) string {
	if !w.at.Imported || w.job.Plan == "" {
		return ""
	}
	for _, c := range changes(set) {
		tagged := c.Action == "update" && slices.Equal(c.Attributes, []string{"Tags"}) // as everything in the stack is
		if tagged && slices.Contains(w.at.Covered, coverOf(provisioner.ResourceChange{Action: "import", Address: c.Address})) {
			continue
		}
		if c.Address != aws.ToString(set.StackName) && !slices.Contains(w.at.Covered, coverOf(c)) {
			return c.Action + " " + c.Address
		}
	}
	return ""
}

func coverOf(c provisioner.ResourceChange) string { return c.Action + " " + c.Address }

// foreseeImport goes on with the plan of an import, whose own change set waits
// by now: what follows it is worked out by another one, which is only read.
func (w *work) foreseeImport(ctx context.Context) (provisioner.Progress, error) {
	s, err := w.a.stack(ctx, w.at.StackID)
	if err != nil || s == nil {
		return w.refused("", err)
	}
	kind := types.ChangeSetTypeUpdate
	if w.was = s; w.at.Fresh {
		kind = types.ChangeSetTypeCreate
	}
	in, err := w.wanted(ctx, kind)
	if err != nil {
		return w.refused("", err)
	}
	in.ChangeSetName = new(fmt.Sprintf("%s-preview-%d", w.token, w.at.Try+1))
	in.DisableValidation = new(true) // what is imported is there already, which it would object to
	w.at.ImportSet = w.at.ChangeSet
	p, err := w.propound(ctx, in)
	if w.at.Phase == proposing && w.at.ChangeSet != w.at.ImportSet {
		w.at.Phase = previewing
	}
	return p, err
}

// foreseenImport ends the plan of an import.
func (w *work) foreseenImport(ctx context.Context) (provisioner.Progress, error) {
	set, err := w.set(ctx)
	if missing(err) {
		return w.again("the change set is gone")
	}
	if err != nil {
		return w.refused("", err)
	}
	var list []provisioner.ResourceChange
	switch set.Status {
	case types.ChangeSetStatusCreateComplete:
		list = changes(set)
	case types.ChangeSetStatusFailed:
		if !comesToNothing(set) {
			w.at.Phase, w.at.ChangeSet = proposing, w.at.ImportSet
			if _, err := w.a.sweep(ctx, w.at.StackID, w.at.ChangeSet); err != nil {
				return provisioner.Progress{}, err
			}
			if err := w.tidy(ctx); err != nil {
				return provisioner.Progress{}, err
			}
			return failed("what follows the import cannot be done: %s", aws.ToString(set.StatusReason))
		}
	default:
		return w.workedOut()
	}
	w.at.ChangeSet = w.at.ImportSet
	if _, err := w.a.sweep(ctx, w.at.StackID, w.at.ChangeSet); err != nil { // the preview goes
		return provisioner.Progress{}, err
	}
	for i, c := range list {
		if said, ok := w.job.Imports[c.Address]; ok && c.Action == "create" {
			list[i].Action, list[i].Reason = "import", said
		}
		w.at.Covered = append(w.at.Covered, coverOf(list[i]))
		w.sayf("  %-3s %s %s", sign(list[i]), c.Address, c.Type)
	}
	w.at.Plan = planImport
	return provisioner.Progress{State: provisioner.Succeeded, Changes: list}, nil
}
