package provisioner

// AtStep has f called at each point of the engine where a crash must do no harm.
func (c *Command) AtStep(f func(name string)) { c.step = f }

// SuperviseAt is Supervise with f called at each such point of the supervisor.
func SuperviseAt(dir string, f func(name string)) int { return supervise(dir, nil, f) }
