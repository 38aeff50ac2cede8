package terraform_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"baryon/provisioner"
)

// benchCode makes enough resources for an apply to be one.
const benchCode = `
resource "terraform_data" "a" {
  count = 20
  input = count.index
}
output "last" { value = terraform_data.a[19].output }
`

// BenchmarkApply applies the same new stack in a shell and through the engine,
// in turn, and reports the ratio of their times.
func BenchmarkApply(b *testing.B) {
	p := newPlace(b)
	e := p.engine(b, nil)
	shellDir := b.TempDir()
	var shell, engine time.Duration
	for i := 0; b.Loop(); i++ {
		shell += inShell(b, filepath.Join(shellDir, fmt.Sprint(i)))
		begun := time.Now()
		j := provisioner.Job{
			ID: fmt.Sprintf("bench-%d", i), Stack: fmt.Sprintf("environment-%d", i), Action: provisioner.Provision,
			Files: fstest.MapFS{"main.tf": {Data: []byte(benchCode)}},
		}
		for {
			got, err := e.Apply(b.Context(), j)
			if err != nil {
				b.Fatal(err)
			}
			j.Handle, j.LogOffset = got.Handle, j.LogOffset+int64(len(got.Log))
			if got.State.Final() {
				if got.State != provisioner.Succeeded || got.Outputs["last"] != "19" {
					b.Fatal(got.State, got.Message, got.Outputs)
				}
				break
			}
			pause := time.NewTimer(got.Again)
			<-pause.C
		}
		engine += time.Since(begun)
	}
	b.ReportMetric(float64(shell.Milliseconds())/float64(b.N), "shell-ms")
	b.ReportMetric(float64(engine.Milliseconds())/float64(b.N), "engine-ms")
	b.ReportMetric(engine.Seconds()/shell.Seconds(), "engine/shell")
}

// inShell is how long a person's three commands take.
func inShell(b *testing.B, dir string) time.Duration {
	b.Helper()
	if err := os.Mkdir(dir, 0o700); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(benchCode), 0o600); err != nil {
		b.Fatal(err)
	}
	begun := time.Now()
	cmd := exec.CommandContext(b.Context(), "sh", "-c", "terraform init -input=false && terraform plan -input=false -out=plan && terraform apply -input=false plan")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TF_CLI_CONFIG_FILE=/dev/null", "CHECKPOINT_DISABLE=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return time.Since(begun)
}
