package template

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Expand runs the transforms. AWS::Serverless-2016-10-31 knows functions and
// HTTP APIs with the events that commonly start them; what it does not know it
// refuses as the real transform refuses what it cannot read.
func (t *Template) Expand() error {
	for _, name := range t.Transforms {
		switch name {
		case serverless:
			if err := t.expandServerless(); err != nil {
				return err
			}
		case extensions, include:
		default:
			return t.failed(name, "no transform of that name is simulated")
		}
	}
	return nil
}

func (t *Template) expandServerless() error {
	declared := t.Resources
	t.Resources = nil
	for _, r := range declared {
		var err error
		switch r.Type {
		case "AWS::Serverless::Function":
			err = t.serverlessFunction(r)
		case "AWS::Serverless::HttpApi":
			t.serverlessAPI(r)
		default:
			t.Resources = append(t.Resources, r)
			if strings.HasPrefix(r.Type, "AWS::Serverless::") {
				err = badSAM(r.ID, "Type '"+r.Type+"' is not simulated.")
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func badSAM(id, why string) error {
	return (&Template{}).failed(serverless, "Invalid Serverless Application Specification document. Number of errors found: 1."+
		" Resource with id ["+id+"] is invalid. "+why)
}

// add appends a resource that the transform made out of another.
func (t *Template) add(from *Resource, id, typ string, properties map[string]any) {
	t.Resources = append(t.Resources, &Resource{
		ID: id, Type: typ, Condition: from.Condition, Properties: properties, DependsOn: from.DependsOn,
		DeletionPolicy: from.DeletionPolicy, UpdateReplacePolicy: from.UpdateReplacePolicy, Metadata: from.Metadata,
	})
}

func (t *Template) serverlessFunction(r *Resource) error {
	p := map[string]any{}
	if g, ok := t.Globals["Function"].(map[string]any); ok {
		maps.Copy(p, g)
	}
	maps.Copy(p, r.Properties)
	out := map[string]any{}
	for k, v := range p {
		switch k {
		case "CodeUri", "InlineCode", "Policies", "Events", "AutoPublishAlias":
		case "Tracing":
			out["TracingConfig"] = map[string]any{"Mode": v}
		default:
			out[k] = v
		}
	}
	switch code := p["CodeUri"].(type) {
	case string:
		bucket, key, ok := strings.Cut(strings.TrimPrefix(code, "s3://"), "/")
		if !strings.HasPrefix(code, "s3://") || !ok {
			return badSAM(r.ID, "'CodeUri' is not a valid S3 Uri of the form 's3://bucket/key' with optional versionId query parameter.")
		}
		out["Code"] = map[string]any{"S3Bucket": bucket, "S3Key": key}
	case map[string]any:
		out["Code"] = map[string]any{"S3Bucket": code["Bucket"], "S3Key": code["Key"]}
	default:
		if p["InlineCode"] == nil {
			return badSAM(r.ID, "Missing required property 'CodeUri' or 'InlineCode' or 'ImageUri'.")
		}
		out["Code"] = map[string]any{"ZipFile": p["InlineCode"]}
	}
	if p["Role"] == nil {
		out["Role"] = map[string]any{"Fn::GetAtt": []any{r.ID + "Role", "Arn"}}
		t.serverlessRole(r, p["Policies"])
	}
	t.add(r, r.ID, "AWS::Lambda::Function", out)
	events, _ := p["Events"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(events)) {
		if err := t.serverlessEvent(r, name, events[name]); err != nil {
			return err
		}
	}
	return nil
}

// serverlessRole makes the role of a function. A policy template becomes an
// inline policy of its name.
func (t *Template) serverlessRole(r *Resource, policies any) {
	list, ok := policies.([]any)
	if !ok && policies != nil {
		list = []any{policies}
	}
	managed := []any{"arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"}
	inline := []any{}
	for i, item := range list {
		switch item := item.(type) {
		case string:
			if !strings.HasPrefix(item, "arn:") {
				item = "arn:aws:iam::aws:policy/service-role/" + item
			}
			managed = append(managed, item)
		case map[string]any:
			document := any(item)
			if item["Statement"] == nil {
				resources := []any{}
				for _, v := range item {
					m, _ := v.(map[string]any)
					for _, k := range slices.Sorted(maps.Keys(m)) {
						resources = append(resources, m[k])
					}
				}
				document = map[string]any{"Statement": []any{map[string]any{"Effect": "Allow", "Action": "*", "Resource": resources}}}
			}
			inline = append(inline, map[string]any{"PolicyName": fmt.Sprintf("%sRolePolicy%d", r.ID, i), "PolicyDocument": document})
		}
	}
	t.add(r, r.ID+"Role", "AWS::IAM::Role", map[string]any{
		"AssumeRolePolicyDocument": map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{
			"Effect": "Allow", "Action": []any{"sts:AssumeRole"}, "Principal": map[string]any{"Service": []any{"lambda.amazonaws.com"}},
		}}},
		"ManagedPolicyArns": managed, "Policies": inline,
	})
}

func (t *Template) serverlessAPI(r *Resource) {
	p := map[string]any{"ProtocolType": "HTTP", "Name": r.ID}
	for k, v := range r.Properties {
		if k != "FailOnWarnings" && k != "StageName" {
			p[k] = v
		}
	}
	t.add(r, r.ID, "AWS::ApiGatewayV2::Api", p)
	stage := any("$default")
	if s := r.Properties["StageName"]; s != nil {
		stage = s
	}
	t.add(r, r.ID+"ApiGatewayDefaultStage", "AWS::ApiGatewayV2::Stage", map[string]any{
		"ApiId": map[string]any{"Ref": r.ID}, "AutoDeploy": "true", "StageName": stage,
	})
}

func (t *Template) serverlessEvent(r *Resource, name string, v any) error {
	event, _ := v.(map[string]any)
	p, _ := event["Properties"].(map[string]any)
	permit := func(suffix, service string) {
		t.add(r, r.ID+name+suffix, "AWS::Lambda::Permission", map[string]any{
			"Action": "lambda:InvokeFunction", "FunctionName": map[string]any{"Ref": r.ID}, "Principal": service,
		})
	}
	switch typ := str(event["Type"]); typ {
	case "HttpApi":
		permit("Permission", "apigateway.amazonaws.com")
	case "Api":
		permit("PermissionProd", "apigateway.amazonaws.com")
		if t.Resource("ServerlessRestApi") == nil && p["RestApiId"] == nil {
			api := &Resource{}
			t.add(api, "ServerlessRestApi", "AWS::ApiGateway::RestApi", map[string]any{"Body": map[string]any{"paths": map[string]any{str(p["Path"]): "ANY"}}})
			id := map[string]any{"Ref": "ServerlessRestApi"}
			t.add(api, "ServerlessRestApiDeployment", "AWS::ApiGateway::Deployment", map[string]any{"RestApiId": id})
			t.add(api, "ServerlessRestApiProdStage", "AWS::ApiGateway::Stage", map[string]any{
				"RestApiId": id, "DeploymentId": map[string]any{"Ref": "ServerlessRestApiDeployment"}, "StageName": "Prod",
			})
		}
	case "SNS":
		permit("Permission", "sns.amazonaws.com")
		t.add(r, r.ID+name, "AWS::SNS::Subscription", map[string]any{
			"Protocol": "lambda", "TopicArn": p["Topic"], "Endpoint": map[string]any{"Fn::GetAtt": []any{r.ID, "Arn"}},
		})
	case "Kinesis", "SQS", "DynamoDB":
		out := map[string]any{"FunctionName": map[string]any{"Ref": r.ID}}
		for k, v := range p {
			switch k {
			case "Stream", "Queue":
				out["EventSourceArn"] = v
			default:
				out[k] = v
			}
		}
		t.add(r, r.ID+name, "AWS::Lambda::EventSourceMapping", out)
	case "Schedule":
		permit("Permission", "events.amazonaws.com")
		t.add(r, r.ID+name, "AWS::Events::Rule", map[string]any{
			"ScheduleExpression": p["Schedule"],
			"Targets":            []any{map[string]any{"Id": name, "Arn": map[string]any{"Fn::GetAtt": []any{r.ID, "Arn"}}}},
		})
	default:
		return badSAM(r.ID, "Event with id ["+name+"] is invalid. Type '"+typ+"' is not simulated.")
	}
	return nil
}
