package awssim

import "slices"

// tags are those of a parameter or a secret, by key.
type tags map[string]string

// retag adds the tags of a request, or takes away those that it names.
func (t *tags) retag(in map[string]any, gone string) {
	for _, k := range listed(in, gone) {
		delete(*t, k)
	}
	list, _ := in["Tags"].([]any)
	for _, one := range list {
		m, _ := one.(map[string]any)
		if *t == nil {
			*t = tags{}
		}
		(*t)[of(m, "Key")] = of(m, "Value")
	}
}

func (t tags) list() []any {
	out := []any{}
	for _, k := range sorted(t) {
		out = append(out, map[string]any{"Key": k, "Value": t[k]})
	}
	return out
}

// tagParameter answers for the tags of parameters.
func (c *call) tagParameter(action string, in map[string]any) (map[string]any, error) {
	p := c.region.Parameters[of(in, "ResourceId")]
	if p == nil || of(in, "ResourceType") != "Parameter" {
		return nil, &apiError{400, "InvalidResourceId", "The resource ID isn't valid. Verify that you entered the correct ID and try again."}
	}
	if action == "ListTagsForResource" {
		return map[string]any{"TagList": p.Tags.list()}, nil
	}
	p.Tags.retag(in, "TagKeys")
	return map[string]any{}, nil
}

// apart are the parts of buckets and objects that have calls of their own and are
// not simulated: without that they would be taken for the object itself.
var apart = []string{
	"acl", "attributes", "legal-hold", "object-lock", "policyStatus", "renameObject", "replication", "restore", "retention", "select", "torrent",
	"accelerate", "analytics", "intelligent-tiering", "inventory", "metrics", "requestPayment", "session", "metadataTable",
}

// notSimulatedOf is the refusal of what has calls of its own and is not simulated.
func notSimulatedOf(has func(string) bool, object bool) error {
	parts := apart
	if object {
		parts = slices.Concat(parts, []string{"tagging"})
	}
	for _, part := range parts {
		if has(part) {
			return &apiError{501, "NotImplemented", "the simulated S3 has no ?" + part}
		}
	}
	return nil
}
