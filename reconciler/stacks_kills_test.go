package reconciler

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/config"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"baryon/provisioner/awssim"
	"baryon/state"
)

// losesPower moves the world onto a store that waits for the disk, of which a power
// cut leaves the files as they are at that moment: the next process opens a copy of
// the database and its log, and nothing that the one before had in memory.
func (w *stackWorld) losesPower() {
	w.t.Helper()
	dir := w.t.TempDir()
	open := func() {
		w.t.Helper()
		store, err := state.Open(w.t.Context(), state.Config{DSN: filepath.Join(dir, "baryon.db"), Now: w.clock})
		if err != nil {
			w.t.Fatal(err)
		}
		before := w.store
		w.store = store
		w.t.Cleanup(func() { _ = before.Close() })
	}
	open()
	w.cut = func() {
		w.t.Helper()
		left := w.t.TempDir()
		for _, name := range []string{"baryon.db", "baryon.db-wal"} {
			data, err := os.ReadFile(filepath.Join(dir, name))
			if err == nil {
				err = os.WriteFile(filepath.Join(left, name), data, 0o600)
			}
			if err != nil && !os.IsNotExist(err) {
				w.t.Fatal(err)
			}
		}
		dir = left
		open()
	}
	w.restart(0)
}

// byHand makes a stack as somebody would who does not know Baryon.
func (w *stackWorld) byHand(name, size string) {
	w.t.Helper()
	c, err := config.LoadDefaultConfig(w.t.Context(), config.WithRegion("eu-west-1"), config.WithBaseEndpoint(w.url))
	if err != nil {
		w.t.Fatal(err)
	}
	body := fmt.Sprintf("Resources: {A: {Type: AWS::SNS::Topic, Properties: {DisplayName: %q}}}\nOutputs: {size: {Value: %q}}\n", size, size)
	if _, err := sdk.NewFromConfig(c).CreateStack(w.t.Context(), &sdk.CreateStackInput{StackName: &name, TemplateBody: &body}); err != nil {
		w.t.Fatal(err)
	}
}

// TestStacksSurviveOtherKills kills the daemon after each call of what is less
// common than a creation: a stack is taken over, made anew after a failed creation,
// and mended after a failed rollback. On SQLite the machine loses its power with it.
func TestStacksSurviveOtherKills(t *testing.T) {
	if testing.Short() {
		t.Skip("minutes under the race detector, and one process after another: TestStacksSurviveKills is run there")
	}
	failed := func(w *stackWorld, ref state.Ref, says string) {
		w.t.Helper()
		if d := w.settle(ref, 0); d.Status != state.Failed || !strings.Contains(d.Message, says) {
			w.t.Fatalf("it is %s: %s", d.Status, d.Message)
		}
	}
	// Each makes a target due for what is killed, and says how that names what it
	// begins, each once.
	for what, due := range map[string]func(*stackWorld, string) (ref state.Ref, begins []string){
		"taken over": func(w *stackWorld, name string) (state.Ref, []string) {
			w.byHand("old-"+name, "small")
			return w.environment(name, ", stack: old-"+name, "small"), nil
		},
		"made anew": func(w *stackWorld, name string) (state.Ref, []string) {
			w.sim.Inject(awssim.Fault{Stack: "environment-" + name, Do: "create", Times: 1, Reason: "no luck"})
			ref := w.environment(name, "", "large")
			w.push()
			failed(w, ref, "no luck")
			return w.environment(name, "", "small"), []string{"", "-clear"}
		},
		"mended": func(w *stackWorld, name string) (state.Ref, []string) {
			ref := w.environment(name, "", "large")
			w.push()
			w.settle(ref, 0)
			w.sim.Inject(awssim.Fault{Stack: "environment-" + name, Do: "update", Times: 1, Reason: "no luck"})
			w.sim.Inject(awssim.Fault{Stack: "environment-" + name, Do: "rollback", Times: 1, Reason: "no way back"})
			w.environment(name, "", "huge")
			w.push()
			failed(w, ref, "baryon skip environment/"+name+" --resource ID")
			return w.environment(name, "", "small"), []string{"", "-continue"}
		},
	} {
		for _, db := range []string{"sqlite", "postgres"} {
			t.Run(what+" on "+db, func(t *testing.T) {
				w := newStackWorld(t, db == "postgres")
				if db == "sqlite" {
					w.losesPower()
				}
				most := 0
				for dies := 1; dies <= max(most, 2); dies++ {
					ref, begins := due(w, fmt.Sprintf("e%d", dies))
					w.push()
					d := w.settle(ref, dies)
					most = max(most, w.engine.calls)
					if d.Status != state.Succeeded || d.Outputs["size"] != "small" {
						t.Fatalf("killed after call %d, it is %s with %v: %s", dies, d.Status, d.Outputs, d.Message)
					}
					if begins == nil && w.sim.Mutations("") != dies { // those of others
						t.Errorf("killed after call %d: something was begun", dies)
					}
					for _, suffix := range begins {
						if n := w.sim.Mutations("baryon-" + d.ID + suffix); n != 1 {
							t.Errorf("killed after call %d: %q was begun %d times", dies, suffix, n)
						}
					}
				}
				if most < 3 {
					t.Errorf("it took %d calls; it was not killed at each", most)
				}
			})
		}
	}
}
