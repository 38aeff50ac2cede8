package awssim

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A parameter is kept in the parameter store.
type parameter struct {
	Type, Value string
	Version     int
	At          time.Time
}

// A secret is kept in Secrets Manager.
type secret struct{ ARN, Value string }

// serveJSON answers a call of the parameter store or of Secrets Manager.
func (c *call) serveJSON(w http.ResponseWriter, r *http.Request, service string, err error) {
	in := map[string]any{}
	if err == nil {
		data, _ := io.ReadAll(r.Body)
		if json.Unmarshal(data, &in) != nil {
			err = &apiError{400, "SerializationException", "the request is not JSON"}
		}
	}
	_, name, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	var out map[string]any
	if err == nil {
		err = c.wireFault(service, name).refusal()
	}
	if err == nil {
		c.w.Calls[service+":"+name]++
		if service == "ssm" {
			out, err = c.store(name, in)
		} else {
			out, err = c.secrets(name, in)
		}
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if err != nil {
		api := asAPI(err)
		w.WriteHeader(api.Status)
		out = map[string]any{"__type": api.Code, "message": api.Message}
	}
	_, _ = io.WriteString(w, shown(out)) //nolint:gosec // G705: JSON, and said to be
}

func of(in map[string]any, k string) string { s, _ := in[k].(string); return s }

func (c *call) shown(name string) map[string]any {
	p := c.region.parameter(name)
	return map[string]any{
		"Name": name, "Type": p.Type, "Value": p.Value, "Version": p.Version, "LastModifiedDate": float64(p.At.Unix()),
		"ARN": "arn:aws:ssm:" + c.region.Name + ":" + c.region.Account + ":parameter/" + strings.TrimPrefix(name, "/"),
	}
}

// store answers for the parameter store.
func (c *call) store(action string, in map[string]any) (map[string]any, error) {
	name := of(in, "Name")
	missing := &apiError{400, "ParameterNotFound", ""}
	switch action {
	case "PutParameter":
		old := c.region.Parameters[name]
		overwrite, _ := in["Overwrite"].(bool)
		if old != nil && !overwrite {
			return nil, &apiError{400, "ParameterAlreadyExists", "The parameter already exists. To overwrite this value, set the overwrite option in the request to true."}
		}
		p := &parameter{Type: of(in, "Type"), Value: of(in, "Value"), Version: 1, At: c.now}
		if old != nil {
			p.Version = old.Version + 1
		}
		c.region.Parameters[name] = p
		return map[string]any{"Version": p.Version, "Tier": "Standard"}, nil
	case "GetParameter":
		if c.region.parameter(name) == nil {
			return nil, missing
		}
		return map[string]any{"Parameter": c.shown(name)}, nil
	case "GetParameters":
		found, invalidNames := []any{}, []any{}
		names, _ := in["Names"].([]any)
		for _, n := range names {
			if name, _ := n.(string); c.region.parameter(name) != nil {
				found = append(found, c.shown(name))
			} else {
				invalidNames = append(invalidNames, n)
			}
		}
		return map[string]any{"Parameters": found, "InvalidParameters": invalidNames}, nil
	case "DeleteParameter":
		if c.region.Parameters[name] == nil {
			return nil, missing
		}
		delete(c.region.Parameters, name)
		return map[string]any{}, nil
	}
	return nil, &apiError{400, "UnknownOperationException", "the simulated parameter store has no " + action}
}

// secrets answers for Secrets Manager.
func (c *call) secrets(action string, in map[string]any) (map[string]any, error) {
	name := of(in, "Name") + of(in, "SecretId")
	s := c.region.Secrets[name]
	if s == nil && action != "CreateSecret" {
		return nil, &apiError{400, "ResourceNotFoundException", "Secrets Manager can't find the specified secret."}
	}
	switch action {
	case "CreateSecret":
		if s != nil {
			return nil, &apiError{400, "ResourceExistsException", "The operation failed because the secret " + name + " already exists."}
		}
		s = &secret{ARN: "arn:aws:secretsmanager:" + c.region.Name + ":" + c.region.Account + ":secret:" + name + "-AbCdEf", Value: of(in, "SecretString")}
		c.region.Secrets[name] = s
	case "PutSecretValue":
		s.Value = of(in, "SecretString")
	case "GetSecretValue":
		return map[string]any{"ARN": s.ARN, "Name": name, "SecretString": s.Value, "VersionId": "1", "VersionStages": []string{"AWSCURRENT"}}, nil
	case "DeleteSecret":
		delete(c.region.Secrets, name)
	default:
		return nil, &apiError{400, "UnknownOperationException", "the simulated Secrets Manager has no " + action}
	}
	return map[string]any{"ARN": s.ARN, "Name": name, "VersionId": "1"}, nil
}

// secretValue reads id:SecretString:key, as dynamic references name it.
func (r *region) secretValue(reference string) (string, error) {
	for id, s := range r.Secrets {
		rest, ok := strings.CutPrefix(reference, id)
		if !ok {
			if rest, ok = strings.CutPrefix(reference, s.ARN); !ok {
				continue
			}
		}
		parts := strings.Split(strings.TrimPrefix(rest, ":"), ":")
		if len(parts) < 2 || parts[1] == "" {
			return s.Value, nil
		}
		m := map[string]any{}
		if json.Unmarshal([]byte(s.Value), &m) != nil || m[parts[1]] == nil {
			return "", invalid("Could not find a value associated with JSONKey in SecretString")
		}
		return shown(m[parts[1]]), nil
	}
	return "", invalid("Secrets Manager can't find the specified secret. (Service: AWSSecretsManager; Status Code: 400; Error Code: ResourceNotFoundException)")
}

// control answers what no AWS has: the faults, for those who rehearse them.
//
//	POST /_sim/fault    {"Stack": "…", "Logical": "…", "Do": "update", "Reason": "…", "Hold": false, "Times": 1}
//	POST /_sim/release  takes all faults away
//	POST /_sim/rate     2
//	POST /_sim/drift    {"Stack": "…", "Logical": "…", "Properties": {…}, "Delete": false}
//	GET  /_sim/calls    how often each action was asked for
func (c *call) control(w http.ResponseWriter, r *http.Request) {
	data, _ := io.ReadAll(r.Body)
	var err error
	out := map[string]any{"ok": true}
	switch strings.TrimPrefix(r.URL.Path, "/_sim/") {
	case "fault":
		f := &Fault{}
		if err = json.Unmarshal(data, f); err == nil {
			c.w.Faults = append(c.w.Faults, f)
		}
	case "release":
		c.w.Faults = nil
		for _, region := range c.w.Regions {
			for _, s := range region.Stacks {
				if s.Op != nil {
					s.Op.Due = c.now
				}
			}
		}
	case "rate":
		c.cfg.Rate, err = strconv.ParseFloat(strings.TrimSpace(string(data)), 64)
	case "drift":
		err = c.drift(data)
	case "calls":
		for k, n := range c.w.Calls {
			out[k] = n
		}
	default:
		err = &apiError{404, "NotFound", "there is fault, release, rate, drift and calls"}
	}
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		out = map[string]any{"ok": false, "error": err.Error()}
	}
	_, _ = io.WriteString(w, shown(out))
}

// drift changes a live resource behind its stack's back.
func (c *call) drift(data []byte) error {
	var in struct {
		Stack, Logical string
		Properties     map[string]any
		Delete         bool
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	for _, region := range c.w.Regions {
		s := region.find(in.Stack)
		if s == nil || s.Resources[in.Logical] == nil {
			continue
		}
		k := s.Resources[in.Logical].Thing
		if in.Delete {
			delete(region.Things, k)
			return nil
		}
		maps.Copy(region.Things[k].Properties, in.Properties)
		return nil
	}
	return &apiError{404, "NotFound", "no resource " + in.Logical + " in a stack " + in.Stack}
}
