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
	skip := a.strings("ResourcesToSkip")
	switch force := a.yes("ForceRollback"); {
	case force && len(skip) > 0:
		return nil, invalid("You cannot specify both ForceRollback and ResourcesToSkip")
	case force:
		c.skipAll(s)
	}
	for _, id := range skip {
		if err := c.skip(s, id); err != nil {
			return nil, err
		}
	}
	c.goBackWith(s, a.get("ClientRequestToken"))
	return nil, nil
}

// skipAll leaves all resources out of a rollback that failed in it, of nested
// stacks too.
func (c *call) skipAll(s *stack) {
	for _, id := range sorted(s.Failed.Steps) {
		st := s.Failed.Steps[id]
		if child := c.region.find(st.Child); st.Child != "" && child != nil && child.Failed != nil {
			c.skipAll(child)
			continue
		}
		if row := s.Resources[id]; row != nil && row.Status == "UPDATE_FAILED" {
			st.State, row.Status = "restored", "UPDATE_COMPLETE"
		}
	}
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
