package renderer

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"
)

// fleetBundle is a service template of the size that real ones have: the
// corpus's largest where there is a corpus, else one made up.
func fleetBundle(b testing.TB) *Bundle {
	b.Helper()
	if dir := os.Getenv("BARYON_CORPUS"); dir != "" {
		bundle, err := Open(os.DirFS(filepath.Join(dir, "cloudformation/service-templates/load-balanced-fargate-svc/v1")), "svc/v1", Options{})
		if err != nil {
			b.Fatal(err)
		}
		return bundle
	}
	template := "Resources:\n"
	for i := range 40 {
		template += fmt.Sprintf("  Resource%d:\n    Type: AWS::ECS::Service\n    Properties:\n      Name: {{ service.name }}-{{ service_instance.name }}\n"+
			"      {%% if service_instance.inputs.port == 80 %%}\n      Port: {{ service_instance.inputs.port }}\n      {%% endif %%}\n"+
			"      Vpc: {{ environment.outputs.VpcId }}\n      Role: !GetAtt Role.Arn\n", i)
	}
	const manifest = "infrastructure: {templates: [{file: cloudformation.yaml, rendering_engine: jinja, template_language: cloudformation}]}"
	bundle, err := Open(fstest.MapFS{
		"schema/schema.yaml": {Data: []byte("schema:\n  format: {openapi: \"3.0.0\"}\n  service_input_type: In\n  types:\n    In: {type: object, properties: " +
			"{port: {type: number, default: 80, minimum: 1}, desired_count: {type: number}, task_size: {type: string, enum: [small, medium]}}}\n")},
		"instance_infrastructure/manifest.yaml":       {Data: []byte(manifest)},
		"instance_infrastructure/cloudformation.yaml": {Data: []byte(template)},
	}, "svc/v1", Options{})
	if err != nil {
		b.Fatal(err)
	}
	return bundle
}

// fleetInputs checks the spec of one instance of the fleet.
func fleetInputs(b testing.TB, bundle *Bundle, i int) Inputs {
	spec := fmt.Sprintf("port: %d\ndesired_count: %d\ntask_size: medium\n", 1024+i%1000, 1+i%5)
	n, problems := ParseOne("spec.yaml", []byte(spec), Limits{})
	if problems.Failed() {
		b.Fatal(problems)
	}
	values, problems := bundle.Schema.Service.Check(n, CheckOptions{})
	if problems.Failed() {
		b.Fatal(problems)
	}
	outputs := map[string]string{}
	for k := range strings.FieldsSeq("CloudMapNamespaceId Cluster PrivateSubnet1 PrivateSubnet2 PublicSubnet1 PublicSubnet2 SNSRegion SNSTopicArn ServiceTaskDefExecutionRoleArn VPC VpcId") {
		outputs[k] = "value-of-" + k
	}
	return Inputs{
		ARN: fmt.Sprintf("arn:aws:proton:us-east-1:123456789012:service/s%d/service-instance/prod", i), Service: Service{Name: fmt.Sprintf("s%d", i)},
		ServiceInstance: ServiceInstance{Name: "prod", Inputs: values}, Environment: Environment{Name: "prod", AccountID: "123456789012", Outputs: outputs},
	}
}

// instance checks the spec of one instance of the fleet and renders it.
func instance(b testing.TB, r *Renderer, bundle *Bundle, i int) *Rendered {
	out, err := r.Render(b.Context(), bundle, PartInstance, fleetInputs(b, bundle, i), Provision)
	if err != nil {
		b.Fatal(err)
	}
	return out
}

// BenchmarkFleet checks and renders 10,000 instances of one template, all cores
// working. The target is under 5 s on two cores.
func BenchmarkFleet(b *testing.B) {
	const instances = 10_000
	bundle := fleetBundle(b)
	b.ReportAllocs()
	start := time.Now()
	for b.Loop() {
		r := New(Config{})
		var next atomic.Int64
		var group sync.WaitGroup
		for range runtime.GOMAXPROCS(0) {
			group.Go(func() {
				for i := next.Add(1); i <= instances; i = next.Add(1) {
					instance(b, r, bundle, int(i))
				}
			})
		}
		group.Wait()
	}
	b.ReportMetric(time.Since(start).Seconds()/float64(b.N), "s/10k")
}

// BenchmarkCold checks and renders one instance with no template parsed yet.
func BenchmarkCold(b *testing.B) {
	bundle := fleetBundle(b)
	b.ReportAllocs()
	for b.Loop() {
		instance(b, New(Config{}), bundle, 1)
	}
}

// BenchmarkWarm does the same with the template parsed already.
func BenchmarkWarm(b *testing.B) {
	bundle, r := fleetBundle(b), New(Config{})
	b.ReportAllocs()
	for b.Loop() {
		instance(b, r, bundle, 1)
	}
}

func BenchmarkWellFormed(b *testing.B) {
	f, _ := instance(b, New(Config{}), fleetBundle(b), 1).Files.Get("cloudformation.yaml")
	b.SetBytes(int64(len(f.Data)))
	b.ReportAllocs()
	for b.Loop() {
		if problems := wellFormed(string(f.Data)); problems.Failed() {
			b.Fatal(problems)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	s := mustCompile(b, house)
	const spec = "zone: eu\nport: 8080\nsubnets: [aa, bb]\ndb: {name: x, replicas: [{}, {zone: b, next: {}}]}\nlabels: {x: 1}\n"
	b.ReportAllocs()
	for b.Loop() {
		n, _ := ParseOne("p.yaml", []byte(spec), Limits{})
		if _, problems := s.Environment.Check(n, CheckOptions{}); problems.Failed() {
			b.Fatal(problems)
		}
	}
}

// Rendering many instances holds no more memory than rendering a few.
func TestFleetMemory(t *testing.T) {
	bundle, r := fleetBundle(t), New(Config{})
	held := func(from, to int) uint64 {
		for i := from; i < to; i++ {
			instance(t, r, bundle, i)
		}
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := held(0, 200)
	if after := held(200, 1200); after > before+4<<20 {
		t.Errorf("1,000 renderings left %d kB behind", (after-before)>>10)
	}
}
