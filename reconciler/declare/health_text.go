package declare

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"baryon/renderer"
)

// text writes what a header says of health.
func (h *Health) text() string {
	keys := healthKeys(h.Of)
	if len(h.Instances) > 0 {
		var all []string
		for _, name := range slices.Sorted(maps.Keys(h.Instances)) {
			all = append(all, scalar(name)+": "+flow(healthKeys(h.Instances[name])))
		}
		keys = append(keys, "instances: "+flow(all))
	}
	if h.Pipeline != nil {
		keys = append(keys, "pipeline: "+flow(healthKeys(h.Pipeline)))
	}
	return flow(keys)
}

func flow(keys []string) string { return "{" + strings.Join(keys, ", ") + "}" }

func healthKeys(h *renderer.Health) []string {
	var keys []string
	if h == nil {
		return nil
	}
	if h.Within > 0 {
		keys = append(keys, "within: "+renderer.Period(h.Within))
	}
	if h.OnFailure != "" {
		keys = append(keys, "onFailure: "+h.OnFailure)
	}
	if h.Checks != nil {
		checks := make([]string, len(h.Checks))
		for i, c := range h.Checks {
			checks[i] = checkText(c)
		}
		keys = append(keys, "checks: ["+strings.Join(checks, ", ")+"]")
	}
	return keys
}

func checkText(c renderer.HealthCheck) string {
	var keys []string
	add := func(keys []string, name, value string) []string {
		if value == "" {
			return keys
		}
		return append(keys, name+": "+strconv.QuoteToASCII(value))
	}
	keys = add(keys, "name", c.Name)
	switch {
	case c.HTTP != nil:
		http := add([]string{"method: " + c.HTTP.Method}, "url", c.HTTP.URL)
		if len(c.HTTP.Status) > 0 {
			status := make([]string, len(c.HTTP.Status))
			for i, s := range c.HTTP.Status {
				status[i] = strconv.Itoa(s)
			}
			http = append(http, "status: ["+strings.Join(status, ", ")+"]")
		}
		http = add(http, "body", c.HTTP.Body)
		if len(c.HTTP.Headers) > 0 {
			var headers []string
			for _, s := range c.HTTP.Headers {
				headers = append(headers, strconv.Quote(s.Name)+": "+strconv.QuoteToASCII(s.Value))
			}
			http = append(http, "headers: "+flow(headers))
		}
		keys = append(keys, "http: "+flow(http))
	case c.ECS != nil:
		keys = append(keys, "ecs: "+flow(add(add(add(nil, "cluster", c.ECS.Cluster), "service", c.ECS.Service), "taskDefinition", c.ECS.TaskDefinition)))
	default:
		commands := make([]string, len(c.Command))
		for i, text := range c.Command {
			commands[i] = strconv.QuoteToASCII(text)
		}
		keys = append(keys, "command: ["+strings.Join(commands, ", ")+"]")
	}
	return flow(append(keys, "interval: "+renderer.Period(c.Interval), "timeout: "+renderer.Period(c.Timeout), "successes: "+strconv.Itoa(c.Successes)))
}
