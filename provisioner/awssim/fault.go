package awssim

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

// A Fault makes what happens to resources go wrong, or wait.
type Fault struct {
	Stack   string // name; empty for every stack
	Logical string // logical ID; empty for every resource
	// Do is what goes wrong: create, update, replace, delete, import,
	// rollback or cleanup; empty for anything.
	Do string
	// Hold keeps it from ending until Release, instead of failing it.
	Hold bool
	// Reason is what the service says; empty for a handler's internal error.
	Reason string
	// Times is how often it happens; 0 is always.
	Times int

	Used int // how often it has happened
}

func (f *Fault) reason(typ string) string {
	if f.Reason != "" {
		return f.Reason
	}
	return fmt.Sprintf("Resource handler returned message: \"Internal failure of %s\" (RequestToken: 00000000-0000-0000-0000-000000000000, HandlerErrorCode: InternalFailure)", typ)
}

// Inject adds a fault.
func (s *Sim) Inject(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.w.Faults = append(s.w.Faults, &f)
}

// Release takes all faults away, and lets what they held go on.
func (s *Sim) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.w.Faults = nil
	for _, r := range s.w.Regions {
		for _, st := range r.Stacks {
			if st.Op != nil {
				st.Op.Due = s.cfg.Now().UTC()
			}
		}
	}
}

// Free takes the faults of one stack away, and lets what they held go on.
func (s *Sim) Free(stackName string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.w.Faults = slices.DeleteFunc(s.w.Faults, func(f *Fault) bool { return f.Stack == stackName })
	for _, r := range s.w.Regions {
		for _, st := range r.Stacks {
			if st.Name == stackName && st.Op != nil {
				st.Op.Due = s.cfg.Now().UTC()
			}
		}
	}
}

// fault finds the fault that meets a resource, if any.
func (w *world) fault(s *stack, logical, do string) *Fault {
	for _, f := range w.Faults {
		if f.Stack != "" && f.Stack != s.Name || f.Logical != "" && f.Logical != logical || f.Do != "" && f.Do != do || f.Times > 0 && f.Used >= f.Times {
			continue
		}
		if !f.Hold {
			f.Used++
		}
		return f
	}
	return nil
}

// A WireFault spoils the answers to the next calls.
type WireFault struct {
	Service string // as signatures name it; cloudformation when empty
	Action  string // empty for any; of S3 the method
	Kind    WireKind
	Times   int

	// What Refuse answers with.
	Status        int
	Code, Message string
}

// A WireKind is a way in which an answer goes wrong.
type WireKind string

// The kinds of wire faults. Lost does what was asked and drops the connection.
// Services other than CloudFormation and STS know Throttle, Unavailable and
// Refuse.
const (
	Throttle    WireKind = "throttle"
	Unavailable WireKind = "unavailable"
	Drop        WireKind = "drop"
	Lost        WireKind = "lost"
	Truncate    WireKind = "truncate"
	Refuse      WireKind = "refuse"
)

// InjectWire spoils the answers to the next calls.
func (s *Sim) InjectWire(f WireFault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.w.Wire = append(s.w.Wire, f)
}

func (c *call) wireFault(service, action string) WireFault {
	for i := range c.w.Wire {
		f := &c.w.Wire[i]
		of := f.Service
		if of == "" {
			of = "cloudformation"
		}
		if service == of && f.Times > 0 && (f.Action == "" || f.Action == action) {
			f.Times--
			return *f
		}
	}
	return WireFault{}
}

// refusal is what is answered in place of the action; nil where it is done.
func (f WireFault) refusal() error {
	switch f.Kind {
	case Throttle:
		return &apiError{400, "Throttling", "Rate exceeded"}
	case Unavailable:
		return &apiError{503, "ServiceUnavailable", "Please try again"}
	case Refuse:
		return &apiError{f.Status, f.Code, f.Message}
	default:
		return nil
	}
}

// before answers in place of the action, and says whether it did.
func (f WireFault) before(w http.ResponseWriter, c *call) bool {
	switch f.Kind {
	case Throttle, Refuse:
		c.refuse(w, "http://cloudformation.amazonaws.com/doc/2010-05-15/", f.refusal())
	case Unavailable:
		http.Error(w, "<html><body>503 Service Unavailable</body></html>", http.StatusServiceUnavailable)
	case Drop:
		panic(http.ErrAbortHandler)
	default:
		return false
	}
	return true
}

// after loses the answer of an action that was done.
func (f WireFault) after(http.ResponseWriter) bool {
	if f.Kind == Lost {
		panic(http.ErrAbortHandler)
	}
	return false
}

// A pool is what is left of the calls that may be made.
type pool struct {
	Left float64
	At   time.Time
}

// permit takes one call from the account's pool.
func (c *call) permit() bool {
	if c.cfg.Rate <= 0 {
		return true
	}
	k := c.region.Account + "/" + c.region.Name
	p, ok := c.w.Pools[k]
	if !ok {
		p = pool{Left: max(1, c.cfg.Rate), At: c.now}
	}
	p.Left = min(max(1, c.cfg.Rate), p.Left+c.now.Sub(p.At).Seconds()*c.cfg.Rate)
	p.At = c.now
	allowed := p.Left >= 1
	if allowed {
		p.Left--
	}
	c.w.Pools[k] = p
	return allowed
}

// SetRate changes how many calls a second are answered.
func (s *Sim) SetRate(perSecond float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.Rate = perSecond
}

// BreakRole makes a service role unusable, or usable again.
func (s *Sim) BreakRole(arn string, broken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.w.Broken[arn] = broken
}

// A lag is what reads still show of a stack after it was written.
type lag struct {
	Left int
	Was  *stackView `json:"-"` // not kept
}

// wrote notes that reads of a stack may lag from here on.
func (w *world) wrote(s *stack) {
	if l := w.Lags[s.ID]; l != nil {
		l.Left = -1 // set by the next read
	} else {
		w.Lags[s.ID] = &lag{Left: -1}
	}
}

// Edit changes a live resource behind the backs of stacks; del takes it away
// when the edit says so. It reports whether there is such a resource.
func (s *Sim) Edit(stackName, logical string, edit func(t *Thing) (del bool)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.w.Regions {
		for k, t := range r.Things {
			st := r.find(t.Stack)
			if st == nil || st.Name != stackName || t.Logical != logical {
				continue
			}
			if edit(t) {
				r.vanish(&s.w, k)
			} else {
				r.appear(&s.w, t, s.cfg.Now().UTC())
			}
			return true
		}
	}
	return false
}

// Make puts a resource into an account that no stack knows of.
func (s *Sim) Make(account, region, typ string, properties map[string]any) (physical string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.w.region(account, region)
	thing := r.create(&s.w, &stack{Name: "manual"}, "Manual", typ, properties, s.cfg.Now().UTC())
	thing.Stack, thing.Logical = "", ""
	return thing.Physical
}

// Bucket makes an empty S3 bucket.
func (s *Sim) Bucket(account, region, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.w.Buckets[name] = &bucket{Account: account, Region: region, Objects: map[string]object{}}
	s.w.region(account, region).known("AWS::S3::Bucket", name, name, map[string]any{"BucketName": name})
}

// Put puts an object into a bucket.
func (s *Sim) Put(bucketName, key, data string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.w.Buckets[bucketName].Objects[key] = object{Data: data, At: s.cfg.Now().UTC()}
}

// Objects are the keys of what is in a bucket.
func (s *Sim) Objects(bucketName string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.w.Buckets[bucketName]
	if b == nil {
		return nil
	}
	return sorted(b.Objects)
}

// Object reads an object of a bucket.
func (s *Sim) Object(bucketName, key string) (data string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.w.Buckets[bucketName]
	if b == nil {
		return "", false
	}
	o, ok := b.Objects[key]
	return o.Data, ok
}
