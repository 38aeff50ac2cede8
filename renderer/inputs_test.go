package renderer

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"baryon/renderer/jinja"
)

func TestNamespace(t *testing.T) {
	t.Parallel()
	in := Inputs{
		ARN:             "arn:x",
		Environment:     Environment{Name: "prod", AccountID: "1", Inputs: dict("zone", "n"), Outputs: map[string]string{"B": "2", "A": "1"}},
		Service:         Service{Name: "shop"},
		ServiceInstance: ServiceInstance{Name: "eu", Inputs: dict("port", int64(80))},
		Instances:       []PipelineInstance{{Name: "eu", Inputs: dict("port", int64(80)), Outputs: map[string]string{"U": "u"}, Environment: Environment{Name: "prod", AccountID: "1", Inputs: dict("never", "seen")}}},
		Pipeline:        Pipeline{Inputs: dict("dir", ".")},
		Component:       Component{Name: "bucket"},
		Tags:            []Setting{{"proton:account", "1"}},
	}
	const outside = `"environment":{"account_id":"1","name":"prod","outputs":{"A":"1","B":"2"}}`
	const service = `"service":{"name":"shop","repository_connection_arn":"","repository_id":"","branch_name":""}`
	for name, tt := range map[string]struct {
		change func(*Inputs)
		part   Part
		want   string
	}{
		"environment": {nil, PartEnvironment, `{"environment":{"name":"prod","inputs":{"zone":"n"}}}`},
		"instance":    {nil, PartInstance, `{` + outside + `,` + service + `,"service_instance":{"name":"eu","inputs":{"port":80},"components":{}}}`},
		"instance, attached": {func(in *Inputs) {
			in.ServiceInstance.Component = &AttachedComponent{Name: "c", Outputs: map[string]string{"X": "y"}}
		}, PartInstance, `{` + outside + `,` + service + `,"service_instance":{"name":"eu","inputs":{"port":80},"components":{"default":{"name":"c","outputs":{"X":"y"}}}}}`},
		"pipeline":              {nil, PartPipeline, `{"pipeline":{"inputs":{"dir":"."}},` + service + `,"service_instances":[{"name":"eu","inputs":{"port":80},"outputs":{"U":"u"},"environment":{"account_id":"1","name":"prod","outputs":{}}}]}`},
		"pipeline of nothing":   {func(in *Inputs) { in.Instances = nil }, PartPipeline, `{"pipeline":{"inputs":{"dir":"."}},` + service + `,"service_instances":[]}`},
		"component, detached":   {nil, PartComponent, `{"component":{"name":"bucket"},` + outside + `}`},
		"component, attached":   {func(in *Inputs) { in.Component.Attached = true }, PartComponent, `{"component":{"name":"bucket"},` + outside + `,"service":{"name":"shop"},"service_instance":{"name":"eu","inputs":{"port":80}}}`},
		"nothing given at all":  {func(in *Inputs) { *in = Inputs{} }, PartEnvironment, `{"environment":{"name":"","inputs":{}}}`},
		"instance with nothing": {func(in *Inputs) { *in = Inputs{} }, PartInstance, `{"environment":{"account_id":"","name":"","outputs":{}},"service":{"name":"","repository_connection_arn":"","repository_id":"","branch_name":""},"service_instance":{"name":"","inputs":{},"components":{}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := in
			if tt.change != nil {
				tt.change(&in)
			}
			got, err := in.Namespace(tt.part).MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCanonical(t *testing.T) {
	t.Parallel()
	canonical := func(change func(*Inputs), p Part) []byte {
		in := everyInput()
		change(&in)
		text, err := in.Canonical(p)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	base := canonical(func(*Inputs) {}, PartInstance)
	for name, tt := range map[string]struct {
		change func(*Inputs)
		same   bool
	}{
		"the same":              {func(*Inputs) {}, true},
		"what is not read":      {func(in *Inputs) { in.Pipeline.Inputs, in.Environment.Inputs = nil, nil }, true},
		"an input":              {func(in *Inputs) { in.ServiceInstance.Inputs = dict("a", "b") }, false},
		"an output":             {func(in *Inputs) { in.Environment.Outputs = map[string]string{"A": "2"} }, false},
		"the order of inputs":   {func(in *Inputs) { in.ServiceInstance.Inputs = reversed(in.ServiceInstance.Inputs) }, false},
		"a tag":                 {func(in *Inputs) { in.Tags = nil }, false},
		"the ARN":               {func(in *Inputs) { in.ARN = "arn:z" }, false},
		"a detached component":  {func(in *Inputs) { in.ServiceInstance.Component = nil }, false},
		"the order of outputs":  {func(in *Inputs) { in.Environment.Outputs = map[string]string{"A": "1", "B": "2"} }, true},
		"another branch to use": {func(in *Inputs) { in.Service.BranchName = "dev" }, false},
	} {
		if got := canonical(tt.change, PartInstance); bytes.Equal(got, base) != tt.same {
			t.Errorf("%s: equal is %t, want %t:\n%s\n%s", name, !tt.same, tt.same, base, got)
		}
	}
}

func reversed(d *jinja.Dict) *jinja.Dict {
	out := jinja.NewDict()
	keys := d.Keys()
	for i := range keys {
		k := keys[len(keys)-1-i]
		v, _ := d.Get(k)
		out.Set(k, v)
	}
	return out
}
