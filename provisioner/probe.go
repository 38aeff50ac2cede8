package provisioner

import "time"

// A Probe is one question about what a job applied: whether it works. Exactly one
// of HTTP and ECS is set.
type Probe struct {
	HTTP    *HTTPProbe
	ECS     *ECSProbe
	Role    string        // the identity to ask as, where that matters
	Timeout time.Duration // of one answer
}

// An HTTPProbe asks an address.
type HTTPProbe struct {
	Method, URL string
	Status      []int             // any of them is good; none for 200 to 299
	Body        string            // what the answer has to hold
	Headers     map[string]string // of the request
}

// An ECSProbe asks whether a service of Amazon ECS is steady.
type ECSProbe struct {
	Cluster, Service string
	TaskDefinition   string // which has to be the one that runs; empty for any
}

// An Answer is what became of a Probe.
type Answer struct {
	OK    bool
	Final bool   // of one that is not OK: asking again would not change it
	Text  string // for people, in one line; no secret
}
