package proton

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"baryon/state"
)

type instanceFilter struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// into adds a filter of ListServiceInstances to others. None is true when
// nothing can pass all of them.
func (f instanceFilter) into(s *state.InstanceFilter) (none bool, err error) {
	status := string(s.Status)
	texts := map[string]*string{
		"name": &s.Name, "serviceName": &s.Service, "templateName": &s.Template, "environmentName": &s.Environment,
		"deploymentStatus": &status, "deployedTemplateVersionStatus": &s.Staleness,
	}
	if text, ok := texts[f.Key]; ok {
		if f.Key == "deployedTemplateVersionStatus" && !slices.Contains([]string{state.UpToDate, state.BehindMinor, state.BehindMajor}, f.Value) {
			return false, invalid("the value of the filter %s is %q; want %s, %s or %s", f.Key, clip(f.Value), state.UpToDate, state.BehindMinor, state.BehindMajor)
		}
		none = f.Value == "" || *text != "" && *text != f.Value
		*text = f.Value
		s.Status = state.Status(status)
		return none, nil
	}
	if f.Key == "" {
		return false, invalid("a filter needs a key")
	}
	at, err := readTime(f.Value)
	if err != nil {
		return false, invalid("the value of the filter %s is %q; want a time such as 2026-01-31T15:04:05Z", f.Key, clip(f.Value))
	}
	// The model lets no other keys pass.
	bound := map[string]*time.Time{
		"createdAtAfter": &s.CreatedAfter, "createdAtBefore": &s.CreatedBefore,
		"lastDeploymentAttemptedAtAfter": &s.AttemptedAfter, "lastDeploymentAttemptedAtBefore": &s.AttemptedBefore,
	}[f.Key]
	tighter := at.Before(*bound)
	if strings.HasSuffix(f.Key, "After") {
		tighter = at.After(*bound)
	}
	if bound.IsZero() || tighter {
		*bound = at
	}
	return false, nil
}

// readTime reads a time as ISO 8601, or in seconds since 1970.
func readTime(text string) (time.Time, error) {
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		return time.UnixMilli(int64(seconds * 1000)), nil
	}
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04:05"} {
		if t, err := time.Parse(form, text); err == nil {
			return t, nil
		}
	}
	return time.Parse(time.DateOnly, text)
}

// staleness compares the version that something is deployed with to what is
// recommended. Known remembers that for the time of one call.
func (h *Handler) staleness(ctx context.Context, kind state.Kind, template string, at state.Version, known map[string]state.Version) (string, error) {
	if kind != state.KindEnvironment {
		kind = state.KindService
	}
	recommended := func(major int64) (state.Version, error) {
		key := string(kind) + " " + template + " " + number(major)
		if v, ok := known[key]; ok {
			return v, nil
		}
		v, err := h.cfg.Store.Recommended(ctx, kind, template, major)
		known[key] = v
		return v, err
	}
	major, err := recommended(0)
	if err != nil {
		return "", err
	}
	minor, err := recommended(at.Major)
	switch {
	case err != nil:
		return "", err
	case at.Major < major.Major:
		return state.BehindMajor, nil
	case at.Less(minor):
		return state.BehindMinor, nil
	}
	return state.UpToDate, nil
}
