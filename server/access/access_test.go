package access_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"baryon/renderer"
	"baryon/server/access"
)

// read reads policies as the configuration does.
func read(t *testing.T, text string) (map[string]access.Policy, string) {
	t.Helper()
	n, problems := renderer.ParseOne("baryon.yaml", []byte(text), renderer.Limits{})
	if problems.Failed() {
		t.Fatal(problems)
	}
	var d renderer.Decoder
	policies := access.Reader{Decoder: &d, Actions: []string{"GetService", "UpdateService", "ListServices", "CreateEnvironment"}}.Policies(n)
	return policies, d.Problems.Error()
}

const arn = "arn:aws:proton:us-east-1:000000000000:"

// TestDecisions holds requests against a policy as people paste it from IAM.
func TestDecisions(t *testing.T) {
	t.Parallel()
	policies, problems := read(t, `
p:
  Version: "2012-10-17"
  Statement:
    - {Effect: Allow, Action: ["proton:Get*", "proton:ListServices"], Resource: "*"}
    - {Sid: Mine, Effect: Allow, Action: "proton:Update*", Resource: ["arn:aws:proton:*:*:service/shop", "arn:aws:proton:*:*:service/shop/*"]}
    - {Effect: Deny, Action: "*", Resource: "*:service/shop/service-instance/prod"}
    - {Effect: Allow, Action: "proton:UpdateService", Resource: "*", Condition: {StringEquals: {"aws:ResourceTag/Team": [a, b]}}}
    - {Effect: Deny, NotAction: "proton:Get*", Resource: "*", Condition: {StringLike: {"aws:ResourceTag/stage": "prod*"}}}
    - {Effect: Allow, Action: "proton:CreateEnvironment", NotResource: "*:environment/prod", Condition: {"ForAllValues:StringEquals": {"aws:TagKeys": [team]}, ArnLike: {"proton:EnvironmentTemplate": "arn:*:environment-template/net"}, "Null": {"aws:RequestTag/team": "false"}}}
    - {Effect: Allow, Action: "iam:PassRole", Resource: "*", Condition: {StringEqualsIfExists: {"iam:PassedToService": proton.amazonaws.com}}}
`)
	if problems != "" {
		t.Fatal(problems)
	}
	caller := access.Caller{Name: "ada", Policies: []access.Policy{policies["p"]}}
	type values = map[string][]string
	net := []string{arn + "environment-template/net"}
	for name, tt := range map[string]struct {
		action, resource string
		context          values
		want             bool
	}{
		"reading":                      {"proton:GetService", arn + "service/any", nil, true},
		"an action in other case":      {"PROTON:getservice", arn + "service/any", nil, true},
		"a list":                       {"proton:ListServices", "*", nil, true},
		"what nobody allows":           {"proton:DeleteService", arn + "service/shop", nil, false},
		"their own service":            {"proton:UpdateService", arn + "service/shop", nil, true},
		"an instance of it":            {"proton:UpdateServiceInstance", arn + "service/shop/service-instance/dev", nil, true},
		"a service with a longer name": {"proton:UpdateService", arn + "service/shopping", nil, false},
		"deny beats allow":             {"proton:UpdateServiceInstance", arn + "service/shop/service-instance/prod", nil, false},
		"a tag":                        {"proton:UpdateService", arn + "service/x", values{"aws:resourcetag/team": {"b"}}, true},
		"another tag":                  {"proton:UpdateService", arn + "service/x", values{"aws:resourcetag/team": {"c"}}, false},
		"denied by a tag":              {"proton:UpdateService", arn + "service/shop", values{"aws:resourcetag/stage": {"prod-eu"}}, false},
		"not denied but for reading":   {"proton:GetService", arn + "service/shop", values{"aws:resourcetag/stage": {"prod-eu"}}, true},
		"a creation":                   {"proton:CreateEnvironment", arn + "environment/dev", values{"proton:environmenttemplate": net, "aws:tagkeys": {"team"}, "aws:requesttag/team": {"a"}}, true},
		"a creation without tag":       {"proton:CreateEnvironment", arn + "environment/dev", values{"proton:environmenttemplate": net}, false},
		"a tag too many":               {"proton:CreateEnvironment", arn + "environment/dev", values{"proton:environmenttemplate": net, "aws:tagkeys": {"team", "x"}, "aws:requesttag/team": {"a"}}, false},
		"but this resource":            {"proton:CreateEnvironment", arn + "environment/prod", values{"proton:environmenttemplate": net, "aws:tagkeys": {"team"}, "aws:requesttag/team": {"a"}}, false},
		"if it exists":                 {"iam:PassRole", "arn:aws:iam::1:role/r", nil, true},
		"and is another":               {"iam:PassRole", "arn:aws:iam::1:role/r", values{"iam:passedtoservice": {"ec2.amazonaws.com"}}, false},
	} {
		err := caller.Allow(access.Request{Action: tt.action, Resource: tt.resource, Context: tt.context})
		if _, denied := errors.AsType[*access.Denied](err); denied == tt.want {
			t.Errorf("%s: %v, want allowed = %v", name, err, tt.want)
		}
	}
}

// TestDenials words denials as AWS does, and denies everything to whom a policy
// is missing: it may be the one that denies.
func TestDenials(t *testing.T) {
	t.Parallel()
	admin := access.Roles()[access.Admin]
	deny := access.Policy{Name: "no-prod", Statements: []access.Statement{{Deny: true, Actions: []string{"proton:*"}, Resources: []string{"*prod"}}}}
	for want, caller := range map[string]access.Caller{
		"because no policy of the caller allows the proton:GetEnvironment action": {Name: "ada"},
		"with an explicit deny in the policy no-prod":                             {Name: "ada", Policies: []access.Policy{admin, deny}},
		"because its policy gone is not in the configuration of the daemon":       {Name: "ada", Policies: []access.Policy{admin}, Missing: []string{"gone"}},
	} {
		err := caller.Allow(access.Request{Action: "proton:GetEnvironment", Resource: arn + "environment/prod"})
		full := "User: ada is not authorized to perform: proton:GetEnvironment on resource: " + arn + "environment/prod " + want
		if err == nil || err.Error() != full {
			t.Errorf("denied with %v, want %s", err, full)
		}
	}
}

// TestRoles tells what each of the roles may do.
func TestRoles(t *testing.T) {
	t.Parallel()
	for action, who := range map[string]string{
		"proton:GetService service/shop":                          "viewer developer platform-engineer admin",
		"proton:ListServices *":                                   "viewer developer platform-engineer admin",
		"baryon:Read *":                                           "viewer developer platform-engineer admin",
		"proton:UpdateServiceInstance service/shop/x":             "developer platform-engineer admin",
		"proton:CancelServiceInstanceDeployment x":                "developer platform-engineer admin",
		"proton:CreateComponent component/c":                      "developer platform-engineer admin",
		"proton:TagResource " + arn + "service/shop":              "developer platform-engineer admin",
		"proton:TagResource " + arn + "environment/prod":          "platform-engineer admin",
		"proton:CreateEnvironment environment/prod":               "platform-engineer admin",
		"proton:UpdateEnvironmentTemplateVersion x":               "platform-engineer admin",
		"proton:UpdateAccountSettings *":                          "platform-engineer admin",
		"proton:AcceptEnvironmentAccountConnection x":             "platform-engineer admin",
		"iam:PassRole arn:aws:iam::1:role/r":                      "platform-engineer admin",
		"baryon:Approve environment/prod":                         "platform-engineer admin",
		"baryon:Force environment/prod":                           "platform-engineer admin",
		"baryon:ManageKeys *":                                     "admin",
		"proton:NotifyResourceDeploymentStatusChange environment": "developer platform-engineer admin",
	} {
		name, resource, _ := strings.Cut(action, " ")
		var got []string
		for _, role := range []string{access.Viewer, access.Developer, access.PlatformEngineer, access.Admin} {
			if (access.Caller{Policies: []access.Policy{access.Roles()[role]}}).Allow(access.Request{Action: name, Resource: resource}) == nil {
				got = append(got, role)
			}
		}
		if !slices.Equal(got, strings.Fields(who)) {
			t.Errorf("%s: allowed to %v, want %s", action, got, who)
		}
	}
}

// TestPoliciesThatCannotBeRead are refused with the place of the mistake: a rule
// that were passed over could allow what it was to forbid.
func TestPoliciesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`p: {Statement: [{Effect: Allow, Action: "proton:GetServise", Resource: "*"}]}`:                                                     `baryon.yaml:1:41: there is no such action, got "proton:GetServise"`,
		`p: {Statement: [{Effect: Allow, Action: "baryon:Aprove", Resource: "*"}]}`:                                                         `did you mean baryon:Approve?`,
		`p: {Statement: [{Effect: allow, Action: "*", Resource: "*"}]}`:                                                                     `baryon.yaml:1:26: Effect is not a known one, got "allow"`,
		`p: {Statement: [{Effect: Allow, Action: "*", Resource: service/shop}]}`:                                                            `write it as arn:aws:proton:*:*:service/shop`,
		`p: {Statement: [{Effect: Allow, Action: "*"}]}`:                                                                                    `a statement needs the key "Resource"`,
		`p: {Statement: [{Effect: Allow, Action: "*", NotAction: "*", Resource: "*"}]}`:                                                     `a statement has Action or NotAction`,
		`p: {Statement: [{Effect: Allow, Principal: "*", Action: "*", Resource: "*"}]}`:                                                     `names no Principal`,
		`p: {Statement: [{Effect: Deny, Action: "*", Resource: "*", Condition: {IpAddress: {"aws:SourceIp": 10.0.0.0/8}}}]}`:                `this operator is not understood, got "IpAddress"`,
		`p: {Statement: [{Effect: Deny, Action: "*", Resource: "*", Condition: {StringEquals: {"aws:SourceVpc": x}}}]}`:                     `this condition key is not understood, got "aws:SourceVpc"`,
		`p: {Statement: [{Effect: Deny, Action: "*", Resource: "*", Condition: {StringEquals: {"aws:ResourceTag/t": "${aws:username}"}}}]}`: `policy variables are not understood`,
		`p: {Statement: [{Effect: Allow, Action: [], Resource: "*"}]}`:                                                                      `Action is empty`,
		`p: {statement: []}`: `policy p has no key "statement"`,
		`[]`:                 `policies must be a mapping`,
	} {
		if _, problems := read(t, text); !strings.Contains(problems, want) {
			t.Errorf("%s: %s, want %s", text, problems, want)
		}
	}
	old := `{p: {Statement: {Effect: Allow, Action: ["proton:CreateEnvironmentTemplateMajorVersion", "s3:GetObject"], Resource: "*"}}}`
	if _, problems := read(t, old); problems != "" {
		t.Errorf("a policy of old: %s", problems)
	}
}
