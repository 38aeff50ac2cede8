package awssim

import (
	"bufio"
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// schemasText is what AWS publishes of its resource types: a line for each, its
// name and its schema. gen.go makes it.
//
//go:embed schemas.txt.gz
var schemasText []byte

// A resourceType is what the simulator knows of a type.
type resourceType struct {
	Name       string
	ID         []string           // properties or attributes that identify one
	Attributes []string           // what GetAtt gives
	Tags       string             // the property that takes the stack's tags
	schema     *schema            // nil for custom resources: they may hold anything
	made       map[string]*schema // attributes, by name
	readOnly   []place
	writeOnly  []place // never read back
	replaces   []place // a change of these needs a new resource
	mayReplace []place // a change of these sometimes does
}

// A place is where a value stands below the properties of a resource. A star
// stands for any key or index.
type place []string

func placesOf(pointers []string) []place {
	var out []place
	for _, p := range pointers {
		out = append(out, strings.Split(strings.TrimPrefix(p, "/properties/"), "/"))
	}
	return out
}

// within says whether one of two places holds the other: a value and a part of it.
func (p place) within(o place) bool {
	for i := range min(len(p), len(o)) {
		if p[i] != o[i] && p[i] != "*" && o[i] != "*" {
			return false
		}
	}
	return true
}

func reaches(places []place, p place) bool { return slices.ContainsFunc(places, p.within) }

// published are the types that AWS has, by name; each is read when it is first
// asked for.
var published = sync.OnceValue(func() map[string]func() *resourceType {
	all := map[string]func() *resourceType{}
	in, err := gzip.NewReader(bytes.NewReader(schemasText))
	if err != nil {
		panic(err) // a program that was built wrongly
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		name, text, _ := strings.Cut(lines.Text(), " ")
		all[name] = sync.OnceValue(func() *resourceType { return readType(name, []byte(text)) })
	}
	return all
})

// typeOf is what is known of a type, nil for a type that is none; custom
// resources may hold anything.
func typeOf(name string) *resourceType {
	if custom.MatchString(name) || name == customType {
		return &resourceType{Name: customType, ID: []string{"Id"}, replaces: []place{{"ServiceToken"}}}
	}
	if read := published()[name]; read != nil {
		return read()
	}
	return nil
}

// custom are the names of types that templates make up.
var custom = regexp.MustCompile(`^Custom::[A-Za-z0-9_@-]{1,60}$`)

const customType = "AWS::CloudFormation::CustomResource"

// readType reads a schema.
func readType(name string, text []byte) *resourceType {
	values := &schema{}
	var facts struct {
		PrimaryIdentifier, ReadOnlyProperties, WriteOnlyProperties []string
		CreateOnlyProperties, ConditionalCreateOnlyProperties      []string
		Tagging                                                    struct{ TagProperty *string }
	}
	if err := errors.Join(json.Unmarshal(text, values), json.Unmarshal(text, &facts)); err != nil {
		panic(err) // a program that was built wrongly
	}
	if name == "AWS::CloudWatch::Alarm" {
		values.RequiredXor, values.RequiredOr = nil, []string{"EvaluationCriteria", "MetricName", "Metrics"} // the first is newer than the rule
	}
	values.own(values.Definitions)
	t := &resourceType{
		made: map[string]*schema{}, Name: name, schema: values, readOnly: placesOf(facts.ReadOnlyProperties), writeOnly: placesOf(facts.WriteOnlyProperties),
		replaces: placesOf(facts.CreateOnlyProperties), mayReplace: placesOf(facts.ConditionalCreateOnlyProperties),
	}
	for _, p := range placesOf(facts.PrimaryIdentifier) {
		t.ID = append(t.ID, strings.Join(p, "."))
	}
	for _, p := range t.readOnly {
		t.Attributes = append(t.Attributes, strings.Join(p, "."))
		if len(p) == 1 {
			t.made[p[0]] = values.Properties[p[0]]
			delete(values.Properties, p[0])
		}
	}
	t.Attributes = append(t.Attributes, alsoAttributes[name]...)
	switch at := facts.Tagging.TagProperty; {
	case at != nil:
		t.Tags = strings.TrimPrefix(*at, "/properties/")
	case values.Properties["Tags"] != nil:
		t.Tags = "Tags"
	}
	return t
}

// alsoAttributes are properties that GetAtt gives as well, by the Template
// Reference; a star is all of them.
var alsoAttributes = map[string][]string{
	"AWS::AppSync::DataSource":                  {"Name"},
	"AWS::AppSync::DomainName":                  {"*"},
	"AWS::AppSync::FunctionConfiguration":       {"*"},
	"AWS::AppSync::Resolver":                    {"*"},
	"AWS::AutoScaling::AutoScalingGroup":        {"*"},
	"AWS::Backup::BackupSelection":              {"*"},
	"AWS::Backup::BackupVault":                  {"*"},
	"AWS::CodeArtifact::Domain":                 {"*"},
	"AWS::CodeArtifact::Repository":             {"*"},
	"AWS::DocDB::DBCluster":                     {"Port"},
	"AWS::EC2::Instance":                        {"*", "AvailabilityZone"},
	"AWS::EC2::SecurityGroup":                   {"*", "VpcId"},
	"AWS::EC2::Subnet":                          {"*", "AvailabilityZone", "CidrBlock", "VpcId"},
	"AWS::EC2::VPC":                             {"*", "CidrBlock"},
	"AWS::EFS::MountTarget":                     {"*"},
	"AWS::EKS::Nodegroup":                       {"*"},
	"AWS::ElastiCache::ReplicationGroup":        {"*"},
	"AWS::ElasticLoadBalancingV2::LoadBalancer": {"*", "SecurityGroups"},
	"AWS::Events::EventBus":                     {"*"},
	"AWS::Kinesis::StreamConsumer":              {"ConsumerName", "StreamARN"},
	"AWS::Neptune::DBCluster":                   {"*"},
	"AWS::RDS::DBInstance":                      {"*"},
	"AWS::RDS::DBParameterGroup":                {"*"},
	"AWS::RedshiftServerless::Workgroup":        {"*"},
	"AWS::Route53Resolver::ResolverEndpoint":    {"Direction", "Name"},
	"AWS::Route53Resolver::ResolverRule":        {"*"},
	"AWS::S3::AccessPoint":                      {"*"},
	"AWS::SNS::Topic":                           {"*", "TopicName"},
	"AWS::SQS::Queue":                           {"*", "QueueName"},
	"AWS::SSM::Parameter":                       {"*"},
	"AWS::SageMaker::Endpoint":                  {"EndpointName"},
	"AWS::SageMaker::EndpointConfig":            {"EndpointConfigName"},
	"AWS::SageMaker::Model":                     {"ModelName"},
	"AWS::ServiceDiscovery::Service":            {"Name"},
	"AWS::StepFunctions::Activity":              {"*"},
	"AWS::Transfer::User":                       {"ServerId", "UserName"},
}

// gives says whether GetAtt gives an attribute of the type.
func (t *resourceType) gives(attr string) bool {
	top, _, _ := strings.Cut(attr, ".")
	return slices.Contains(t.Attributes, attr) || slices.Contains(t.Attributes, "*") && t.schema.Properties[top] != nil
}

// customName is the property with which a template names the resource itself;
// empty for types whose names the service makes up.
func (t *resourceType) customName() string {
	if t.service() == "ServiceDiscovery" || t.schema == nil {
		return "" // its names are kept beside IDs
	}
	if t.Name == "AWS::ECS::Service" {
		return "ServiceName"
	}
	if id := t.ID[len(t.ID)-1]; t.schema.Properties[id] != nil && strings.HasSuffix(id, "Name") {
		return id
	}
	for _, p := range []string{"Name", "TopicName", "QueueName", "RepositoryName", "RoleName", "ManagedPolicyName", "AlarmName"} {
		if s := t.schema.Properties[p]; s != nil && slices.Contains(s.kinds(), "string") && reaches(t.replaces, place{p}) {
			return p
		}
	}
	return ""
}

// service is the middle of the type's name.
func (t *resourceType) service() string { return strings.Split(t.Name, "::")[1] }

// recreation is what the change of a value asks for.
func (t *resourceType) recreation(at place) string {
	switch {
	case reaches(t.replaces, at):
		return "Always"
	case reaches(t.mayReplace, at):
		return "Conditionally"
	}
	return "Never"
}
