package awssim

import (
	"reflect"
	"slices"
	"strconv"
)

// An edit is a place below the properties of a resource whose value changes:
// the deepest such place.
type edit struct {
	At            place
	Before, After any // nil is none
}

// changed are the top-level properties that differ, sorted.
func changed(before, after map[string]any) []string {
	var out []string
	for k := range before {
		if !reflect.DeepEqual(before[k], after[k]) {
			out = append(out, k)
		}
	}
	for k := range after {
		if _, ok := before[k]; !ok {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}

// edits are the places where two values differ. Lists are compared item by
// item.
func edits(at place, before, after any) []edit {
	if reflect.DeepEqual(before, after) {
		return nil
	}
	below := func(k string) place { return append(slices.Clone(at), k) }
	switch b := before.(type) {
	case map[string]any:
		a, ok := after.(map[string]any)
		if !ok {
			break
		}
		var out []edit
		for _, k := range changed(b, a) {
			out = append(out, edits(below(k), b[k], a[k])...)
		}
		return out
	case []any:
		a, ok := after.([]any)
		if !ok {
			break
		}
		var out []edit
		for i := range max(len(b), len(a)) {
			out = append(out, edits(below(strconv.Itoa(i)), item(b, i), item(a, i))...)
		}
		return out
	}
	return []edit{{at, before, after}}
}

func item(list []any, i int) any {
	if i < len(list) {
		return list[i]
	}
	return nil
}

// replaced says whether a change of properties needs a new resource. What only
// sometimes does so is judged by the value, as the Template Reference says.
func (t *resourceType) replaced(before, after map[string]any) bool {
	return slices.ContainsFunc(edits(nil, before, after), func(e edit) bool {
		switch t.recreation(e.At) {
		case "Always":
			return true
		case "Conditionally":
			return replacesThen(t.Name, e)
		}
		return false
	})
}

// mayBeReplaced says whether a change is of what sometimes needs a new resource.
func (t *resourceType) mayBeReplaced(before, after map[string]any) bool {
	return slices.ContainsFunc(edits(nil, before, after), func(e edit) bool { return t.recreation(e.At) == "Conditionally" })
}

// doReplace are the properties that need a new resource, of those that the
// schemas say sometimes do; the others are changed in place.
var doReplace = map[string][]string{
	"AWS::DynamoDB::Table":       {"KeySchema"},
	"AWS::DynamoDB::GlobalTable": {"KeySchema", "LocalSecondaryIndexes"},
	"AWS::ECS::Service":          {"LaunchType"},
	"AWS::Events::Rule":          {"EventBusName"},
	"AWS::RDS::DBCluster":        {"Engine", "MasterUsername"},
	"AWS::RDS::DBInstance": {
		"AvailabilityZone", "DBClusterSnapshotIdentifier", "DBSnapshotIdentifier", "Engine", "PerformanceInsightsKMSKeyId", "SourceDBClusterIdentifier",
		"SourceDBInstanceIdentifier", "SourceDbiResourceId", "RestoreTime", "UseLatestRestorableTime", "SourceDBInstanceAutomatedBackupsArn",
	},
	"AWS::AppSync::GraphQLApi":           {},
	"AWS::SSM::Document":                 {"Content", "Attachments", "DocumentFormat", "TargetType", "Requires", "VersionName"},
	"AWS::SageMaker::Domain":             {"VpcId"},
	"AWS::Route53Resolver::ResolverRule": {"DomainName"},
}

func replacesThen(typ string, e edit) bool {
	if typ == "AWS::EC2::VPC" {
		return e.After == "dedicated" // to the default tenancy it goes in place
	}
	return slices.Contains(doReplace[typ], e.At[0])
}
