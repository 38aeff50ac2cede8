package awssim

import "strings"

func cancelUpdate(c *call, a args) (obj, error) {
	s, err := c.must(a)
	if err != nil {
		return nil, err
	}
	if s.Status != "UPDATE_IN_PROGRESS" {
		return nil, invalid("CancelUpdateStack cannot be called from current stack status")
	}
	s.Op.Cancelled, s.Op.Due, s.Op.OnFailure = true, c.now, "ROLLBACK"
	return nil, nil
}

func continueRollback(c *call, a args) (obj, error) {
	s, err := c.must(a)
	if err != nil {
		return nil, err
	}
	if s.Status != "UPDATE_ROLLBACK_FAILED" || s.Failed == nil {
		return nil, invalid("Stack " + s.ID + " is in " + s.Status + " state and can not continue to update rollback.")
	}
	if a.has("RoleARN") {
		s.Now.Role = a.get("RoleARN")
	}
	for _, id := range a.strings("ResourcesToSkip") {
		if err := c.skip(s, id); err != nil {
			return nil, err
		}
	}
	c.goBackWith(s, a.get("ClientRequestToken"))
	return nil, nil
}

// skip leaves a resource out of a rollback. NestedStackName.LogicalId names one
// of a nested stack.
func (c *call) skip(s *stack, id string) error {
	in, logical := s, id
	if name, rest, nested := strings.Cut(id, "."); nested {
		in, logical = c.region.find(name), rest
	}
	if in == nil || c.region.root(in) != c.region.root(s) || in.Failed == nil || in.Failed.Steps[logical] == nil ||
		in.Resources[logical] == nil || in.Resources[logical].Status != "UPDATE_FAILED" {
		return invalid("The following resource(s) to skip are not in UPDATE_FAILED state: [" + id + "]")
	}
	in.Failed.Steps[logical].State = "restored"
	in.Resources[logical].Status = "UPDATE_COMPLETE"
	return nil
}

// goBackWith takes up the way back of a stack and of the nested ones that are
// stuck on theirs.
func (c *call) goBackWith(s *stack, token string) {
	for _, st := range s.Failed.Steps {
		if child := c.region.find(st.Child); st.Child != "" && child != nil && child.Status == "UPDATE_ROLLBACK_FAILED" && child.Failed != nil {
			c.goBackWith(child, token)
		}
	}
	c.goBack(s, token)
}

func rollbackStack(c *call, a args) (obj, error) {
	s, err := c.must(a)
	if err != nil {
		return nil, err
	}
	if s.Status != "UPDATE_FAILED" && s.Status != "CREATE_FAILED" {
		return nil, invalid("Stack:" + s.ID + " is in " + s.Status + " state and can not be rolled back.")
	}
	if s.Failed == nil || !s.EverGood {
		c.begin(s, &operation{Kind: "delete", Token: a.get("ClientRequestToken")})
		return obj{{"StackId", s.ID}}, nil
	}
	c.goBack(s, a.get("ClientRequestToken"))
	return obj{{"StackId", s.ID}, {"OperationId", s.Op.ID}}, nil
}

// goBack takes up the way back of the operation that failed.
func (c *call) goBack(s *stack, token string) {
	op := s.Failed
	op.Kind, op.Token = "rollback", token
	before := op.Before
	c.begin(s, op)
	op.Before, s.Failed = before, nil
}
