package awssim

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	waitType   = "AWS::CloudFormation::WaitCondition"
	handleType = "AWS::CloudFormation::WaitConditionHandle"
)

// signalled are the types whose creation can wait for signals.
var signalled = []string{waitType, "AWS::AutoScaling::AutoScalingGroup", "AWS::EC2::Instance", "AWS::AppStream::Fleet"}

// A signal says that something of a resource is ready, or has failed.
type signal struct{ ID, Status, Reason, Data string }

// A waiting is a resource that is made, and not ready before it is told so.
type waiting struct {
	Count    int
	Until    time.Time
	Handle   string // the address at which signals come; empty for SignalResource
	Signals  []signal
	Answered int // signals that the events tell of
}

var duration = regexp.MustCompile(`^PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?$`)

// waitsFor reads what a resource waits for; nil is nothing.
func (p *progress) waitsFor(id string, row *resource) (*waiting, error) {
	policy, err := p.sc.Eval(p.t.Resource(id).CreationPolicy)
	if err != nil {
		return nil, err
	}
	m, _ := policy.(map[string]any)
	ask, given := m["ResourceSignal"].(map[string]any)
	if !slices.Contains(signalled, row.Type) || !given && row.Type != waitType {
		return nil, nil
	}
	w := &waiting{Count: 1}
	count, timeout := ask["Count"], 5*time.Minute
	if row.Type == waitType && !given {
		count, w.Handle = row.Properties["Count"], shown(row.Properties["Handle"])
		seconds, err := strconv.Atoi(shown(row.Properties["Timeout"]))
		if err != nil || w.Handle == "" {
			return nil, invalid("A wait condition has to have a CreationPolicy, or a Handle and a Timeout")
		}
		timeout = time.Duration(seconds) * time.Second
	} else if text := shown(ask["Timeout"]); text != "" {
		parts := duration.FindStringSubmatch(text)
		if parts == nil {
			return nil, invalid("The Timeout " + text + " of a ResourceSignal is not of the form PT#H#M#S")
		}
		h, _ := strconv.Atoi(parts[1]) // what is left out is nothing
		m, _ := strconv.Atoi(parts[2])
		s, _ := strconv.Atoi(parts[3])
		timeout = time.Duration(h)*time.Hour + time.Duration(m)*time.Minute + time.Duration(s)*time.Second
	}
	if count != nil {
		n, err := strconv.Atoi(shown(count))
		if err != nil || n < 0 {
			return nil, invalid("Count of " + id + " is not a number")
		}
		w.Count = n
	}
	w.Until = p.at.Add(timeout)
	return w, nil
}

// await looks which signals have come for a step.
func (p *progress) await(id string, st *step) {
	w, row := st.Waits, st.Next
	if w.Handle != "" {
		w.Signals = p.r.Signals[w.Handle]
	}
	for _, s := range w.Signals[w.Answered:] {
		p.s.tell(p.at, row, row.Physical, "CREATE_IN_PROGRESS", "Received "+s.Status+" signal with UniqueId "+s.ID, true)
	}
	w.Answered = len(w.Signals)
	good := 0
	var bad []signal
	for _, s := range w.Signals {
		if s.Status == "SUCCESS" {
			good++
		} else {
			bad = append(bad, s)
		}
	}
	switch {
	case len(bad) > 0 && w.Handle != "":
		p.failStep(id, st, "WaitCondition received failed message: '"+bad[0].Reason+"' for uniqueId: "+bad[0].ID)
	case len(bad) > 0 && w.Count > 1:
		p.failStep(id, st, fmt.Sprintf("Received %d FAILURE signal(s) out of %d.  Unable to satisfy 100%% MinSuccessfulInstancesPercent requirement", len(bad), w.Count))
	case len(bad) > 0:
		p.failStep(id, st, "Received FAILURE signal with UniqueId "+bad[0].ID)
	case good >= w.Count:
		p.ready(row, w)
		st.Waits, st.Due = nil, p.at
		p.finishStep(id, st)
	case p.at.Before(w.Until):
		p.wake(w.Until)
	case w.Handle != "":
		p.failStep(id, st, fmt.Sprintf("WaitCondition timed out. Received %d conditions when expecting %d", good, w.Count))
	default:
		p.failStep(id, st, fmt.Sprintf("Failed to receive %d resource signal(s) within the specified duration", w.Count-good))
	}
}

// ready notes what the signals said, for GetAtt Data.
func (p *progress) ready(row *resource, w *waiting) {
	thing := p.r.Things[row.Thing]
	if row.Type != waitType || thing == nil {
		return
	}
	data := map[string]any{}
	for _, s := range w.Signals {
		data[s.ID] = s.Data
	}
	thing.Attributes["Data"] = shown(data)
}

func signalResource(c *call, a args) (obj, error) {
	s, err := c.must(a)
	if err != nil {
		return nil, err
	}
	id := a.get("LogicalResourceId")
	if s.Resources[id] == nil {
		return nil, invalid("Resource " + id + " does not exist for stack " + s.Name)
	}
	var st *step
	if s.Op != nil {
		st = s.Op.Steps[id]
	}
	switch {
	case s.Op == nil:
		return nil, invalid("Stack " + s.ID + " is in " + s.Status + " state and can not be signaled")
	case st == nil || st.State != "running" || st.Waits == nil || st.Waits.Handle != "":
		return nil, invalid("Resource " + id + " is in " + s.Resources[id].Status + " state, waits for no signal, and can not be signaled")
	}
	st.Waits.add(signal{ID: a.get("UniqueId"), Status: a.get("Status")})
	s.Op.Due = c.now
	c.settle(c.now)
	return nil, nil
}

// add takes up a signal; the same one again says nothing new.
func (w *waiting) add(s signal) {
	if !slices.ContainsFunc(w.Signals, func(old signal) bool { return old.ID == s.ID }) {
		w.Signals = append(w.Signals, s)
	}
}

// handleAddress is where the signals of a handle are put. The real one is a
// presigned address of S3; here it leads to the simulator.
func (c *call) handleAddress(s *stack, logical string) string {
	host := c.base
	if host == "" {
		host = "127.0.0.1"
	}
	return "http://" + host + "/" + waitBucket + c.region.Name + "/" + url.PathEscape(s.ID+"/"+c.w.random(12)+"/"+logical) + "?Signature=" + c.w.random(20)
}

const waitBucket = "cloudformation-waitcondition-"

// waits answers those who put a signal at the address of a handle, and says
// whether the request was for one.
func (c *call) waits(w http.ResponseWriter, r *http.Request) bool {
	if !strings.HasPrefix(r.URL.Path, "/"+waitBucket) {
		return false
	}
	answer := func(status int, text string) bool {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
		return true
	}
	address := "http://" + r.Host + r.URL.RequestURI()
	for _, k := range sorted(c.w.Regions) {
		region := c.w.Regions[k]
		if !slices.ContainsFunc(sorted(region.Things), func(k string) bool {
			return region.Things[k].Type == handleType && region.Things[k].Physical == address
		}) {
			continue
		}
		var in struct{ Status, Reason, UniqueId, Data string }
		data, _ := io.ReadAll(r.Body)
		if json.Unmarshal(data, &in) != nil || in.Status != "SUCCESS" && in.Status != "FAILURE" || in.UniqueId == "" {
			return answer(http.StatusBadRequest, `want {"Status": "SUCCESS" or "FAILURE", "UniqueId": "…", "Reason": "…", "Data": "…"}`+"\n")
		}
		if region.Signals == nil {
			region.Signals = map[string][]signal{}
		}
		held := waiting{Signals: region.Signals[address]}
		held.add(signal{in.UniqueId, in.Status, in.Reason, in.Data})
		region.Signals[address] = held.Signals
		for _, s := range region.Stacks {
			if s.Op != nil && s.Op.Phase == "forward" {
				s.Op.Due = c.now
			}
		}
		c.settle(c.now)
		return answer(http.StatusOK, "")
	}
	return answer(http.StatusForbidden, "there is no such handle\n")
}
