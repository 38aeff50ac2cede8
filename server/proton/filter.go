package proton

import (
	"context"
	"strconv"
	"time"

	"baryon/state"
)

type instanceFilter struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// instanceTest is what a filter of ListServiceInstances asks of an instance.
func (h *Handler) instanceTest(ctx context.Context, f instanceFilter) (func(state.Target) bool, error) {
	switch f.Key {
	case "name":
		return func(t state.Target) bool { return t.Ref.Name == f.Value }, nil
	case "serviceName":
		return func(t state.Target) bool { return t.Ref.Service == f.Value }, nil
	case "templateName":
		return func(t state.Target) bool { return t.Desired.Template == f.Value }, nil
	case "environmentName":
		return func(t state.Target) bool { return t.Desired.Environment == f.Value }, nil
	case "deploymentStatus":
		return func(t state.Target) bool { s, _ := statusOf(t); return string(s) == f.Value }, nil
	case "deployedTemplateVersionStatus":
		return h.stalenessTest(ctx, f.Value)
	case "":
		return nil, invalid("a filter needs a key")
	}
	at, err := readTime(f.Value)
	if err != nil {
		return nil, invalid("the value of the filter %s is %q; want a time such as 2026-01-31T15:04:05Z", f.Key, clip(f.Value))
	}
	attempted := func(t state.Target) time.Time { return state.Begun(t.LastAttempted) }
	switch f.Key {
	case "lastDeploymentAttemptedAtBefore":
		return func(t state.Target) bool { return attempted(t).Before(at) }, nil
	case "lastDeploymentAttemptedAtAfter":
		return func(t state.Target) bool { return attempted(t).After(at) }, nil
	case "createdAtBefore":
		return func(t state.Target) bool { return t.CreatedAt.Before(at) }, nil
	default: // createdAtAfter, the last that the model lets pass
		return func(t state.Target) bool { return t.CreatedAt.After(at) }, nil
	}
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

// How far the version of a target is behind the recommended one.
const (
	upToDate    = "UP_TO_DATE"
	behindMinor = "BEHIND_MINOR"
	behindMajor = "BEHIND_MAJOR"
)

func (h *Handler) stalenessTest(ctx context.Context, value string) (func(state.Target) bool, error) {
	switch value {
	case upToDate, behindMinor, behindMajor:
	default:
		return nil, invalid("the value of the filter deployedTemplateVersionStatus is %q; want %s, %s or %s", clip(value), upToDate, behindMinor, behindMajor)
	}
	known := map[string]state.Version{}
	var failed error
	return func(t state.Target) bool {
		got, err := h.staleness(ctx, t, known)
		if err != nil {
			failed = err
		}
		return failed == nil && got == value
	}, nil
}

// staleness compares the version of a target with what is recommended. Known
// remembers that for the time of one call.
func (h *Handler) staleness(ctx context.Context, t state.Target, known map[string]state.Version) (string, error) {
	kind := state.KindService
	if t.Ref.Kind == state.KindEnvironment {
		kind = state.KindEnvironment
	}
	recommended := func(major int64) (state.Version, error) {
		key := string(kind) + " " + t.Desired.Template + " " + number(major)
		if v, ok := known[key]; ok {
			return v, nil
		}
		v, err := h.cfg.Store.Recommended(ctx, kind, t.Desired.Template, major)
		known[key] = v
		return v, err
	}
	at := versionOf(t)
	major, err := recommended(0)
	if err != nil {
		return "", err
	}
	minor, err := recommended(at.Major)
	switch {
	case err != nil:
		return "", err
	case at.Major < major.Major:
		return behindMajor, nil
	case at.Less(minor):
		return behindMinor, nil
	}
	return upToDate, nil
}
