package proton_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"baryon/state"
)

const shopSpec = `proton: ServiceSpec
pipeline: {dir: shop}
instances:
  - name: eu # the first one
    environment: prod
    spec: {size: 1}
  - name: us
    environment: prod
    spec: {size: 2}
`

// fill puts a platform into a store as the loop would have left it.
func fill(t *testing.T, w *world) (deployments map[string]string) {
	t.Helper()
	deployments = map[string]string{}
	version := state.Version{Major: 1, Minor: 10}
	err := w.store.Update(t.Context(), state.Fence{}, func(tx *state.Tx) error {
		for kind, name := range map[state.Kind]string{state.KindEnvironment: "net", state.KindService: "web"} {
			if err := tx.PutTemplate(state.Template{Kind: kind, Name: name, Repository: "platform"}); err != nil {
				return err
			}
			for _, v := range []state.Version{{Major: 1}, {Major: 1, Minor: 2}, version, {Major: 2}} {
				row := state.TemplateVersion{Kind: kind, Name: name, Version: v, Status: state.Published, Bundle: "b", Schema: "schema: {}\n"}
				if v.Major == 2 {
					row.Status = state.Draft
				}
				if kind == state.KindService {
					row.CompatibleEnvironments = []string{"net:1"}
				}
				if err := tx.PutTemplateVersion(row); err != nil {
					return err
				}
			}
		}
		if err := tx.PutService(state.Service{Name: "shop", Template: "web", Status: state.ServiceActive, Spec: shopSpec, Created: true}); err != nil {
			return err
		}
		refs := []state.Ref{state.EnvironmentRef("prod"), state.InstanceRef("shop", "eu"), state.InstanceRef("shop", "us"), state.PipelineRef("shop"), state.ComponentRef("queue")}
		for _, ref := range refs {
			d := state.Deployment{ID: state.NewID(), Ref: ref, Action: state.Create, Status: state.Succeeded, Generation: 1, Outputs: map[string]string{"B": "2", "A": "1"}}
			d.Desired = state.Desired{Template: "web", Version: version, Follow: "1", Spec: shopSpec, Environment: "prod"}
			switch ref.Kind {
			case state.KindEnvironment:
				d.Desired.Template, d.Desired.Spec, d.Desired.Environment = "net", "proton: EnvironmentSpec\nspec: {}\n", ""
			case state.KindPipeline:
				d.Desired.Environment = ""
			case state.KindComponent:
				d.Desired.Template, d.Desired.Service, d.Desired.Instance = "", "shop", "eu"
			}
			target := state.Target{Ref: ref, Generation: 1, Desired: d.Desired, Status: d.Status, LastAttempted: d.ID, LastSucceeded: d.ID}
			target.Deployed = state.Deployed{Generation: 1, Version: version, Spec: d.Desired.Spec, Outputs: d.Outputs, Deployment: d.ID, At: tx.Now()}
			if err := tx.PutTarget(target); err != nil {
				return err
			}
			if err := tx.AddDeployment(d); err != nil {
				return err
			}
			deployments[ref.String()] = d.ID
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return deployments
}

// TestReads asks for everything there is, in the published shapes.
func TestReads(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids := fill(t, w)
	arn := "arn:aws:proton:us-east-1:000000000000:"
	for _, tt := range []struct {
		name, body string
		path       []string
		want       any
	}{
		{"GetEnvironment", `{"name":"prod"}`, []string{"environment", "templateMinorVersion"}, "10"},
		{"GetEnvironment", `{"name":"prod"}`, []string{"environment", "arn"}, arn + "environment/prod"},
		{"GetEnvironment", `{"name":"prod"}`, []string{"environment", "spec"}, "proton: EnvironmentSpec\nspec: {}\n"},
		{"ListEnvironments", `{}`, []string{"environments", "#0", "deploymentStatus"}, "SUCCEEDED"},
		{"ListEnvironments", `{"environmentTemplates":[{"templateName":"net","majorVersion":"2"}]}`, []string{"environments"}, []any{}},
		{"ListEnvironmentOutputs", `{"environmentName":"prod"}`, []string{"outputs", "#0"}, map[string]any{"key": "A", "valueString": "1"}},
		{"ListEnvironmentOutputs", `{"environmentName":"prod","deploymentId":"` + ids["environment/prod"] + `"}`, []string{"outputs", "#1", "key"}, "B"},
		{"ListEnvironmentProvisionedResources", `{"environmentName":"prod"}`, []string{"provisionedResources"}, []any{}},
		{"GetService", `{"name":"shop"}`, []string{"service", "spec"}, shopSpec},
		{"GetService", `{"name":"shop"}`, []string{"service", "pipeline", "arn"}, arn + "service/shop/pipeline"},
		{"ListServices", `{}`, []string{"services", "#0", "status"}, "ACTIVE"},
		{"GetServiceInstance", `{"name":"eu","serviceName":"shop"}`, []string{"serviceInstance", "spec"},
			"proton: ServiceSpec\ninstances:\n  - name: eu # the first one\n    environment: prod\n    spec: {size: 1}\n"},
		{"ListServiceInstances", `{}`, []string{"serviceInstances", "#1", "name"}, "us"},
		{"ListServiceInstances", `{"sortBy":"name","sortOrder":"DESCENDING"}`, []string{"serviceInstances", "#0", "name"}, "us"},
		{"ListServiceInstances", `{"filters":[{"key":"name","value":"us"},{"key":"deploymentStatus","value":"SUCCEEDED"}]}`, []string{"serviceInstances", "#0", "name"}, "us"},
		{"ListServiceInstances", `{"filters":[{"key":"createdAtBefore","value":"2020-01-01T00:00:00Z"}]}`, []string{"serviceInstances"}, []any{}},
		{"ListServiceInstances", `{"filters":[{"key":"deployedTemplateVersionStatus","value":"UP_TO_DATE"}]}`, []string{"serviceInstances", "#1", "name"}, "us"},
		{"ListServiceInstanceOutputs", `{"serviceName":"shop","serviceInstanceName":"eu"}`, []string{"outputs", "#1", "valueString"}, "2"},
		{"ListServiceInstanceProvisionedResources", `{"serviceName":"shop","serviceInstanceName":"eu"}`, []string{"provisionedResources"}, []any{}},
		{"ListServicePipelineOutputs", `{"serviceName":"shop"}`, []string{"outputs", "#0", "key"}, "A"},
		{"ListServicePipelineProvisionedResources", `{"serviceName":"shop"}`, []string{"provisionedResources"}, []any{}},
		{"GetComponent", `{"name":"queue"}`, []string{"component", "serviceInstanceName"}, "eu"},
		{"ListComponents", `{"serviceName":"shop"}`, []string{"components", "#0", "environmentName"}, "prod"},
		{"ListComponents", `{"environmentName":"dev"}`, []string{"components"}, []any{}},
		{"ListComponentOutputs", `{"componentName":"queue"}`, []string{"outputs", "#0", "key"}, "A"},
		{"ListComponentProvisionedResources", `{"componentName":"queue"}`, []string{"provisionedResources"}, []any{}},
		{"GetEnvironmentTemplate", `{"name":"net"}`, []string{"environmentTemplate", "recommendedVersion"}, "1.10"},
		{"ListEnvironmentTemplates", `{}`, []string{"templates", "#0", "name"}, "net"},
		{"GetEnvironmentTemplateVersion", `{"templateName":"net","majorVersion":"1","minorVersion":"2"}`, []string{"environmentTemplateVersion", "recommendedMinorVersion"}, "10"},
		{"GetEnvironmentTemplateVersion", `{"templateName":"net","majorVersion":"1","minorVersion":"2"}`, []string{"environmentTemplateVersion", "schema"}, "schema: {}\n"},
		{"ListEnvironmentTemplateVersions", `{"templateName":"net"}`, []string{"templateVersions", "#2", "minorVersion"}, "10"},
		{"ListEnvironmentTemplateVersions", `{"templateName":"net","majorVersion":"2"}`, []string{"templateVersions", "#0", "status"}, "DRAFT"},
		{"GetServiceTemplate", `{"name":"web"}`, []string{"serviceTemplate", "arn"}, arn + "service-template/web"},
		{"ListServiceTemplates", `{}`, []string{"templates", "#0", "recommendedVersion"}, "1.10"},
		{"GetServiceTemplateVersion", `{"templateName":"web","majorVersion":"1","minorVersion":"0"}`,
			[]string{"serviceTemplateVersion", "compatibleEnvironmentTemplates", "#0"}, map[string]any{"templateName": "net", "majorVersion": "1"}},
		{"ListServiceTemplateVersions", `{"templateName":"web"}`, []string{"templateVersions", "#0", "arn"}, arn + "service-template/web:1.0"},
		{"ListDeployments", `{}`, []string{"deployments", "#0", "componentName"}, "queue"},
		{"ListDeployments", `{"environmentName":"prod"}`, []string{"deployments", "#3", "targetResourceType"}, "ENVIRONMENT"},
		{"ListDeployments", `{"environmentName":"prod","serviceName":"shop"}`, []string{"deployments", "#2", "serviceInstanceName"}, "eu"},
		{"ListDeployments", `{"environmentName":"none","serviceName":"shop"}`, []string{"deployments"}, []any{}},
		{"ListDeployments", `{"serviceName":"shop"}`, []string{"deployments", "#3", "serviceInstanceName"}, "eu"},
		{"ListDeployments", `{"serviceName":"shop","serviceInstanceName":"eu"}`, []string{"deployments", "#0", "componentName"}, "queue"},
		{"ListDeployments", `{"componentName":"queue","environmentName":"none"}`, []string{"deployments"}, []any{}},
		{"ListDeployments", `{"componentName":"queue","serviceName":"shop","serviceInstanceName":"eu"}`, []string{"deployments", "#0", "componentName"}, "queue"},
		{"ListEnvironments", `{"environmentTemplates":[{"templateName":"none","majorVersion":"1"},{"templateName":"net","majorVersion":"1"},{"templateName":"net","majorVersion":"1"}]}`, []string{"environments", "#0", "name"}, "prod"},
		{"ListEnvironments", `{"environmentTemplates":[{"templateName":"net","majorVersion":"7"}]}`, []string{"environments"}, []any{}},
		{"ListDeployments", `{"serviceName":"shop","serviceInstanceName":"us"}`, []string{"deployments", "#0", "id"}, ids["service/shop/service-instance/us"]},
		{"GetDeployment", `{"id":"` + ids["service/shop/service-instance/us"] + `"}`, []string{"deployment", "targetState", "serviceInstance", "templateMinorVersion"}, "10"},
		{"GetDeployment", `{"id":"` + ids["environment/prod"] + `","environmentName":"prod"}`, []string{"deployment", "targetResourceType"}, "ENVIRONMENT"},
		{"GetDeployment", `{"id":"` + ids["service/shop/pipeline"] + `"}`, []string{"deployment", "targetState", "servicePipeline", "spec"}, shopSpec},
		{"GetAccountSettings", `{}`, []string{"accountSettings", "pipelineServiceRoleArn"}, ""},
		{"ListTagsForResource", `{"resourceArn":"` + arn + `service/shop/service-instance/eu"}`, []string{"tags", "#2"},
			map[string]any{"key": "aws:proton:service", "value": arn + "service/shop"}},
	} {
		got := at(t, w.must(t, tt.name, tt.body), tt.path...)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s %s: %v (-want +got):\n%s", tt.name, tt.body, tt.path, diff)
		}
	}
	summary := at(t, w.must(t, "GetResourcesSummary", `{}`), "counts").(map[string]any)
	if got := fmt.Sprintf("%v %v %v", at(t, summary, "serviceInstances", "upToDate"), at(t, summary, "services", "total"), at(t, summary, "environmentTemplates", "total")); got != "2 1 1" {
		t.Errorf("summary: %v", summary)
	}
}

func TestReadsOfWhatIsNotThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids := fill(t, w)
	none := state.NewID()
	for name, body := range map[string]string{
		"GetEnvironment":                  `{"name":"x"}`,
		"ListEnvironmentOutputs":          `{"environmentName":"prod","deploymentId":"` + ids["service/shop/pipeline"] + `"}`,
		"GetService":                      `{"name":"x"}`,
		"GetServiceInstance":              `{"serviceName":"shop","name":"x"}`,
		"ListServiceInstances":            `{"serviceName":"x"}`,
		"ListServicePipelineOutputs":      `{"serviceName":"x"}`,
		"GetComponent":                    `{"name":"x"}`,
		"GetEnvironmentTemplate":          `{"name":"web"}`,
		"GetServiceTemplateVersion":       `{"templateName":"web","majorVersion":"3","minorVersion":"0"}`,
		"ListEnvironmentTemplateVersions": `{"templateName":"x"}`,
		"GetDeployment":                   `{"id":"` + none + `"}`,
		"GetEnvironmentAccountConnection": `{"id":"` + none + `"}`,
		"GetRepository":                   `{"provider":"GITHUB","name":"acme/shop"}`,
		"ListTagsForResource":             `{"resourceArn":"arn:aws:proton:us-east-1:000000000000:service/x"}`,
	} {
		w.refused(t, name, body, "ResourceNotFoundException", "")
	}
	w.refused(t, "GetDeployment", `{"id":"`+ids["environment/prod"]+`","environmentName":"dev"}`, "ResourceNotFoundException", "not of what was named")
	w.refused(t, "ListDeployments", `{"serviceInstanceName":"eu"}`, "ValidationException", "needs serviceName")
	w.refused(t, "ListServiceInstances", `{"filters":[{"key":"createdAtAfter","value":"soon"}]}`, "ValidationException", "want a time such as")
}

// TestPaging reads lists in pages of one and loses nothing, whatever comes
// meanwhile.
func TestPaging(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fill(t, w)
	for name, tt := range map[string]struct{ selects, member, key string }{
		"ListServiceInstances":            {`"sortBy":"name","sortOrder":"DESCENDING",`, "serviceInstances", "name"},
		"ListDeployments":                 {``, "deployments", "id"},
		"ListEnvironmentTemplateVersions": {`"templateName":"net",`, "templateVersions", "arn"},
		"ListTagsForResource":             {`"resourceArn":"arn:aws:proton:us-east-1:000000000000:environment/prod",`, "tags", "key"},
	} {
		body := func(rest string) string { return "{" + strings.TrimSuffix(tt.selects+rest, ",") + "}" }
		var whole, paged []any
		for _, item := range w.must(t, name, body(""))[tt.member].([]any) {
			whole = append(whole, at(t, item, tt.key))
		}
		for token, i := "", 0; i <= len(whole); i++ {
			page := w.must(t, name, body(`"maxResults":1,`+token))
			for _, item := range page[tt.member].([]any) {
				paged = append(paged, at(t, item, tt.key))
			}
			next, more := page["nextToken"].(string)
			if !more {
				break
			}
			token = `"nextToken":"` + next + `"`
		}
		if diff := cmp.Diff(whole, paged); diff != "" || len(whole) < 2 {
			t.Errorf("%s in pages (-whole +paged):\n%s", name, diff)
		}
	}
	// The deployment at which a page begins may go meanwhile.
	page := w.must(t, "ListDeployments", `{"maxResults":1}`)
	if err := w.store.DeleteDeployment(t.Context(), at(t, page, "deployments", "#0", "id").(string)); err != nil {
		t.Fatal(err)
	}
	next := `{"maxResults":1,"nextToken":"` + page["nextToken"].(string) + `"}`
	if diff := cmp.Diff(w.must(t, "ListDeployments", `{"maxResults":1}`)["deployments"], w.must(t, "ListDeployments", next)["deployments"]); diff != "" {
		t.Errorf("behind one that was deleted (-newest +next page):\n%s", diff)
	}
	first := w.must(t, "ListServiceInstances", `{"maxResults":1}`)
	w.refused(t, "ListServiceInstances", `{"sortBy":"name","nextToken":"`+first["nextToken"].(string)+`"}`, "ValidationException", "not of this list")
	w.refused(t, "ListServices", `{"nextToken":"AAAA"}`, "ValidationException", "not of this list")
}
