package proton

import (
	"context"
	"maps"
	"slices"
	"strings"

	"baryon/state"
)

type tag struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

const maxTags = 50

// tailRef stands for any resource in the audit log, whose names are those of
// resource names.
func tailRef(tail string) state.Ref {
	kind, name, _ := strings.Cut(tail, "/")
	return state.Ref{Kind: state.Kind(kind), Name: name}
}

// exists reports an error unless a resource name names something that is there.
func (h *Handler) exists(ctx context.Context, tail string) error {
	kind, name, _ := strings.Cut(tail, "/")
	var err error
	switch kind {
	case "environment-template", "service-template":
		name, version, versioned := strings.Cut(name, ":")
		templates := state.Kind(strings.TrimSuffix(kind, "-template"))
		if !versioned {
			_, err = h.cfg.Store.Template(ctx, templates, name)
			return err
		}
		v, pinned, bad := state.Follow(version).Parse()
		if bad != nil || !pinned {
			return missing("%s does not exist", tail)
		}
		_, err = h.cfg.Store.TemplateVersion(ctx, templates, name, v)
	case "repository":
		_, err = h.cfg.Store.Record(ctx, linkRecords, name)
	case "environment-account-connection":
		_, err = h.cfg.Store.Record(ctx, connectionRecords, name)
	case "deployment":
		_, err = h.cfg.Store.Deployment(ctx, name)
	default:
		ref, bad := state.ParseRef(tail)
		switch {
		case bad != nil:
			return invalid("%s names no resource of AWS Proton", clip(tail))
		case ref.Kind == state.KindService:
			_, err = h.cfg.Store.Service(ctx, ref.Name)
		default:
			_, err = h.cfg.Store.Target(ctx, ref)
		}
	}
	return err
}

// checkTags refuses tags that cannot be put on anything.
func checkTags(tags []tag) error {
	seen := map[string]bool{}
	for _, t := range tags {
		switch {
		case strings.HasPrefix(strings.ToLower(t.Key), "aws:"):
			return invalid("the tag %s begins with aws:, which is reserved", clip(t.Key))
		case seen[t.Key]:
			return invalid("the tag %s is given twice", clip(t.Key))
		}
		seen[t.Key] = true
	}
	if len(tags) > maxTags {
		return invalid("%d tags are given; a resource has at most %d", len(tags), maxTags)
	}
	return nil
}

// setTags gives a new resource its tags.
func (h *Handler) setTags(ctx context.Context, tail string, tags []tag) error {
	if len(tags) == 0 {
		return nil
	}
	all := map[string]string{}
	for _, t := range tags {
		all[t.Key] = t.Value
	}
	return h.cfg.Store.Update(ctx, state.Fence{}, func(tx *state.Tx) error { return tx.PutRecord(tagRecords, tail, all) })
}

// dropTags forgets the tags of what is gone.
func (h *Handler) dropTags(ctx context.Context, tail string) error {
	return h.cfg.Store.Update(ctx, state.Fence{}, func(tx *state.Tx) error {
		_, err := tx.RemoveRecord(tagRecords, tail)
		return err
	})
}

type tagInput struct {
	paging
	ResourceARN string   `json:"resourceArn"`
	Tags        []tag    `json:"tags"`
	TagKeys     []string `json:"tagKeys"`
}

func (h *Handler) tagged(ctx context.Context, in tagInput) (string, error) {
	tail, err := h.tail(in.ResourceARN)
	if err != nil {
		return "", err
	}
	if ref, err := state.ParseRef(tail); err == nil && ref.Kind == state.KindPipeline {
		tail = ref.String() // also with the UUID of old names
	}
	return tail, h.exists(ctx, tail)
}

func (h *Handler) tagResource(ctx context.Context, c caller, in tagInput) (any, error) {
	tail, err := h.tagged(ctx, in)
	if err != nil {
		return nil, err
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	return object{}, change(ctx, h, c, tagRecords, tail, "tag", tail, func(all map[string]string, _ bool) (*map[string]string, error) {
		if all == nil {
			all = map[string]string{}
		}
		for _, t := range in.Tags {
			all[t.Key] = t.Value
		}
		if len(all) > maxTags {
			return nil, exception(quotaExceeded, "%s would have %d tags; at most %d are allowed", tail, len(all), maxTags)
		}
		return &all, nil
	})
}

func (h *Handler) untagResource(ctx context.Context, c caller, in tagInput) (any, error) {
	tail, err := h.tagged(ctx, in)
	if err != nil {
		return nil, err
	}
	return object{}, change(ctx, h, c, tagRecords, tail, "untag", tail, func(all map[string]string, _ bool) (*map[string]string, error) {
		for _, key := range in.TagKeys {
			delete(all, key)
		}
		if len(all) == 0 {
			return nil, nil
		}
		return &all, nil
	})
}

// listTags answers the tags people gave, and those that Proton gave by itself.
func (h *Handler) listTags(ctx context.Context, _ caller, in tagInput) (any, error) {
	tail, err := h.tagged(ctx, in)
	if err != nil {
		return nil, err
	}
	all, _, err := read[map[string]string](ctx, h, tagRecords, tail)
	if err != nil {
		return nil, err
	}
	managed, err := h.managedTags(ctx, tail)
	if err != nil {
		return nil, err
	}
	maps.Copy(managed, all)
	return answerAll(in.paging, listOf("ListTagsForResource", tail), "tags", slices.Sorted(maps.Keys(managed)), func(key string) string { return key },
		func(key string) (object, error) { return object{"key": key, "value": managed[key]}, nil })
}

// managedTags are the tags that AWS manages on what is deployed.
func (h *Handler) managedTags(ctx context.Context, tail string) (map[string]string, error) {
	tags := map[string]string{}
	ref, err := state.ParseRef(tail)
	if err != nil || !ref.Deployable() {
		return tags, nil
	}
	t, err := h.cfg.Store.Target(ctx, ref)
	if err != nil {
		return nil, err
	}
	tags["aws:proton:account"] = h.account()
	if t.Desired.Account != "" {
		tags["aws:proton:account"] = t.Desired.Account
	}
	templates, environment := "service-template/", t.Desired.Environment
	if ref.Kind == state.KindEnvironment {
		templates, environment = "environment-template/", ref.Name
	}
	for key, part := range map[string]string{
		"template": prefixed(templates, t.Desired.Template), "environment": prefixed("environment/", environment),
		"service": prefixed("service/", ref.Service),
	} {
		if part != "" {
			tags["aws:proton:"+key] = h.arn(part)
		}
	}
	switch ref.Kind {
	case state.KindInstance, state.KindComponent:
		tags["aws:proton:"+string(ref.Kind)] = h.arn(tail)
	default:
	}
	return tags, nil
}

func prefixed(prefix, name string) string {
	if name == "" {
		return ""
	}
	return prefix + name
}
