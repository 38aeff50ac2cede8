package renderer

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func TestOutputNames(t *testing.T) {
	t.Parallel()
	f := good()
	f["infrastructure/run.sh"] = &fstest.MapFile{Data: []byte(`# It reads environment.outputs.
infrastructure: none
{{ environment.outputs.VpcId }} {{ outputs["Sub-Net"] }} ${var.environment.outputs.Zone}
cat >proton-outputs.json; {{ service_instance.myoutputs.No }}
`)}
	b, err := Open(f, "web/v1", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"Sub-Net", "VpcId", "Zone"}, b.OutputNames(PartEnvironment)); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}
