package awssim

import (
	"fmt"
	"slices"
	"strings"
)

// arns are the forms of the resource names that stacks pass around.
//
//nolint:gosec // G101: names, no credentials
var arns = map[string]string{
	"AWS::S3::Bucket":                             "arn:aws:s3:::ID",
	"AWS::IAM::Role":                              "arn:aws:iam::ACCOUNT:role/ID",
	"AWS::IAM::ManagedPolicy":                     "arn:aws:iam::ACCOUNT:policy/ID",
	"AWS::IAM::InstanceProfile":                   "arn:aws:iam::ACCOUNT:instance-profile/ID",
	"AWS::IAM::User":                              "arn:aws:iam::ACCOUNT:user/ID",
	"AWS::IAM::Group":                             "arn:aws:iam::ACCOUNT:group/ID",
	"AWS::SNS::Topic":                             "arn:aws:sns:REGION:ACCOUNT:ID",
	"AWS::SNS::Subscription":                      "arn:aws:sns:REGION:ACCOUNT:ID",
	"AWS::SQS::Queue":                             "arn:aws:sqs:REGION:ACCOUNT:ID",
	"AWS::Lambda::Function":                       "arn:aws:lambda:REGION:ACCOUNT:function:ID",
	"AWS::DynamoDB::Table":                        "arn:aws:dynamodb:REGION:ACCOUNT:table/ID",
	"AWS::Kinesis::Stream":                        "arn:aws:kinesis:REGION:ACCOUNT:stream/ID",
	"AWS::KMS::Key":                               "arn:aws:kms:REGION:ACCOUNT:key/ID",
	"AWS::ECR::Repository":                        "arn:aws:ecr:REGION:ACCOUNT:repository/ID",
	"AWS::ECS::Cluster":                           "arn:aws:ecs:REGION:ACCOUNT:cluster/ID",
	"AWS::ECS::Service":                           "arn:aws:ecs:REGION:ACCOUNT:service/ID",
	"AWS::ECS::TaskDefinition":                    "arn:aws:ecs:REGION:ACCOUNT:task-definition/ID:1",
	"AWS::ElasticLoadBalancingV2::LoadBalancer":   "arn:aws:elasticloadbalancing:REGION:ACCOUNT:loadbalancer/app/ID/50dc6c495c0c9188",
	"AWS::ElasticLoadBalancingV2::TargetGroup":    "arn:aws:elasticloadbalancing:REGION:ACCOUNT:targetgroup/ID/73e2d6bc24d8a067",
	"AWS::ElasticLoadBalancingV2::Listener":       "arn:aws:elasticloadbalancing:REGION:ACCOUNT:listener/app/ID",
	"AWS::ElasticLoadBalancingV2::ListenerRule":   "arn:aws:elasticloadbalancing:REGION:ACCOUNT:listener-rule/app/ID",
	"AWS::Logs::LogGroup":                         "arn:aws:logs:REGION:ACCOUNT:log-group:ID:*",
	"AWS::Events::Rule":                           "arn:aws:events:REGION:ACCOUNT:rule/ID",
	"AWS::CloudWatch::Alarm":                      "arn:aws:cloudwatch:REGION:ACCOUNT:alarm:ID",
	"AWS::CodeBuild::Project":                     "arn:aws:codebuild:REGION:ACCOUNT:project/ID",
	"AWS::SecretsManager::Secret":                 "arn:aws:secretsmanager:REGION:ACCOUNT:secret:ID",
	"AWS::ApplicationAutoScaling::ScalingPolicy":  "arn:aws:autoscaling:REGION:ACCOUNT:scalingPolicy:ID",
	"AWS::AppRunner::Service":                     "arn:aws:apprunner:REGION:ACCOUNT:service/ID",
	"AWS::StepFunctions::StateMachine":            "arn:aws:states:REGION:ACCOUNT:stateMachine:ID",
	"AWS::ServiceDiscovery::Service":              "arn:aws:servicediscovery:REGION:ACCOUNT:service/ID",
	"AWS::ServiceDiscovery::PrivateDnsNamespace":  "arn:aws:servicediscovery:REGION:ACCOUNT:namespace/ID",
	"AWS::AutoScaling::AutoScalingGroup":          "arn:aws:autoscaling:REGION:ACCOUNT:autoScalingGroup:ID",
	"AWS::KinesisFirehose::DeliveryStream":        "arn:aws:firehose:REGION:ACCOUNT:deliverystream/ID",
	"AWS::CertificateManager::Certificate":        "arn:aws:acm:REGION:ACCOUNT:certificate/ID",
	"AWS::CloudFront::Distribution":               "arn:aws:cloudfront::ACCOUNT:distribution/ID",
	"AWS::RDS::DBInstance":                        "arn:aws:rds:REGION:ACCOUNT:db:ID",
	"AWS::CodePipeline::Pipeline":                 "arn:aws:codepipeline:REGION:ACCOUNT:ID",
	"AWS::ECS::CapacityProvider":                  "arn:aws:ecs:REGION:ACCOUNT:capacity-provider/ID",
	"AWS::CodeStarConnections::Connection":        "arn:aws:codestar-connections:REGION:ACCOUNT:connection/ID",
	"AWS::CodeConnections::Connection":            "arn:aws:codeconnections:REGION:ACCOUNT:connection/ID",
	"AWS::ElasticLoadBalancingV2::TrustStore":     "arn:aws:elasticloadbalancing:REGION:ACCOUNT:truststore/ID",
	"AWS::ServiceDiscovery::HttpNamespace":        "arn:aws:servicediscovery:REGION:ACCOUNT:namespace/ID",
	"AWS::ApplicationAutoScaling::ScalableTarget": "arn:aws:application-autoscaling:REGION:ACCOUNT:scalable-target/ID",
}

// arn is the resource name of one named id.
func (t *resourceType) arn(r *region, id string) string {
	form, ok := arns[t.Name]
	if !ok {
		kind := strings.ToLower(strings.Split(t.Name, "::")[2])
		form = "arn:aws:" + strings.ToLower(t.service()) + ":REGION:ACCOUNT:" + kind + "/ID"
	}
	return strings.Replace(strings.NewReplacer("REGION", r.Name, "ACCOUNT", r.Account, "ID", id).Replace(form), "arn:aws:", "arn:"+r.partition()+":", 1)
}

// prefixes begin the IDs that EC2 makes.
var prefixes = map[string]string{
	"VPC": "vpc-", "Subnet": "subnet-", "InternetGateway": "igw-", "NatGateway": "nat-", "RouteTable": "rtb-", "SecurityGroup": "sg-",
	"SecurityGroupIngress": "sgr-", "SecurityGroupEgress": "sgr-", "SubnetRouteTableAssociation": "rtbassoc-", "VPCEndpoint": "vpce-",
	"Instance": "i-", "Volume": "vol-", "LaunchTemplate": "lt-", "FlowLog": "fl-", "NetworkAcl": "acl-",
}

// physical makes the identifier and the Ref of a new resource, and what GetAtt
// gives of it.
func (t *resourceType) physical(c *world, r *region, stackName, logical string, p map[string]any) (id, ref string, attributes map[string]string) {
	attributes = map[string]string{}
	name := t.newName(c, stackName, logical, p)
	arn := t.arn(r, name)
	switch t.Name {
	case "AWS::SecretsManager::Secret":
		arn = r.newSecret(c, name).ARN
	case "AWS::ECS::Service": // the name is in its cluster
		cluster, _ := p["Cluster"].(string)
		if cluster == "" {
			cluster = "default"
		}
		arn = strings.Replace(arn, "service/", "service/"+cluster[strings.LastIndexByte(cluster, '/')+1:]+"/", 1)
	}
	for _, a := range t.Attributes {
		if strings.Contains(a, "*") {
			continue
		}
		attributes[a] = t.attribute(c, r, a, name, arn, p)
	}
	parts := []string{}
	for _, key := range t.ID {
		switch {
		case attributes[key] != "":
			parts = append(parts, attributes[key])
		case p[key] != nil:
			parts = append(parts, fmt.Sprint(p[key]))
		default:
			parts = append(parts, name)
		}
	}
	if len(parts) == 0 {
		parts = []string{name}
	}
	id, ref = strings.Join(parts, "|"), t.reference(parts)
	switch t.Name {
	case "AWS::SQS::Queue":
		ref = "https://sqs." + r.Name + ".amazonaws.com/" + r.Account + "/" + name
		id, attributes["QueueUrl"] = ref, ref
	case "AWS::IAM::Policy", "AWS::Events::Rule":
		ref = name
	case "AWS::ApiGatewayV2::Stage":
		ref = fmt.Sprint(p["StageName"])
	}
	for _, key := range t.ID {
		if attributes[key] == "" && p[key] == nil {
			attributes[key] = name
		}
	}
	return id, ref, attributes
}

// reference is what Ref gives of a thing with these parts in its identifier: the
// part that AWS makes up, or the last. Some types give all of them.
func (t *resourceType) reference(parts []string) string {
	switch t.Name {
	case "AWS::EC2::Route", "AWS::EC2::VPCGatewayAttachment", "AWS::ApplicationAutoScaling::ScalableTarget":
		return strings.Join(parts, "|")
	case "AWS::ApplicationAutoScaling::ScalingPolicy", "AWS::EC2::EIP", "AWS::ECS::Service":
		return parts[0]
	}
	made := -1
	for i, k := range t.ID[:min(len(t.ID), len(parts))] {
		if slices.Contains(t.Attributes, k) {
			made = i
		}
	}
	if made < 0 {
		made = len(parts) - 1
	}
	return parts[made]
}

// newName is the given name or a made up one.
func (t *resourceType) newName(c *world, stackName, logical string, p map[string]any) string {
	custom := t.customName()
	if given, ok := p[custom].(string); ok && given != "" {
		return given
	}
	short := strings.Split(t.Name, "::")[2]
	switch t.service() {
	case "EC2":
		prefix := prefixes[short]
		if prefix == "" {
			prefix = "ec2-"
		}
		return prefix + strings.ReplaceAll(c.uuid(), "-", "")[:17]
	case "KMS", "CertificateManager", "SecretsManager":
		if short != "Secret" {
			return c.uuid()
		}
	case "ApiGatewayV2", "ApiGateway", "CloudFront":
		return strings.ToLower(c.random(10))
	case "ServiceDiscovery":
		return map[string]string{"Service": "srv-"}[short] + map[string]string{"PrivateDnsNamespace": "ns-", "HttpNamespace": "ns-"}[short] + strings.ToLower(c.random(17))
	}
	name := stackName + "-" + logical + "-" + c.random(13)
	if limit := 64; len(name) > limit && t.Name != "AWS::Logs::LogGroup" {
		name = name[:limit-14] + name[len(name)-14:]
	}
	if t.service() == "S3" || t.service() == "ECR" || t.Name == "AWS::KMS::Alias" {
		name = strings.ToLower(name)
	}
	return name
}

// attribute makes a value that has the form of the real one.
func (t *resourceType) attribute(c *world, r *region, a, name, arn string, p map[string]any) string {
	if given, ok := p[a].(string); ok {
		return given
	}
	suffix := r.Name + ".amazonaws.com"
	switch {
	case a == "CidrBlock" && t.Name == "AWS::EC2::Route":
		return fmt.Sprint(p["DestinationCidrBlock"])
	case a == "Id" && t.Name == "AWS::SecretsManager::Secret":
		return arn
	case a == "Arn" || strings.HasSuffix(a, "Arn") || strings.HasSuffix(a, "ARN"):
		return arn
	case a == "ApiEndpoint":
		return "https://" + name + ".execute-api." + suffix
	case a == "ServiceUrl":
		return strings.ToLower(c.random(10)) + "." + r.Name + ".awsapprunner.com"
	case a == "RepositoryUri":
		return r.Account + ".dkr.ecr." + suffix + "/" + name
	case a == "DNSName":
		return strings.ToLower(name) + "-1234567890." + r.Name + ".elb.amazonaws.com"
	case a == "LoadBalancerFullName":
		return "app/" + name + "/50dc6c495c0c9188"
	case a == "TargetGroupFullName":
		return "targetgroup/" + name + "/73e2d6bc24d8a067"
	case a == "AvailabilityZone":
		return r.zones()[0]
	case a == "DefaultSecurityGroup":
		return "sg-" + strings.ReplaceAll(c.uuid(), "-", "")[:17]
	case a == "DefaultNetworkAcl":
		return "acl-" + strings.ReplaceAll(c.uuid(), "-", "")[:17]
	case a == "CidrBlockAssociations":
		return "vpc-cidr-assoc-" + strings.ReplaceAll(c.uuid(), "-", "")[:17]
	case a == "Ipv6CidrBlocks":
		return "2001:db8:1234:1a00::/56"
	case strings.HasSuffix(a, "Endpoint.Port") || strings.HasSuffix(a, "EndPoint.Port"):
		return "5432"
	case strings.HasSuffix(a, "Endpoint.Address") || strings.HasSuffix(a, "EndPoint.Address"):
		return strings.ToLower(name) + ".c9akciq32rgd." + r.Name + "." + strings.ToLower(t.service()) + ".amazonaws.com"
	case a == "DomainName" && t.service() == "CloudFront":
		return "d" + name + ".cloudfront.net"
	case a == "CanonicalHostedZoneID" || a == "RegionalHostedZoneId":
		return "Z35SXDOTRQ7X7K"
	case a == "DualStackDomainName":
		return name + ".s3.dualstack." + suffix
	case a == "DomainName":
		return name + ".s3.amazonaws.com"
	case a == "RegionalDomainName":
		return name + ".s3." + suffix
	case a == "WebsiteURL":
		return "http://" + name + ".s3-website-" + suffix
	case a == "PublicIp":
		return fmt.Sprintf("198.51.100.%d", c.Serial%250+1)
	case a == "AllocationId":
		return "eipalloc-" + strings.ToLower(c.random(17))
	case a == "ProvisionedThroughput" || a == "Version":
		return "1"
	case a == "RoleId":
		return "AROA" + c.random(17)
	}
	return name
}
