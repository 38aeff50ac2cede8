package awssim

import (
	"slices"
	"strings"
)

func describeStackEvents(c *call, a args) (obj, error) {
	s, err := c.must(a)
	if err != nil {
		return nil, err
	}
	all := list{}
	for _, e := range slices.Backward(s.Events) {
		properties := text(e.Properties)
		if e.Physical == s.ID {
			properties = nil
		}
		all = append(all, obj{
			{"StackId", s.ID}, {"EventId", e.ID}, {"StackName", s.Name}, {"LogicalResourceId", e.Logical}, {"PhysicalResourceId", e.Physical},
			{"ResourceType", e.Type}, {"Timestamp", e.At}, {"ResourceStatus", e.Status}, {"ResourceStatusReason", text(e.Reason)},
			{"ResourceProperties", properties}, {"ClientRequestToken", text(e.Token)}, {"OperationId", text(e.Operation)},
		})
	}
	out, next, err := c.page(a, all, c.cfg.PageSize)
	return obj{{"StackEvents", out}, {"NextToken", next}}, err
}

// operationTypes are what DescribeEvents calls the kinds of operations.
var operationTypes = map[string]string{
	"create": "CREATE_STACK", "update": "UPDATE_STACK", "delete": "DELETE_STACK", "rollback": "ROLLBACK", "import": "UPDATE_STACK", "": "CREATE_CHANGESET",
}

// describeEvents shows the events of a stack, of one operation, or what early
// validation found in a change set.
func describeEvents(c *call, a args) (obj, error) {
	if !a.has("StackName") && !a.has("ChangeSetName") && !a.has("OperationId") {
		return nil, invalid("At least one of StackName, ChangeSetName, or OperationId must be specified.")
	}
	failures := a.yes("Filters.FailedEvents")
	all, found := list{}, false
	for _, s := range c.region.Stacks {
		if a.has("StackName") && s.ID != a.get("StackName") && (s.Name != a.get("StackName") || s.Status == "DELETE_COMPLETE") {
			continue
		}
		found = true
		for _, cs := range s.ChangeSets {
			if a.has("ChangeSetName") && cs.ID != a.get("ChangeSetName") && cs.Name != a.get("ChangeSetName") {
				continue
			}
			for _, e := range cs.Failures {
				if a.has("OperationId") && e.Operation != a.get("OperationId") {
					continue
				}
				all = append(all, obj{
					{"EventId", e.ID}, {"StackId", s.ID}, {"OperationId", e.Operation}, {"OperationType", "CREATE_CHANGESET"}, {"OperationStatus", "FAILED"},
					{"EventType", "VALIDATION_ERROR"}, {"LogicalResourceId", e.Logical}, {"ResourceType", e.Type}, {"Timestamp", e.At},
					{"ValidationFailureMode", "FAIL"}, {"ValidationName", e.Status}, {"ValidationStatus", "FAILED"}, {"ValidationStatusReason", e.Reason}, {"ValidationPath", e.Properties},
				})
			}
		}
		if a.has("ChangeSetName") {
			continue
		}
		for _, e := range slices.Backward(s.Events) {
			failed := strings.HasSuffix(e.Status, "_FAILED")
			if a.has("OperationId") && e.Operation != a.get("OperationId") || failures && !failed {
				continue
			}
			all = append(all, e.operationEvent(s, failed))
		}
	}
	if a.has("StackName") && !found {
		return nil, invalid("Stack [" + a.get("StackName") + "] does not exist")
	}
	out, next, err := c.page(a, all, c.cfg.PageSize)
	return obj{{"OperationEvents", out}, {"NextToken", next}}, err
}

func (e event) operationEvent(s *stack, failed bool) obj {
	status, typ := "IN_PROGRESS", "STACK_EVENT"
	if failed && e.Physical != s.ID {
		typ = "PROVISIONING_ERROR"
	}
	switch {
	case failed:
		status = "FAILED"
	case strings.HasSuffix(e.Status, "_COMPLETE"):
		status = "SUCCEEDED"
	}
	return obj{
		{"EventId", e.ID}, {"StackId", s.ID}, {"OperationId", text(e.Operation)}, {"OperationType", operationTypes[e.Kind]}, {"OperationStatus", status},
		{"EventType", typ}, {"LogicalResourceId", e.Logical}, {"PhysicalResourceId", text(e.Physical)}, {"ResourceType", e.Type}, {"Timestamp", e.At},
		{"ResourceStatus", e.Status}, {"ResourceStatusReason", text(e.Reason)}, {"ResourceProperties", text(e.Properties)}, {"ClientRequestToken", text(e.Token)},
	}
}
