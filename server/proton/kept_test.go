package proton_test

import "testing"

func TestConnections(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	create := `{"environmentName":"prod","managementAccountId":"111111111111","roleArn":"arn:aws:iam::222222222222:role/deploy","clientToken":"t1"}`
	made := at(t, w.must(t, "CreateEnvironmentAccountConnection", create), "environmentAccountConnection").(map[string]any)
	if made["status"] != "PENDING" || made["environmentAccountId"] != "222222222222" {
		t.Errorf("made %v", made)
	}
	id := `{"id":"` + made["id"].(string) + `"}`
	again := at(t, w.must(t, "CreateEnvironmentAccountConnection", create), "environmentAccountConnection", "id")
	if again != made["id"] {
		t.Errorf("the same request again made %v, want %v", again, made["id"])
	}
	w.refused(t, "CreateEnvironmentAccountConnection", `{"environmentName":"dev","managementAccountId":"111111111111","clientToken":"t1"}`, "ValidationException", "IdempotentParameterMismatch")
	if got := at(t, w.must(t, "AcceptEnvironmentAccountConnection", id), "environmentAccountConnection", "status"); got != "CONNECTED" {
		t.Errorf("accepted: %v", got)
	}
	if got := at(t, w.must(t, "ListEnvironmentAccountConnections", `{"requestedBy":"MANAGEMENT_ACCOUNT","statuses":["CONNECTED"]}`), "environmentAccountConnections", "#0", "id"); got != made["id"] {
		t.Errorf("listed: %v", got)
	}
	if got := at(t, w.must(t, "UpdateEnvironmentAccountConnection", `{"id":"`+made["id"].(string)+`","codebuildRoleArn":"arn:aws:iam::222222222222:role/build"}`),
		"environmentAccountConnection", "codebuildRoleArn"); got != "arn:aws:iam::222222222222:role/build" {
		t.Errorf("updated: %v", got)
	}
	w.must(t, "RejectEnvironmentAccountConnection", id)
	w.refused(t, "AcceptEnvironmentAccountConnection", id, "ConflictException", "rejected")
	w.must(t, "DeleteEnvironmentAccountConnection", id)
	w.refused(t, "GetEnvironmentAccountConnection", id, "ResourceNotFoundException", "")
	if got := w.must(t, "DeleteEnvironmentAccountConnection", id); len(got) != 0 {
		t.Errorf("deleted twice: %v", got)
	}
}

func TestRepositoriesAndSettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	link := `"provider":"GITHUB","name":"acme/infra"`
	connection := `"connectionArn":"arn:aws:codestar-connections:us-east-1:000000000000:connection/11111111-1111-1111-1111-111111111111"`
	w.refused(t, "UpdateAccountSettings", `{"pipelineProvisioningRepository":{`+link+`,"branch":"main"}}`, "ResourceNotFoundException", "CreateRepository")
	w.must(t, "CreateRepository", `{`+link+`,`+connection+`,"tags":[{"key":"team","value":"a"}]}`)
	w.must(t, "CreateRepository", `{`+link+`,`+connection+`}`)
	w.refused(t, "CreateRepository", `{`+link+`,"connectionArn":"arn:aws:codestar-connections:us-east-1:000000000000:connection/2"}`, "ConflictException", "linked already")
	if got := at(t, w.must(t, "ListRepositories", `{}`), "repositories", "#0", "arn"); got != "arn:aws:proton:us-east-1:000000000000:repository/github:acme/infra" {
		t.Errorf("listed: %v", got)
	}
	role := "arn:aws:iam::000000000000:role/pipelines"
	w.must(t, "UpdateAccountSettings", `{"pipelineServiceRoleArn":"`+role+`","pipelineProvisioningRepository":{`+link+`,"branch":"main"}}`)
	settings := w.must(t, "GetAccountSettings", `{}`)
	if got := at(t, settings, "accountSettings", "pipelineProvisioningRepository", "branch"); got != "main" {
		t.Errorf("settings: %v", settings)
	}
	w.refused(t, "DeleteRepository", `{`+link+`}`, "ConflictException", "account settings")
	w.refused(t, "UpdateAccountSettings", `{"deletePipelineProvisioningRepository":true,"pipelineProvisioningRepository":{`+link+`,"branch":"main"}}`, "ValidationException", "opposites")
	w.must(t, "UpdateAccountSettings", `{"deletePipelineProvisioningRepository":true,"pipelineServiceRoleArn":""}`)
	if got := at(t, w.must(t, "GetAccountSettings", `{}`), "accountSettings", "pipelineServiceRoleArn"); got != "" {
		t.Errorf("the role stayed: %v", got)
	}
	w.must(t, "DeleteRepository", `{`+link+`}`)
	w.refused(t, "GetRepository", `{`+link+`}`, "ResourceNotFoundException", "")
}

func TestTags(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fill(t, w)
	arn := `"resourceArn":"arn:aws:proton:us-east-1:000000000000:environment-template/net:1.2"`
	w.must(t, "TagResource", `{`+arn+`,"tags":[{"key":"a","value":"1"},{"key":"b","value":""}]}`)
	w.must(t, "TagResource", `{`+arn+`,"tags":[{"key":"a","value":"2"}]}`)
	w.must(t, "UntagResource", `{`+arn+`,"tagKeys":["b","c"]}`)
	tags := at(t, w.must(t, "ListTagsForResource", `{`+arn+`}`), "tags").([]any)
	if len(tags) != 1 || at(t, tags, "#0", "value") != "2" {
		t.Errorf("tags: %v", tags)
	}
	w.refused(t, "TagResource", `{`+arn+`,"tags":[{"key":"aws:x","value":""}]}`, "ValidationException", "reserved")
	w.refused(t, "TagResource", `{"resourceArn":"arn:aws:proton:us-east-1:000000000000:environment-template/net:9.9","tags":[]}`, "ResourceNotFoundException", "")
	w.refused(t, "TagResource", `{"resourceArn":"arn:aws:s3:us-east-1:000000000000:bucket/x","tags":[]}`, "ValidationException", "no resource of AWS Proton")
}
