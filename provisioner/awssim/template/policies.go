package template

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// policyTypes are the types that heed a policy attribute. On every other type the
// service takes no notice of it.
var policyTypes = map[string][]string{
	"CreationPolicy": {"AWS::AppStream::Fleet", "AWS::AutoScaling::AutoScalingGroup", "AWS::CloudFormation::WaitCondition", "AWS::EC2::Instance"},
	"UpdatePolicy": {
		"AWS::AppStream::Fleet", "AWS::AutoScaling::AutoScalingGroup", "AWS::ElastiCache::ReplicationGroup", "AWS::Elasticsearch::Domain",
		"AWS::Lambda::Alias", "AWS::OpenSearchService::Domain",
	},
}

// policyMembers are what a policy attribute may hold, by the Template Reference;
// a kind that begins with "[" is a list.
var policyMembers = map[string]map[string]map[string]string{
	"CreationPolicy": {
		"ResourceSignal":            {"Count": "number", "Timeout": "text"},
		"AutoScalingCreationPolicy": {"MinSuccessfulInstancesPercent": "number"},
		"StartFleet":                {"Type": "text"},
	},
	"UpdatePolicy": {
		"AutoScalingRollingUpdate": {
			"MaxBatchSize": "number", "MinActiveInstancesPercent": "number", "MinInstancesInService": "number", "MinSuccessfulInstancesPercent": "number",
			"PauseTime": "text", "SuspendProcesses": "list", "WaitOnResourceSignals": "truth",
		},
		"AutoScalingReplacingUpdate":  {"WillReplace": "truth"},
		"AutoScalingScheduledAction":  {"IgnoreUnmodifiedGroupSizeProperties": "truth"},
		"CodeDeployLambdaAliasUpdate": {"ApplicationName": "text", "DeploymentGroupName": "text", "BeforeAllowTrafficHook": "text", "AfterAllowTrafficHook": "text"},
		"UseOnlineResharding":         nil,
		"EnableVersionUpgrade":        nil,
		"StopBeforeUpdate":            {"Type": "text"},
		"StartAfterUpdate":            {"Type": "text"},
	},
}

// checkPolicy holds a policy attribute to what the Template Reference says of it.
func checkPolicy(r *Resource, key string, v any) error {
	if v == nil || !slices.Contains(policyTypes[key], r.Type) {
		return nil
	}
	bad := func(format string, args ...any) error {
		return refuse("Template format error: [/Resources/%s/%s] "+format, append([]any{r.ID, key}, args...)...)
	}
	m, ok := v.(map[string]any)
	if !ok {
		return bad("Every %s member must be an object.", key)
	}
	if _, _, call := function(m); call {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		members, known := policyMembers[key][name]
		below, isMap := m[name].(map[string]any)
		switch {
		case !known:
			return bad("Unexpected key %s.", name)
		case members == nil:
			if !fits("truth", m[name]) {
				return bad("%s must be true or false.", name)
			}
			continue
		case !isMap:
			return bad("%s must be an object.", name)
		}
		if _, _, call := function(below); call {
			continue
		}
		for _, k := range slices.Sorted(maps.Keys(below)) {
			switch kind := members[k]; {
			case kind == "":
				return bad("Unexpected key %s in %s.", k, name)
			case !fits(kind, below[k]):
				return bad("%s of %s must be %s.", k, name, map[string]string{"number": "a number", "text": "a string", "list": "a list", "truth": "true or false"}[kind])
			}
		}
	}
	return nil
}

// fits says whether a value is of a kind, or may become that.
func fits(kind string, v any) bool {
	if m, isMap := v.(map[string]any); isMap {
		_, _, call := function(m)
		return call
	}
	switch kind {
	case "number":
		_, err := strconv.Atoi(str(v))
		return err == nil
	case "truth":
		return strings.EqualFold(str(v), "true") || strings.EqualFold(str(v), "false")
	case "list":
		_, ok := v.([]any)
		return ok
	}
	return isString(v)
}
