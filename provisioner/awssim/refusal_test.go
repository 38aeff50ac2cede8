package awssim_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"baryon/provisioner/awssim"
)

// A refusal is a template that the service does not take, and where it is written
// what the service says. UG is a page of the CloudFormation User Guide, TR one of
// its Template Reference, SSM one of the reference of the parameter store;
// "recorded" is an answer of the real service in the parity snapshots of
// localstack/localstack, tests/aws/services/cloudformation; "issue" a message of
// the service quoted there; "eucalyptus" the words of its compatible
// implementation. Of an "own text" the source has the rule and not the words:
// those are the simulator's.
type refusal struct{ name, source, template, code, text string }

var refusedTemplates = []refusal{
	{"YAML that is none", "recorded api/test_templates", "Resources: {A: [", "", "Template format error: YAML not well-formed. (line 1, column"},
	{"JSON that is none", "recorded api/test_templates", `{"Resources": {"A": }}`, "", "Template format error: JSON not well-formed. (line 1, column"},
	{"not a map", "recorded test_template_engine", "- a\n- b", "", "Template format error: unsupported structure."},
	{"a format version that is none", "own text; UG format-version-structure", "AWSTemplateFormatVersion: 2011-01-01\n" + one, "", "unsupported value for AWSTemplateFormatVersion"},
	{"no resources", "recorded api/test_templates", "Description: x", "", "At least one Resources member must be defined."},
	{"no resource in resources", "recorded api/test_templates", "Resources: {}", "", "At least one Resources member must be defined."},
	{"a resource that is no map", "recorded api/test_stacks", "Resources: {A: x}", "", "Any Resources member must be an object."},
	{"a resource without a type", "recorded api/test_validations", "Resources: {A: {Properties: {}}}", "", "[/Resources/A] Every Resources object must contain a Type member."},
	{"an unknown key in a resource", "recorded api/test_validations", "Resources: {A: {Type: AWS::SNS::Topic, Invalid: 1}}", "", "Invalid template resource property 'Invalid'"},
	{"an unknown section", "eucalyptus TemplateParser", one + "Resource: {}\n", "", "Invalid template property or properties [Resource]"},
	{"a logical ID with a dash", "recorded api/test_resources", "Resources: {my-id: {Type: AWS::SNS::Topic}}", "", "Resource name my-id is non alphanumeric."},
	{"a parameter with a dash", "recorded api/test_changesets", "Parameters: {my-p: {Type: String}}\n" + one, "", "Parameter name my-p is non alphanumeric."},
	{"an output without a value", "recorded api/test_validations", one + "Outputs: {O: {Description: x}}", "", "Every Outputs member must contain a Value object"},
	{"null", "recorded api/test_validations", one + "Outputs: {MyOutput: {Value: }}", "", "[/Outputs/MyOutput/Value] 'null' values are not allowed in templates"},
	{"null in a property", "recorded api/test_validations", "Resources: {A: {Type: AWS::SNS::Topic, Properties: {TopicName: null}}}", "", "'null' values are not allowed in templates"},
	{"a mapping of maps", "recorded engine/test_mappings", "Mappings: {M: {a: {b: {c: d}}}}\n" + one, "", "Every Mappings attribute must be a String or a List."},
	{"a mapping that is no map", "recorded engine/test_mappings", "Mappings: {M: {A: x}}\n" + one, "", "Every Mappings member A must be a map"},
	{"a mapping key that is missing", "recorded engine/test_mappings", "Mappings: {M: {a: {b: c}}}\n" + prop("!FindInMap [M, a, z]"), "", "Template error: Unable to get mapping for M::a::z"},
	{"a mapping that is missing", "own text; TR intrinsic-function-reference-findinmap", prop("!FindInMap [M, a, z]"), "", "Mapping named 'M' is not present"},
	{"a Ref to nothing", "recorded engine/test_references", prop("!Ref X"), "", "Template format error: Unresolved resource dependencies [X] in the Resources block of the template"},
	{"DependsOn nothing", "recorded engine/test_references", "Resources: {A: {Type: AWS::SNS::Topic, DependsOn: X}}", "", "Unresolved resource dependencies [X] in the Resources block"},
	{"a Sub of nothing", "TR intrinsic-function-reference-sub", prop(`!Sub "${X}"`), "", "Unresolved resource dependencies [X] in the Resources block"},
	{"a Ref to nothing in outputs", "recorded engine/test_conditions", one + "Outputs: {O: {Value: !Ref X}}", "", "Unresolved resource dependencies [X] in the Outputs block of the template"},
	{"GetAtt of nothing", "issue aws-quickstart/quickstart-cloud9-ide#20", prop("!GetAtt X.Arn"), "", "Template error: instance of Fn::GetAtt references undefined resource X"},
	{"GetAtt without an attribute", "recorded test_change_set_fn_get_attr", prop("!GetAtt A"), "", "every Fn::GetAtt object requires two non-empty parameters"},
	{"GetAtt of an attribute that is none", "issue localstack/localstack#2372", "Resources: {B: {Type: AWS::SNS::Topic}, A: {Type: AWS::SNS::Topic, Properties: {DisplayName: !GetAtt B.Nope}}}", "", "resource B does not support attribute type Nope in Fn::GetAtt"},
	{"Join of text", "recorded test_change_set_fn_split", prop("!Join [',', text]"), "", "every Fn::Join object requires two parameters"},
	{"Split of a list", "recorded test_change_set_fn_split", prop("!Split [',', [a]]"), "", "every Fn::Split object requires two parameters"},
	{"Select without a number", "recorded test_change_set_fn_select", prop("!Select [x, [a]]"), "", "Fn::Select requires a list argument with two elements: an integer index and a list"},
	{"Select beyond the end", "eucalyptus TemplateParser", prop("!Select [3, [a]]"), "late", "Template error: Fn::Select cannot select nonexistent value at index 3"},
	{"Equals of three", "recorded engine/test_conditions", "Conditions: {C: !Equals [a, b, c]}\n" + one, "", "every Fn::Equals object requires a list of 2 string parameters."},
	{"If of an unknown condition", "recorded test_change_set_conditions", prop("!If [C, a, b]"), "", "Template error: unresolved condition dependency C in Fn::If"},
	{"a condition on a resource", "eucalyptus TemplateParser", "Conditions: {C: !Equals [!Ref A, b]}\n" + one, "", "Unresolved dependencies [A]. Cannot reference resources in the Conditions block of the template"},
	{"a resource under an unknown condition", "own text; recorded test_conditions", "Resources: {A: {Type: AWS::SNS::Topic, Condition: C}}", "", "Unresolved condition dependency C in the Resources block"},
	{"a Ref to what a condition takes away", "recorded engine/test_conditions", "Conditions: {C: !Equals [a, b]}\nResources: {A: {Type: AWS::SNS::Topic, Condition: C}, B: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref A}}}", "", "Unresolved resource dependencies [A] in the Resources block"},
	{"And of one", "own text; TR intrinsic-function-reference-conditions", "Conditions: {C: !And [!Equals [a, b]]}\n" + one, "", "every Fn::And object requires a list of at least 2 and at most 10"},
	{"Not of two", "own text; TR intrinsic-function-reference-conditions", "Conditions: {C: !Not [!Equals [a, b], !Equals [a, b]]}\n" + one, "", "every Fn::Not object requires one boolean parameter"},
	{"a circle", "UG aws-attribute-dependson", "Resources: {A: {Type: AWS::SNS::Topic, DependsOn: B}, B: {Type: AWS::SNS::Topic, DependsOn: A}, C: {Type: AWS::SNS::Topic, DependsOn: A}}", "", "Circular dependency between resources: [A, B]"},
	{"an unknown type", "own text; UG resource-type-schemas", "Resources: {A: {Type: X::Y::Z}}", "", "Template format error: Unrecognized resource types: [X::Y::Z]"},
	{"an unknown function", "own text; TR intrinsic-function-reference", prop("{'Fn::Upper': a}"), "", "Encountered unsupported function: Fn::Upper"},
	{"a function of an extension that is not declared", "own text; UG transform-aws-languageextensions", prop("{'Fn::ToJsonString': {a: b}}"), "", "Encountered unsupported function: Fn::ToJsonString"},
	{"an unknown tag", "recorded api/test_templates", prop("!Upper a"), "", "Template format error: YAML not well-formed."},
	{"a transform without a name", "recorded test_template_engine", "Transform: {Name: [x]}\n" + one, "", "Key Name of transform definition must be a string."},
	{"a transform that fails", "recorded test_change_sets", "Transform: Mine\n" + one, "late", "Transform Mine failed with:"},
	{"a serverless function without code", "aws/serverless-application-model samtranslator", "Transform: AWS::Serverless-2016-10-31\nResources: {F: {Type: AWS::Serverless::Function, Properties: {Handler: a.b, Runtime: python3.12, CodeUri: ./src}}}", "late", "'CodeUri' is not a valid S3 Uri"},
	{"a parameter type that is none", "eucalyptus TemplateParser", "Parameters: {P: {Type: Text}}\n" + one, "", "Template format error: Unrecognized parameter type: Text"},
	{"a list of key pairs", "own text; UG parameters-section-structure", "Parameters: {P: {Type: 'List<AWS::EC2::KeyPair::KeyName>'}}\n" + one, "", "Unrecognized parameter type"},
	{"a parameter without a type", "UG parameters-section-structure; eucalyptus TemplateParser", "Parameters: {P: {Default: a}}\n" + one, "", "Every Parameters object must contain a Type member."},
	{"a default against its pattern", "UG parameters-section-structure", "Parameters: {P: {Type: String, Default: a1, AllowedPattern: '[a-z]*'}}\n" + one, "", "Parameter 'P' must match pattern [a-z]*"},
	{"a deletion policy that is none", "own text; UG aws-attribute-deletionpolicy", "Resources: {A: {Type: AWS::SNS::Topic, DeletionPolicy: Keep}}", "", "Unrecognized DeletionPolicy Keep"},
	{"a name for two things", "own text; UG template-anatomy", "Parameters: {A: {Type: String, Default: x}}\n" + one, "", "Duplicate logical ID [A]"},
	{"import by a resource's name", "own text; TR intrinsic-function-reference-importvalue", "Resources: {A: {Type: AWS::SNS::Topic}, B: {Type: AWS::SNS::Topic, Properties: {DisplayName: {'Fn::ImportValue': !Ref A}}}}", "", "the attribute in Fn::ImportValue must not depend on any resources"},
	{"a long description", "own text; UG cloudformation-limits", "Description: " + strings.Repeat("x", 1025) + "\n" + one, "", "'Description' length is greater than 1024."},
	{"too many resources", "UG cloudformation-limits; issue serverless/serverless#2387", "Resources:\n" + many(501), "", "Number of resources, 501, is greater than maximum allowed, 500"},
	{"a body over the limit", "UG cloudformation-limits; recorded test_template_engine", one + strings.Repeat("#", 51200), "", "at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to 51200"},
	{"IAM without a capability", "UG using-iam-template", "Resources: {R: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {}}}}", "InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_IAM]"},
	{"named IAM without its capability", "UG using-iam-template; recorded", "Resources: {R: {Type: AWS::IAM::Role, Properties: {RoleName: r, AssumeRolePolicyDocument: {}}}}", "InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_NAMED_IAM]"},
	{"a transform without its capability", "recorded test_template_engine", "Transform: AWS::LanguageExtensions\n" + one, "InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_AUTO_EXPAND]"},
	{"an unknown property", "UG resource-type-schemas", "Resources: {A: {Type: AWS::SNS::Topic, Properties: {Displayname: a}}}", "late", "Properties validation failed for resource A with message: [#: extraneous key [Displayname] is not permitted]"},
	{"a property of the wrong kind", "recorded test_template_engine", "Resources: {A: {Type: AWS::SNS::Topic, Properties: {DisplayName: [a]}}}", "late", "[#/DisplayName: expected type: String, found: JSONArray]"},
	{"a number that is none", "UG resource-type-schemas", "Resources: {A: {Type: AWS::SQS::Queue, Properties: {DelaySeconds: soon}}}", "late", "#/DelaySeconds: expected type: Number, found: String"},
	{"a required property left out", "UG resource-type-schemas", "Resources: {A: {Type: AWS::SSM::Parameter, Properties: {Type: String}}}", "late", "#: required key [Value] not found"},
	{"a value against its pattern", "own text; SSM API_PutParameter", "Resources: {A: {Type: AWS::SSM::Parameter, Properties: {Type: String, AllowedPattern: '^[1-3]$', Value: 4}}}", "late", "A CREATE_FAILED Resource handler returned message: \"Parameter value, cannot be validated against allowedPattern: ^[1-3]$"},
	{"an import of nothing", "recorded test_change_set_exports_imports", prop("!ImportValue nothing"), "late", "No export named nothing found. Rollback requested by user."},
	{"a secret that is missing", "own text; UG dynamic-references", prop("'{{resolve:secretsmanager:nothing:SecretString:k}}'"), "late", "Secrets Manager can't find the specified secret."},
	{"a stored value that is missing", "UG dynamic-references", prop("'{{resolve:ssm:/nothing}}'"), "late", "Unable to fetch parameters [/nothing] from parameter store for this account."},
	{"a VPC that is missing", "eucalyptus/architecture Update-Stack run 31", "Parameters: {V: {Type: 'AWS::EC2::VPC::Id', Default: vpc-1}}\n" + one, "late", "Parameter validation failed: parameter value vpc-1 for parameter name V does not exist. Rollback requested by user."},
	{"Ref of a list", "own text; TR intrinsic-function-reference-ref", prop("!Ref [A]"), "", "every Ref object must have a single String value"},
	{"Ref with a neighbour", "TR intrinsic-function-reference", prop("{Ref: A, Other: b}"), "late", "#/DisplayName: expected type: String, found: JSONObject"},
	{"Join with a list of lists", "TR intrinsic-function-reference-join", prop("!Join ['', [[a]]]"), "late", "every Fn::Join object requires two parameters"},
	{"Join without a delimiter", "TR intrinsic-function-reference-join", prop("!Join [[a, b]]"), "", "every Fn::Join object requires two parameters"},
	{"Split of one", "TR intrinsic-function-reference-split", prop("!Split [',']"), "", "every Fn::Split object requires two parameters"},
	{"Select before the start", "TR intrinsic-function-reference-select", prop("!Select [-1, [a]]"), "late", "Fn::Select cannot select nonexistent value at index -1"},
	{"Sub of a list of one", "own text; TR intrinsic-function-reference-sub", prop("!Sub ['x']"), "", "Fn::Sub intrinsic functions don't specify expected arguments"},
	{"Sub with a list of values", "own text; TR intrinsic-function-reference-sub", prop("!Sub ['x', [a]]"), "", "Fn::Sub intrinsic functions don't specify expected arguments"},
	{"Sub of an attribute that is none", "TR intrinsic-function-reference-sub", "Resources: {B: {Type: AWS::SNS::Topic}, A: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Sub '${B.Nope}'}}}", "", "resource B does not support attribute type Nope in Fn::GetAtt"},
	{"an attribute of nothing in outputs", "TR intrinsic-function-reference-getatt", one + "Outputs: {O: {Value: !GetAtt X.Arn}}", "", "instance of Fn::GetAtt references undefined resource X"},
	{"If of two", "own text; TR intrinsic-function-reference-conditions", "Conditions: {C: !Equals [a, b]}\n" + prop("!If [C, a]"), "", "Fn::If requires a list argument with three elements"},
	{"If in a condition", "own text; TR intrinsic-function-reference-conditions", "Conditions: {B: !Equals [a, b], C: !If [B, a, b]}\n" + one, "", "Conditions can only be boolean operations on parameters and other conditions"},
	{"a condition that is text", "own text; UG conditions-section-structure", "Conditions: {C: yes}\n" + one, "", "Every Conditions member must be an object."},
	{"conditions in a circle", "own text; UG conditions-section-structure", "Conditions: {B: !Not [!Condition C], C: !Not [!Condition B]}\n" + one, "", "Circular dependency"},
	{"a condition on an unknown condition", "own text; TR intrinsic-function-reference-conditions", "Conditions: {C: !Not [!Condition X]}\n" + one, "", "Unresolved dependencies [X]"},
	{"Equals of a list", "recorded engine/test_conditions", "Conditions: {C: !Equals [[a], b]}\n" + one, "", "every Fn::Equals object requires a list of 2 string parameters."},
	{"a resource that refers to itself", "UG aws-attribute-dependson", prop("!Ref A"), "", "Circular dependency between resources: [A]"},
	{"a resource that waits for itself", "UG aws-attribute-dependson", "Resources: {A: {Type: AWS::SNS::Topic, DependsOn: A}}", "", "Circular dependency between resources: [A]"},
	{"DependsOn of a parameter", "UG aws-attribute-dependson", "Parameters: {P: {Type: String, Default: x}}\nResources: {A: {Type: AWS::SNS::Topic, DependsOn: P}}", "", "Unresolved resource dependencies [P] in the Resources block"},
	{"DependsOn of a function", "own text; UG aws-attribute-dependson", "Resources: {B: {Type: AWS::SNS::Topic}, A: {Type: AWS::SNS::Topic, DependsOn: !Ref B}}", "", "DependsOn must be a string or list of strings"},
	{"a replace policy that is for deletions", "own text; UG aws-attribute-updatereplacepolicy", "Resources: {A: {Type: AWS::SNS::Topic, UpdateReplacePolicy: RetainExceptOnCreate}}", "", "Unrecognized UpdateReplacePolicy RetainExceptOnCreate"},
	{"a policy that is a function", "own text; UG aws-attribute-deletionpolicy", "Resources: {A: {Type: AWS::SNS::Topic, DeletionPolicy: !Sub Retain}}", "", "Every DeletionPolicy member must be a string."},
	{"snapshots of what has none", "own text; UG aws-attribute-deletionpolicy", "Resources: {A: {Type: AWS::SNS::Topic, DeletionPolicy: Snapshot}}", "", "resource type AWS::SNS::Topic does not support deletion policy Snapshot"},
	{"a type that is a function", "UG resources-section-structure", "Resources: {A: {Type: !Sub AWS::SNS::Topic}}", "", "Every Resources object must contain a Type member."},
	{"properties that are a list", "own text; UG resources-section-structure", "Resources: {A: {Type: AWS::SNS::Topic, Properties: [a]}}", "", "Every Properties member must be an object."},
	{"a function in a parameter", "own text; UG parameters-section-structure", "Parameters: {P: {Type: String, Default: !Ref AWS::Region}}\n" + one, "", "Every Default member must be a string."},
	{"a function in a mapping", "UG mappings-section-structure", "Mappings: {M: {a: {b: !Ref AWS::Region}}}\n" + one, "", "Every Mappings attribute must be a String or a List."},
	{"a function in a description", "own text; UG template-anatomy", "Description: !Sub x\n" + one, "", "Every Description member must be a string."},
	{"an unknown pseudo parameter", "TR pseudo-parameter-reference", prop("!Ref AWS::Nope"), "", "Unresolved resource dependencies [AWS::Nope] in the Resources block"},
	{"too many dynamic references", "own text; UG cloudformation-limits", "Resources: {A: {Type: AWS::SNS::Topic, Properties: {DisplayName: '" + strings.Repeat("{{resolve:ssm:/p}}", 61) + "'}}}", "", "Number of dynamic references, 61"},
	{"a version of a stored value that is missing", "UG dynamic-references", prop("'{{resolve:ssm:/nothing:3}}'"), "late", "Unable to fetch parameters [/nothing"},
	{"a secret of the store where none may be", "own text; UG dynamic-references-ssm-secure", prop("'{{resolve:ssm-secure:/p:1}}'"), "", "SSM Secure reference is not supported in: [AWS::SNS::Topic/Properties/DisplayName]"},
	{"an output of a list", "own text; UG outputs-section-structure", one + "Outputs: {O: {Value: [a, b]}}", "", "The Value field of every Outputs member must evaluate to a String"},
	{"an export without a name", "UG outputs-section-structure; issue kubernetes-retired/kube-aws#308", one + "Outputs: {O: {Value: x, Export: {}}}", "", "Template format error: Output O is malformed. The Name field of every Export member must be specified and consist only of alphanumeric characters, colons, or hyphens."},
	{"an export by a resource's name", "UG outputs-section-structure; issue aws-cloudformation/cfn-lint#1632", one + "Outputs: {O: {Value: x, Export: {Name: !Ref A}}}", "", "must not depend on any resources"},
	{"two exports of a name", "UG using-cfn-stack-exports", one + "Outputs: {O: {Value: x, Export: {Name: e}}, P: {Value: y, Export: {Name: e}}}", "late", "Export with name e is already exported by stack s. Rollback requested by user."},
	{"a stored parameter that is missing", "UG parameters-section-structure", "Parameters: {P: {Type: 'AWS::SSM::Parameter::Value<String>', Default: /a/b}}\n" + one, "", "Unable to fetch parameters [/a/b] from parameter store for this account."},
	{"an export name with a slash", "issue aws/aws-cdk#28563", one + "Outputs: {O: {Value: x, Export: {Name: a/b}}}", "", "The Name field of every Export member must be specified and consist only of alphanumeric characters, colons, or hyphens."},
	{"an export name that becomes one", "issue aws/aws-cdk#28563", one + "Outputs: {O: {Value: x, Export: {Name: !Sub '${AWS::Region}_x'}}}", "late", "The Name field of every Export member must be specified and consist only of alphanumeric characters, colons, or hyphens."},
	{"an export by zones", "issue aws-cloudformation/cfn-lint#1632", one + "Outputs: {O: {Value: x, Export: {Name: !Select [0, !GetAZs '']}}}", "", "The Name field of Export must not depend on any resources, imported values, or Fn::GetAZs."},
	{"an export by an import", "issue aws-cloudformation/cfn-lint#1632", one + "Outputs: {O: {Value: x, Export: {Name: !ImportValue y}}}", "", "The Name field of Export must not depend on any resources, imported values, or Fn::GetAZs."},
	{"an attribute of a mapping with a line", "issue aws/serverless-application-model#1608", "Mappings: {M: {MY-DEV: {EXECUTION_ROLE: x}}}\n" + one, "", "Template format error: Mappings attribute name 'EXECUTION_ROLE' must contain only alphanumeric characters."},
	{"an attribute of a mapping with a dash", "issue aws/aws-cdk#16866", "Mappings: {M: {a: {us-east-1: x}}}\n" + one, "", "Template format error: Mappings attribute name 'us-east-1' must contain only alphanumeric characters."},
	{"an element of a mapping with a slash", "issue aws-cloudformation/cfn-lint#2004", "Mappings: {M: {10.93.0.0/16: {a: x}}}\n" + one, "", "Template format error: Mappings element name '10.93.0.0/16' must be non-empty and can contain only alphanumerics, '-' or '.'"},
	{"a mapping with a dash", "own text; UG mappings-section-structure", "Mappings: {M-x: {a: {b: c}}}\n" + one, "", "Mapping name M-x is non alphanumeric."},
	{"a condition with a dash", "own text; issue aws-cloudformation/cfn-lint#76", "Conditions: {C-x: !Equals [a, b]}\n" + one, "", "Condition name C-x is non alphanumeric."},
	{"allowed values that are maps", "eucalyptus TemplateParser", "Parameters: {P: {Type: String, Default: a, AllowedValues: [a, {b: c}]}}\n" + one, "", "Template format error: Every AllowedValues value must be a string."},
	{"a pattern that is none", "own text; UG parameters-section-structure", "Parameters: {P: {Type: String, Default: a, AllowedPattern: '[a-'}}\n" + one, "", "AllowedPattern of parameter P is not a regular expression"},
	{"a length that is none", "own text; UG parameters-section-structure", "Parameters: {P: {Type: String, Default: a, MinLength: x}}\n" + one, "", "MinLength of parameter P must be a number."},
	{"an echo that is none", "own text; UG parameters-section-structure", "Parameters: {P: {Type: String, Default: a, NoEcho: maybe}}\n" + one, "", "Every NoEcho member must be true or false."},
	{"a stored number", "eucalyptus TemplateParser; UG parameters-section-structure", "Parameters: {P: {Type: 'AWS::SSM::Parameter::Value<Number>', Default: /x}}\n" + one, "", "Unrecognized parameter type: AWS::SSM::Parameter::Value<Number>"},
	{"Not of text", "own text; issue jagregory/cfval#56", "Conditions: {C: !Not [x]}\n" + one, "", "Conditions can only be boolean operations on parameters and other conditions"},
	{"a condition by Ref", "own text; UG conditions-section-structure", "Conditions: {C: !Ref AWS::Region}\n" + one, "", "Conditions can only be boolean operations on parameters and other conditions"},
	{"a condition on a resource that is a list", "own text; UG conditions-section-structure", "Conditions: {C: !Equals [a, b]}\nResources: {A: {Type: AWS::SNS::Topic, Condition: [C]}}", "", "Every Condition member must be a string."},
	{"outputs that are a list", "own text; UG outputs-section-structure", one + "Outputs: [a]\n", "", "Any Outputs member must be an object."},
	{"Join of a map", "recorded test_change_set_fn_split", prop("!Join [',', {a: b}]"), "", "every Fn::Join object requires two parameters"},
	{"Select of a map", "recorded test_change_set_fn_select", prop("!Select [0, {a: b}]"), "", "Fn::Select requires a list argument with two elements: an integer index and a list"},
	{"two documents", "recorded api/test_templates", one + "---\n" + one, "", "Template format error: YAML not well-formed. (line 2"},
	{"a circle through Sub", "UG aws-attribute-dependson", "Resources: {A: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Sub 'x-${B}'}}, B: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Sub '${A.TopicName}'}}}", "", "Circular dependency between resources: [A, B]"},
	{"a Ref to a condition", "recorded engine/test_references", "Conditions: {C: !Equals [a, b]}\n" + prop("!Ref C"), "", "Unresolved resource dependencies [C] in the Resources block"},
	{"a policy of creation that is none", "own text; TR aws-attribute-creationpolicy", "Resources: {A: {Type: AWS::EC2::Instance, CreationPolicy: {Signal: {}}, Properties: {ImageId: ami-12345678}}}", "", "[/Resources/A/CreationPolicy] Unexpected key Signal."},
	{"a policy of updates that is none", "own text; TR aws-attribute-updatepolicy", "Resources: {A: {Type: AWS::AutoScaling::AutoScalingGroup, UpdatePolicy: {AutoScalingRollingUpdate: {Max: 1}}, Properties: {MinSize: '1', MaxSize: '2'}}}", "", "[/Resources/A/UpdatePolicy] Unexpected key Max in AutoScalingRollingUpdate."},
	{"a version of a stored value that is no number", "own text; UG dynamic-references", prop("'{{resolve:ssm:/p:x}}'"), "late", "Incorrect format is used in the following SSM reference: [{{resolve:ssm:/p:x}}]"},
}

const one = "Resources: {A: {Type: AWS::SNS::Topic}}\n"

// prop is a template whose one property has a value.
func prop(v string) string {
	return "Resources: {A: {Type: AWS::SNS::Topic, Properties: {DisplayName: " + v + "}}}\n"
}

func many(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("  R" + strings.Repeat("a", i%26+1) + string(rune('A'+i/26)) + ": {Type: AWS::SNS::Topic}\n")
	}
	return b.String()
}

// refusals are texts of the service by the rows of the list of its failures; 30
// and 31 are tried with behaviour 54.
var refusals = map[int]string{
	32: "Parameter validation failed: parameter value", 33: "from parameter store for this account.", 34: "Unrecognized parameter type:",
	35: "YAML not well-formed.", 36: "unsupported structure.", 37: "At least one Resources member must be defined.", 38: "Every Resources object must contain a Type member.",
	39: "Invalid template resource property", 40: "is non alphanumeric.", 41: "Every Outputs member must contain a Value object", 42: "'null' values are not allowed in templates",
	43: "Every Mappings attribute must be a String or a List.", 44: "Unable to get mapping for", 45: "in the Resources block of the template",
	46: "in the Outputs block of the template", 47: "instance of Fn::GetAtt references undefined resource", 48: "every Fn::GetAtt object requires two non-empty parameters",
	49: "does not support attribute type", 50: "every Fn::Join object requires two parameters", 51: "Fn::Select requires a list argument with two elements",
	52: "Fn::Select cannot select nonexistent value at index", 53: "unresolved condition dependency", 54: "Cannot reference resources in the Conditions block of the template",
	55: "Circular dependency between resources:", 56: "Unrecognized resource types:", 57: "Key Name of transform definition must be a string.",
}

// TestEveryRefusalIsTried holds the templates below to all the rows.
func TestEveryRefusalIsTried(t *testing.T) {
	t.Parallel()
	for row := 32; row <= 57; row++ {
		text := refusals[row]
		if text == "" || !slices.ContainsFunc(refusedTemplates, func(r refusal) bool { return strings.Contains(r.text, text) }) {
			t.Errorf("no template is refused with %q (row %d)", text, row)
		}
	}
}

// sourceForm is how a refusal names where it is written.
var sourceForm = regexp.MustCompile(`^(own text; )?((UG|TR) [a-z0-9-]+|SSM API_\w+|recorded (\w+/)?test_\w+|issue [\w.-]+/[\w.-]+#\d+|eucalyptus TemplateParser|eucalyptus/architecture Update-Stack run \d+|aws/serverless-application-model samtranslator)(; |$)`)

// TestSources holds every refusal to a source, and counts those in which the very
// words are the service's.
func TestSources(t *testing.T) {
	t.Parallel()
	theirs := 0
	for _, r := range refusedTemplates {
		if !sourceForm.MatchString(r.source) {
			t.Errorf("%s: no source in %q", r.name, r.source)
		}
		if !strings.HasPrefix(r.source, "own text") && !strings.HasPrefix(r.source, "eucalyptus") {
			theirs++
		}
	}
	if theirs < 60 {
		t.Errorf("%d templates are refused in words that AWS is known to use, want 60", theirs)
	}
	t.Logf("%d templates, %d of them in words that AWS is known to use", len(refusedTemplates), theirs)
}

// TestRefusedTemplates is behaviours 88 and 92 of the real service.
func TestRefusedTemplates(t *testing.T) {
	t.Parallel()
	for _, tt := range refusedTemplates {
		t.Run("088 092 "+tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, awssim.Config{})
			in := &cloudformation.CreateStackInput{StackName: new("s"), TemplateBody: &tt.template}
			if tt.code == "late" {
				in.Capabilities = all
			}
			_, err := w.cfn.CreateStack(t.Context(), in)
			if tt.code != "late" {
				code := tt.code
				if code == "" {
					code = "ValidationError"
				}
				says(t, err, code, tt.text)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if s := w.rest("s"); s.StackStatus != types.StackStatusRollbackComplete {
				t.Errorf("status = %s, want ROLLBACK_COMPLETE", s.StackStatus)
			}
			if all := strings.Join(w.events("s"), "\n"); !strings.Contains(all, tt.text) {
				t.Errorf("events:\n%s\nwant %s (%s)", all, tt.text, tt.source)
			}
		})
	}
}

// TestRefusedParameters is about values that templates do not take.
func TestRefusedParameters(t *testing.T) {
	t.Parallel()
	const declared = "Parameters: {P: {Type: String, MinLength: 2, MaxLength: 4}, N: {Type: Number, Default: 1, MaxValue: 5}, " +
		"C: {Type: CommaDelimitedList, Default: a, AllowedValues: [a, b], ConstraintDescription: a or b}}\n" + one
	for name, tt := range map[string]struct{ key, value, text string }{ // rows 26 to 29
		"left out":        {"", "", "Parameters: [P] must have values"},
		"unknown":         {"X", "x", "Parameters: [X] do not exist in the template"},
		"too short":       {"P", "x", "Parameter 'P' must contain at least 2 characters"},
		"too long":        {"P", "xxxxx", "Parameter 'P' must contain at most 4 characters"},
		"no number":       {"N", "x", "Parameter 'N' must be a number."},
		"too large":       {"N", "6", "Parameter 'N' must be a number not greater than 5"},
		"one of a list":   {"C", "a,c", "Parameter 'C' failed to satisfy constraint: a or b"},
		"over 4096 bytes": {"P", strings.Repeat("x", 4097), "at most 4096 characters"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, awssim.Config{})
			in := &cloudformation.CreateStackInput{StackName: new("s"), TemplateBody: new(declared)}
			if tt.key != "" {
				in.Parameters = append(in.Parameters, types.Parameter{ParameterKey: &tt.key, ParameterValue: &tt.value})
				if tt.key != "P" {
					in.Parameters = append(in.Parameters, types.Parameter{ParameterKey: new("P"), ParameterValue: new("xx")})
				}
			}
			_, err := w.cfn.CreateStack(t.Context(), in)
			says(t, err, "ValidationError", tt.text)
		})
	}
}
