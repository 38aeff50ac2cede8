package awssim

// estimateCost answers with an address that leads nowhere: the simulator knows no
// prices.
func estimateCost(c *call, a args) (obj, error) {
	if _, _, err := c.generation(a, generation{}, &stack{}); err != nil {
		return nil, err
	}
	return obj{{"Url", "https://calculator.aws/#/estimate?id=simulated-" + c.w.uuid()}}, nil
}

// The quotas of an account in a region.
const (
	maxStacks     = 2000
	maxChangeSets = 1000 // of one stack; AWS does not publish its number
)

func accountLimits(c *call, _ args) (obj, error) {
	return obj{{"AccountLimits", list{
		obj{{"Name", "StackLimit"}, {"Value", c.cfg.MaxStacks}},
		obj{{"Name", "StackOutputsLimit"}, {"Value", 200}},
		obj{{"Name", "ConcurrentResourcesLimit"}, {"Value", 2500}},
	}}}, nil
}

// room says whether one stack more may be made.
func (c *call) room() error {
	n := 0
	for _, s := range c.region.Stacks {
		if s.Status != "DELETE_COMPLETE" {
			n++
		}
	}
	if n >= c.cfg.MaxStacks {
		return &apiError{400, "LimitExceededException", "Limit for stack has been exceeded"}
	}
	return nil
}

// changeSetHooks: no hooks are simulated.
func changeSetHooks(c *call, a args) (obj, error) {
	s, cs, err := c.named(a)
	if err != nil {
		return nil, err
	}
	return obj{
		{"ChangeSetId", cs.ID}, {"ChangeSetName", cs.Name}, {"Hooks", list{}}, {"Status", "PLANNED"}, {"StackId", s.ID}, {"StackName", s.Name},
	}, nil
}

func hookResults(_ *call, a args) (obj, error) {
	return obj{{"TargetType", text(a.get("TargetType"))}, {"TargetId", text(a.get("TargetId"))}, {"HookResults", list{}}}, nil
}
