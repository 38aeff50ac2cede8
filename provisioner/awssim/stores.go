package awssim

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// serveJSON answers a call of the parameter store, Secrets Manager or Amazon ECS.
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
		switch service {
		case "ssm":
			out, err = c.store(name, in)
		case "ecs":
			out, err = c.containers(name, in)
		default:
			out, err = c.secrets(name, in)
		}
	}
	if err == nil {
		c.changed(service, name)
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

func yes(in map[string]any, k string) bool { b, _ := in[k].(bool); return b }

// listed are the texts of a list.
func listed(in map[string]any, k string) []string {
	list, _ := in[k].([]any)
	var out []string
	for _, one := range list {
		s, _ := one.(string)
		out = append(out, s)
	}
	return out
}

// paged cuts a list to a page of MaxResults, and adds where the next begins.
func paged(in map[string]any, name string, all []any, most int) (map[string]any, error) {
	from := 0
	if token := of(in, "NextToken"); token != "" {
		if err := json.Unmarshal([]byte(token), &from); err != nil || from < 0 || from > len(all) {
			return nil, &apiError{400, "InvalidNextToken", "The specified token is not valid."}
		}
	}
	if n, ok := in["MaxResults"].(float64); ok && n >= 1 && int(n) < most {
		most = int(n)
	}
	to := min(len(all), from+most)
	out := map[string]any{name: append([]any{}, all[from:to]...)}
	if to < len(all) {
		out["NextToken"] = shown(to)
	}
	return out, nil
}
