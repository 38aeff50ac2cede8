package awssim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// A control is what can be asked of the simulator that no AWS has, by those who
// rehearse.
type control struct {
	method, path, body, help string
	do                       func(c *call, data []byte) (any, error)
}

// controls are all of these, below /_sim/.
func controls() []control {
	return []control{
		{"POST", "fault", `{"Stack": "web", "Logical": "Topic", "Do": "update", "Reason": "no", "Times": 1, "Hold": false}`, "resources fail, or wait for release", (*call).addFault},
		{"POST", "wire", `{"Service": "cloudformation", "Action": "CreateChangeSet", "Kind": "throttle", "Times": 3}`, "the next calls are answered badly", (*call).addWire},
		{"POST", "release", "", "takes all faults away; what was held goes on", (*call).releaseAll},
		{
			"POST", "drift", `{"Stack": "web", "Logical": "Topic", "Properties": {"DisplayName": "x"}, "Attributes": {}, "Delete": false}`,
			"changes a live resource behind its stack's back", (*call).drift,
		},
		{
			"POST", "make", `{"Account": "123456789012", "Region": "us-east-1", "Type": "AWS::SNS::Topic", "Properties": {}}`,
			"makes a resource that no stack knows of", (*call).makeThing,
		},
		{
			"POST", "rollout", `{"Service": "shop", "State": "FAILED", "Reason": "no", "Missing": 1, "Answers": 3}`,
			"how far a service of Amazon ECS is", (*call).roll,
		},
		{"POST", "rate", "8", "calls a second before an account is throttled; 0 is never", setting(func(c *call, v float64) { c.cfg.Rate = v })},
		{"POST", "lag", "2", "reads of a stack after a write that still show what was", setting(func(c *call, v int) { c.cfg.Lag = v })},
		{"POST", "pages", "1", "entries on a page", setting(func(c *call, v int) { c.cfg.PageSize = max(v, 1) })},
		{"POST", "role", `{"ARN": "arn:aws:iam::123456789012:role/deploy", "Broken": true}`, "makes a role unusable, or usable again", (*call).breakRole},
		{"POST", "expire", "", "ends all sessions of assumed roles", (*call).expire},
		{"GET", "calls", "", "how often each operation was asked for", func(c *call, _ []byte) (any, error) { return c.w.Calls, nil }},
		{"GET", "mutations", "", "what was changed: by operation, and operations on stacks by client token", (*call).mutations},
		{"GET", "stacks", "", "the living stacks by account and region", (*call).allStacks},
	}
}

// control answers below /_sim/.
func (c *call) control(w http.ResponseWriter, r *http.Request) {
	data, _ := io.ReadAll(r.Body)
	out, err := c.controlled(r.Method, strings.TrimPrefix(r.URL.Path, "/_sim/"), data)
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.WriteHeader(asAPI(err).Status)
		out = map[string]any{"error": asAPI(err).Message}
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(out); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = w.Write(text.Bytes())
}

func (c *call) controlled(method, path string, data []byte) (any, error) {
	help := map[string]string{}
	for _, k := range controls() {
		if k.path == path && k.method == method {
			c.settle(c.now)
			return k.do(c, data)
		}
		if k.path == path {
			return nil, &apiError{405, "MethodNotAllowed", "ask for /_sim/" + path + " with " + k.method}
		}
		help[strings.TrimSpace(k.method+" /_sim/"+k.path+" "+k.body)] = k.help
	}
	if path == "" {
		return help, nil
	}
	return nil, &apiError{404, "NotFound", "there is no /_sim/" + path + "; GET /_sim/ lists what there is"}
}

// done is the answer of what has nothing to say.
var done = map[string]bool{"ok": true}

// strict reads JSON that holds nothing unknown.
func strict(data []byte, into any) error {
	in := json.NewDecoder(bytes.NewReader(data))
	in.DisallowUnknownFields()
	if err := in.Decode(into); err != nil {
		return &apiError{400, "BadRequest", "the body: " + err.Error()}
	}
	return nil
}

func setting[V int | float64](set func(*call, V)) func(*call, []byte) (any, error) {
	return func(c *call, data []byte) (any, error) {
		var v V
		if err := strict(data, &v); err != nil {
			return nil, err
		}
		if v < 0 {
			return nil, &apiError{400, "BadRequest", fmt.Sprintf("got %v, want a number that is not negative", v)}
		}
		set(c, v)
		return done, nil
	}
}

// oneOf refuses a word that is not one of some.
func oneOf(name, got string, want ...string) error {
	if slices.Contains(want, got) {
		return nil
	}
	return &apiError{400, "BadRequest", fmt.Sprintf("%s is %q, want one of %s", name, got, strings.Join(want, ", "))}
}

func (c *call) addFault(data []byte) (any, error) {
	f := &Fault{}
	err := strict(data, f)
	if err == nil {
		err = oneOf("Do", f.Do, "", "create", "update", "replace", "delete", "import", "rollback", "cleanup")
	}
	if err == nil {
		c.w.Faults = append(c.w.Faults, f)
	}
	return done, err
}

func (c *call) addWire(data []byte) (any, error) {
	f := WireFault{Times: 1}
	err := strict(data, &f)
	if err == nil {
		err = oneOf("Kind", string(f.Kind), string(Throttle), string(Unavailable), string(Drop), string(Lost), string(Truncate), string(Refuse))
	}
	if err == nil && f.Kind == Refuse && (f.Status < 400 || f.Status > 599 || f.Code == "") {
		err = &apiError{400, "BadRequest", "a refusal has a Status from 400 to 599 and a Code"}
	}
	if err == nil {
		c.w.Wire = append(c.w.Wire, f)
	}
	return done, err
}

func (c *call) releaseAll([]byte) (any, error) {
	c.w.Faults, c.w.Wire = nil, nil
	for _, region := range c.w.Regions {
		for _, s := range region.Stacks {
			if s.Op != nil && s.Op.Phase != held {
				s.Op.Due = c.now
			}
		}
	}
	return done, nil
}

// drift changes a live resource behind its stack's back.
func (c *call) drift(data []byte) (any, error) {
	var in struct {
		Stack, Logical string
		Properties     map[string]any
		Attributes     map[string]string
		Delete         bool
	}
	if err := strict(data, &in); err != nil {
		return nil, err
	}
	for _, k := range sorted(c.w.Regions) {
		region := c.w.Regions[k]
		s := region.find(in.Stack)
		if s == nil || s.Resources[in.Logical] == nil {
			continue
		}
		where := s.Resources[in.Logical].Thing
		thing := region.Things[where]
		switch {
		case thing == nil:
			return nil, &apiError{404, "NotFound", in.Logical + " of the stack " + in.Stack + " is gone already"}
		case in.Delete:
			region.vanish(&c.w, where)
		default:
			p, _ := plain(in.Properties).(map[string]any)
			maps.Copy(thing.Properties, p)
			maps.Copy(thing.Attributes, in.Attributes)
			region.appear(&c.w, thing, c.now)
		}
		return done, nil
	}
	return nil, &apiError{404, "NotFound", fmt.Sprintf("there is no resource %q in a stack %q", in.Logical, in.Stack)}
}

// plain is JSON as templates have it: numbers and truth are text.
func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k := range v {
			out[k] = plain(v[k])
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = plain(v[i])
		}
		return out
	}
	return shown(v)
}

func (c *call) makeThing(data []byte) (any, error) {
	in := struct {
		Account, Region, Type string
		Properties            map[string]any
	}{Account: DefaultAccount, Region: "us-east-1"}
	if err := strict(data, &in); err != nil {
		return nil, err
	}
	if typeOf(in.Type) == nil {
		return nil, &apiError{400, "BadRequest", fmt.Sprintf("Type is %q, which is no resource type", in.Type)}
	}
	p, _ := plain(in.Properties).(map[string]any)
	if why := validate(in.Type, "", p); why != "" {
		return nil, &apiError{400, "BadRequest", why}
	}
	r := c.w.region(in.Account, in.Region)
	thing := r.create(&c.w, &stack{Name: "manual"}, "Manual", in.Type, p, c.now)
	thing.Stack, thing.Logical = "", ""
	return map[string]string{"PhysicalResourceId": thing.Physical}, nil
}

func (c *call) breakRole(data []byte) (any, error) {
	var in struct {
		ARN    string
		Broken bool
	}
	err := strict(data, &in)
	if err == nil && !strings.HasPrefix(in.ARN, "arn:") {
		err = &apiError{400, "BadRequest", "ARN is that of a role"}
	}
	if err == nil {
		c.w.Broken[in.ARN] = in.Broken
	}
	return done, err
}

func (c *call) expire([]byte) (any, error) {
	for k, s := range c.w.Sessions {
		if s.Expires.After(c.now) {
			s.Expires = c.now
			c.w.Sessions[k] = s
		}
	}
	return map[string]int{"sessions": len(c.w.Sessions)}, nil
}

func (c *call) mutations([]byte) (any, error) {
	return map[string]any{"operations": c.w.Changed, "tokens": c.w.Begun}, nil
}

func (c *call) allStacks([]byte) (any, error) {
	out := map[string]map[string]string{}
	for k, r := range c.w.Regions {
		for _, s := range r.Stacks {
			if s.Status == "DELETE_COMPLETE" {
				continue
			}
			if out[k] == nil {
				out[k] = map[string]string{}
			}
			out[k][s.Name] = s.Status
		}
	}
	return out, nil
}
