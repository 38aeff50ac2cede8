package cfn

import "strings"

// fixed says of common resource types which properties cannot be changed: a
// change makes a new resource in the place of the old one. "*" stands for all,
// a property after ? for one that replaces under conditions. A type that is not
// here may replace without this package knowing.
var fixed = map[string]string{
	"AWS::ApiGatewayV2::Api":                      "ProtocolType",
	"AWS::ApplicationAutoScaling::ScalableTarget": "ResourceId ScalableDimension ServiceNamespace",
	"AWS::ApplicationAutoScaling::ScalingPolicy":  "PolicyName ServiceNamespace ResourceId ScalableDimension ScalingTargetId",
	"AWS::AppRunner::Service":                     "ServiceName EncryptionConfiguration Tags",
	"AWS::AppRunner::VpcConnector":                "*",
	"AWS::AutoScaling::AutoScalingGroup":          "AutoScalingGroupName InstanceId ? LaunchConfigurationName LaunchTemplate MixedInstancesPolicy VPCZoneIdentifier",
	"AWS::AutoScaling::LaunchConfiguration":       "*",
	"AWS::AutoScaling::LifecycleHook":             "AutoScalingGroupName LifecycleHookName",
	"AWS::CloudWatch::Alarm":                      "AlarmName",
	"AWS::CodeBuild::Project":                     "Name",
	"AWS::CodePipeline::Pipeline":                 "Name",
	"AWS::DynamoDB::Table":                        "TableName ImportSourceSpecification ? KeySchema LocalSecondaryIndexes",
	"AWS::EC2::EIP":                               "NetworkBorderGroup Address Domain",
	"AWS::EC2::FlowLog":                           "*",
	"AWS::EC2::NatGateway":                        "SubnetId AllocationId ConnectivityType PrivateIpAddress VpcId",
	"AWS::EC2::Route":                             "RouteTableId DestinationCidrBlock DestinationIpv6CidrBlock DestinationPrefixListId",
	"AWS::EC2::RouteTable":                        "VpcId",
	"AWS::EC2::SecurityGroup":                     "GroupName GroupDescription VpcId",
	"AWS::EC2::SecurityGroupEgress":               "* Description",
	"AWS::EC2::SecurityGroupIngress":              "* Description",
	"AWS::EC2::Subnet":                            "VpcId AvailabilityZone AvailabilityZoneId CidrBlock OutpostArn Ipv6Native ? Ipv6CidrBlock",
	"AWS::EC2::SubnetRouteTableAssociation":       "SubnetId RouteTableId",
	"AWS::EC2::VPC":                               "CidrBlock Ipv4IpamPoolId Ipv4NetmaskLength ? InstanceTenancy",
	"AWS::EC2::VPCEndpoint":                       "ServiceName VpcEndpointType VpcId",
	"AWS::EC2::VPCGatewayAttachment":              "VpcId",
	"AWS::ECR::Repository":                        "RepositoryName EncryptionConfiguration",
	"AWS::ECS::Cluster":                           "ClusterName",
	"AWS::ECS::Service":                           "Cluster LaunchType Role SchedulingStrategy ServiceName ? LoadBalancers",
	"AWS::ECS::TaskDefinition":                    "* Tags",
	"AWS::ElasticLoadBalancingV2::Listener":       "LoadBalancerArn",
	"AWS::ElasticLoadBalancingV2::ListenerRule":   "ListenerArn",
	"AWS::ElasticLoadBalancingV2::LoadBalancer":   "Name Scheme Type",
	"AWS::ElasticLoadBalancingV2::TargetGroup":    "Name Port Protocol ProtocolVersion TargetType VpcId IpAddressType",
	"AWS::Events::Rule":                           "Name ? EventBusName",
	"AWS::IAM::InstanceProfile":                   "InstanceProfileName Path",
	"AWS::IAM::ManagedPolicy":                     "ManagedPolicyName Description Path",
	"AWS::IAM::Role":                              "RoleName Path",
	"AWS::KMS::Alias":                             "AliasName",
	"AWS::Kinesis::Stream":                        "Name",
	"AWS::KinesisFirehose::DeliveryStream":        "DeliveryStreamName DeliveryStreamType KinesisStreamSourceConfiguration",
	"AWS::Lambda::Function":                       "FunctionName PackageType",
	"AWS::Lambda::Permission":                     "*",
	"AWS::Logs::LogGroup":                         "LogGroupName",
	"AWS::RDS::DBCluster":                         "AvailabilityZones DBClusterIdentifier DBSubnetGroupName DatabaseName KmsKeyId SnapshotIdentifier SourceRegion StorageEncrypted",
	"AWS::RDS::DBInstance":                        "CharacterSetName DBInstanceIdentifier DBName DBSubnetGroupName KmsKeyId MasterUsername StorageEncrypted ? Port",
	"AWS::Route53::RecordSet":                     "Name HostedZoneId HostedZoneName",
	"AWS::S3::Bucket":                             "BucketName",
	"AWS::S3::BucketPolicy":                       "Bucket",
	"AWS::SecretsManager::Secret":                 "Name",
	"AWS::ServiceDiscovery::PrivateDnsNamespace":  "Name Vpc",
	"AWS::ServiceDiscovery::Service":              "Name NamespaceId Type HealthCheckCustomConfig",
	"AWS::SNS::Subscription":                      "Endpoint Protocol TopicArn ? Region",
	"AWS::SNS::Topic":                             "TopicName FifoTopic",
	"AWS::SQS::Queue":                             "QueueName FifoQueue",
	"AWS::SSM::Parameter":                         "Name",
}

// replaces tells what a change at a path of a resource does to it; "" means that
// it is changed in place, as far as this package knows.
func replaces(kind, path string) Action {
	rest, ok := strings.CutPrefix(path, "Properties.")
	if !ok {
		return ""
	}
	property, _, _ := strings.Cut(rest, ".")
	property, _, _ = strings.Cut(property, "[")
	always, sometimes, _ := strings.Cut(fixed[kind], "?")
	listed := func(list string) bool {
		for word := range strings.FieldsSeq(list) {
			if word == property {
				return true
			}
		}
		return false
	}
	if strings.HasPrefix(always, "*") {
		if listed(always) {
			return ""
		}
		return Replace
	}
	switch {
	case listed(always):
		return Replace
	case listed(sometimes):
		return MayReplace
	}
	return ""
}
