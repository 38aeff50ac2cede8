package awssim

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// A world is all that a Sim remembers, plain data that can be saved and loaded.
type world struct {
	Serial   int64 // what makes IDs differ
	Regions  map[string]*region
	Sessions map[string]session
	Buckets  map[string]*bucket
	Calls    map[string]int
	Begun    map[string]int // operations on stacks by token
	Changed  map[string]int // calls that changed something, as "service:Action"
	Faults   []*Fault
	Broken   map[string]bool // service roles that cannot be assumed
	Lags     map[string]*lag
	Wire     []WireFault
	Pools    map[string]pool
	Rollouts map[string]Rollout // of services of Amazon ECS
}

func newWorld() world {
	return world{
		Regions: map[string]*region{}, Sessions: map[string]session{}, Buckets: map[string]*bucket{},
		Calls: map[string]int{}, Begun: map[string]int{}, Changed: map[string]int{}, Broken: map[string]bool{}, Lags: map[string]*lag{},
		Pools: map[string]pool{}, Rollouts: map[string]Rollout{},
	}
}

// Save writes all that the Sim remembers.
func (s *Sim) Save(w io.Writer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return json.NewEncoder(w).Encode(s.w)
}

// Load takes up what Save wrote, in the middle of operations too.
func (s *Sim) Load(r io.Reader) error {
	w := newWorld()
	if err := json.NewDecoder(r).Decode(&w); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.w = w
	return nil
}

// uuid makes the next ID. IDs differ and are the same in every run.
func (w *world) uuid() string {
	w.Serial++
	sum := sha256.Sum256(fmt.Appendf(nil, "awssim %d", w.Serial))
	h := hex.EncodeToString(sum[:16])
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:32]
}

// random makes the random end of a generated name.
func (w *world) random(n int) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	w.Serial++
	sum := sha256.Sum256(fmt.Appendf(nil, "awssim %d", w.Serial))
	out := make([]byte, n)
	for i := range out {
		out[i] = letters[int(sum[i])%len(letters)]
	}
	return string(out)
}

func (w *world) region(account, name string) *region {
	key := account + "/" + name
	r := w.Regions[key]
	if r == nil {
		r = &region{
			Account: account, Name: name, Things: map[string]*Thing{}, Tokens: map[string]tokenUse{},
			Parameters: map[string]*parameter{}, Secrets: map[string]*secret{}, Detections: map[string]*detection{},
		}
		w.Regions[key] = r
	}
	return r
}

// A region is what one account has in one region.
type region struct {
	Account, Name string
	Stacks        []*stack // deleted ones too
	Things        map[string]*Thing
	Tokens        map[string]tokenUse
	Parameters    map[string]*parameter
	Secrets       map[string]*secret
	Detections    map[string]*detection
	Signals       map[string][]signal // by the address of their handle
}

type tokenUse struct{ Digest, Result string }

type session struct {
	Identity Identity
	Token    string
	Expires  time.Time
}

// A Thing is a resource as it really is, whatever stacks think of it.
type Thing struct {
	Type, ID   string // the primary identifier
	Physical   string // what Ref gives
	Properties map[string]any
	Attributes map[string]string
	Stack      string // the ARN of the stack that owns it, if any
	Logical    string
	Full       bool // it holds data, and will not be deleted
}

// A generation is what a stack is made from.
type generation struct {
	Template      string
	Parameters    []pair
	Resolved      map[string]string // values of parameters that live in the store
	Tags          []pair
	Capabilities  []string
	Notifications []string
	Role          string
	Triggers      triggers
	Description   string
	Hidden        []string // parameters that are not to be echoed
}

type pair struct{ Key, Value string }

type stack struct {
	ID, Name         string
	Parent, Root     string // of a nested stack
	Status, Reason   string
	Created          time.Time
	Updated, Deleted time.Time
	Now              generation // what the resources are, or are becoming
	Good             generation // what a rollback returns to
	EverGood         bool
	Resources        map[string]*resource
	Outputs          []output
	Events           []event // oldest first
	ChangeSets       []*changeSet
	ChangeSet        string // executed last
	Policy           string
	Protected        bool
	DisableRollback  bool
	Timeout          int // minutes
	Op               *operation
	Failed           *operation // whose rollback failed
	Drift            string
	DriftChecked     time.Time
}

type output struct{ Key, Value, Description, Export string }

type resource struct {
	ID, Type, Physical, Thing           string
	Status, Reason                      string
	Updated                             time.Time
	Properties                          map[string]any
	Veiled                              map[string]any // as they are shown, where they hold what is not to be
	Metadata                            any
	DeletionPolicy, UpdateReplacePolicy string
	After                               []string // what it waited for when it was made
	Drift                               string
	Description                         string
}

type event struct {
	ID, Logical, Physical, Type, Status, Reason, Properties, Token, Operation string
	Kind                                                                      string // of the operation
	At                                                                        time.Time
}

const (
	stackType = "AWS::CloudFormation::Stack"
	initiated = "User Initiated"
)

// find returns the live stack of a name, or any stack of an ARN.
func (r *region) find(nameOrID string) *stack {
	for _, s := range r.Stacks {
		if s.ID == nameOrID || s.Name == nameOrID && s.Status != "DELETE_COMPLETE" {
			return s
		}
	}
	return nil
}

func (s *stack) note(w *world, at time.Time, status, reason string) {
	s.Status, s.Reason = status, reason
	s.happened(event{ID: w.uuid(), Logical: s.Name, Physical: s.ID, Type: stackType, Status: status, Reason: reason, At: at})
}

// happened records an event as one of the operation under way.
func (s *stack) happened(e event) {
	if s.Op != nil {
		e.Token, e.Operation, e.Kind = s.Op.Token, s.Op.ID, s.Op.Kind
	}
	s.Events = append(s.Events, e)
}

// tell records what happens to a resource; set says that its row shows it.
func (s *stack) tell(at time.Time, r *resource, physical, status, reason string, set bool) {
	s.happened(event{
		ID:      fmt.Sprintf("%s-%s-%s", r.ID, status, at.Format("2006-01-02T15:04:05.000Z")),
		Logical: r.ID, Physical: physical, Type: r.Type, Status: status, Reason: reason, Properties: shown(r.display()), At: at,
	})
	if set {
		r.Status, r.Reason, r.Updated = status, reason, at
	}
}
