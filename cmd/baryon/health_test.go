package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"baryon/gitsource/githost"
	v1 "baryon/server/v1"
	"baryon/state/pgtest"
)

// A healthWorld is a replicaWorld with an environment that is applied at once, and
// is then asked by requests to an app of the test, and by commands that note where
// they run and wait for the test.
type healthWorld struct {
	*replicaWorld

	healthy atomic.Bool
}

func newHealthWorld(t *testing.T, dsn, within string) *healthWorld {
	t.Helper()
	w := &healthWorld{replicaWorld: newReplicaWorldOn(t, dsn)}
	app := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		if !w.healthy.Load() {
			rw.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(app.Close)
	config := "listen: 127.0.0.1:0\nrepositories:\n  - {name: platform, url: ./git/platform.git, publish: auto}\nhealth: {hosts: [127.0.0.1]}\n"
	if err := os.WriteFile(filepath.Join(w.dir, "baryon.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	starts := filepath.Join(w.dir, "starts")
	_, err := w.host.Commit("platform", githost.Change{Author: "Ada", Email: "ada@example.com", Message: "all", Files: mapFiles(map[string]string{
		"net/v1/schema/schema.yaml": plainSchema,
		"net/v1/infrastructure/manifest.yaml": fmt.Sprintf(`infrastructure:
  templates:
    - rendering_engine: codebuild
      settings:
        provision:
          - echo "$PWD" >> %s/one
          - 'echo "[{\"key\": \"Url\", \"valueString\": \"%s\"}]" > proton-outputs.json'
        deprovision: [echo gone]
`, starts, app.URL),
		"net/v1/health.yaml": fmt.Sprintf(`environment:
  within: %s
  checks:
    - {http: {url: "${outputs.Url}/"}, interval: 100ms, successes: 2}
    - command: ['echo "$PWD" >> %[2]s/check', 'until test -e %[2]s/go; do sleep 0.02; done', 'test "$OUTPUT_Url" = %[3]s']
      timeout: 5m
      interval: 100ms
      successes: 2
`, within, starts, app.URL),
		"environments/one.yaml": "proton: EnvironmentSpec\nbaryon: {environment: one, template: net, version: \"1\"}\nspec: {}\n",
	})})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// checking waits until both checks were asked, and returns the health by then.
func (w *healthWorld) checking(t *testing.T, r *replica) v1.Health {
	t.Helper()
	w.until(t, r, "one", func(d v1.Target) bool {
		return d.DeploymentStatus == "IN_PROGRESS" && strings.Contains(d.DeploymentStatusMessage, "answered 503") && w.starts(t, "check") != ""
	})
	return w.health(t, r)
}

func (w *healthWorld) health(t *testing.T, r *replica) v1.Health {
	t.Helper()
	var page v1.Page[v1.Deployment]
	if err := r.client.Get(context.WithoutCancel(t.Context()), "deployments", nil, &page); err != nil || len(page.Items) != 1 || page.Items[0].Health == nil {
		t.Fatalf("deployments %+v, err %v; want one, with its health", page.Items, err)
	}
	return *page.Items[0].Health
}

// TestHealthSurvivesAKill kills a daemon while it waits for what it applied to
// become healthy. The next one goes on, with the time that was left and the
// commands that run, and nothing is applied again.
func TestHealthSurvivesAKill(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(testing.TB) string{"sqlite": func(testing.TB) string { return "" }, "postgres": pgtest.Start} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newHealthWorld(t, start(t), "5m")
			a := w.daemon(t, "a")
			before := w.checking(t, a)
			a.kill(t)
			w.healthy.Store(true)
			b := w.daemon(t, "a")
			w.until(t, b, "one", func(d v1.Target) bool { return strings.HasPrefix(d.DeploymentStatusMessage, "1 of 2 checks are good") })
			w.release(t)
			w.until(t, b, "one", succeeded)
			after := w.health(t, b)
			if !after.Until.Equal(before.Until) || !after.Since.Equal(before.Since) || after.State != "healthy" || after.Checks[0].Answers <= before.Checks[0].Answers {
				t.Errorf("before %+v, after %+v: want the same time, and answers that go on", before, after)
			}
			if n := strings.Count(w.starts(t, "one"), "\n"); n != 1 {
				t.Errorf("it was applied %d times", n)
			}
			if n := strings.Count(w.starts(t, "check"), "\n"); n != after.Checks[1].Answers {
				t.Errorf("the commands of the check ran %d times for %d answers", n, after.Checks[1].Answers)
			}
		})
	}
}

// TestHealthEndsAfterAKill lets the time run out while no daemon is there.
func TestHealthEndsAfterAKill(t *testing.T) {
	t.Parallel()
	w := newHealthWorld(t, "", "1s")
	a := w.daemon(t, "a")
	w.until(t, a, "one", func(d v1.Target) bool { return strings.Contains(d.DeploymentStatusMessage, "healthy 0 of 2") })
	a.kill(t)
	b := w.daemon(t, "a")
	w.until(t, b, "one", func(d v1.Target) bool {
		return d.DeploymentStatus == "FAILED" && strings.Contains(d.DeploymentStatusMessage, "not healthy within 1s")
	})
	if h := w.health(t, b); h.State != "unhealthy" || h.Until.Sub(h.Since).Seconds() != 1 {
		t.Errorf("its health is %+v", h)
	}
}

// TestHealthIsTakenOver kills the one of two daemons that asks: the other asks
// from then on, and runs the commands that ended with the first again.
func TestHealthIsTakenOver(t *testing.T) {
	t.Parallel()
	w := newHealthWorld(t, pgtest.Start(t), "5m")
	daemons := map[string]*replica{"a": w.daemon(t, "a"), "b": w.daemon(t, "b")}
	before := w.checking(t, daemons["a"])
	asks, other := "a", "b"
	if strings.Contains(w.starts(t, "check"), "/b/") {
		asks, other = "b", "a"
	}
	if strings.Count(w.starts(t, "check"), "\n") != 1 {
		t.Errorf("two daemons asked:\n%s", w.starts(t, "check"))
	}
	daemons[asks].kill(t)
	w.healthy.Store(true)
	w.until(t, daemons[other], "one", func(v1.Target) bool { return strings.Contains(w.starts(t, "check"), "/"+other+"/") })
	w.release(t)
	w.until(t, daemons[other], "one", succeeded)
	if after := w.health(t, daemons[other]); !after.Until.Equal(before.Until) || strings.Count(w.starts(t, "one"), "\n") != 1 {
		t.Errorf("taken over, its health is %+v, was %+v; it was applied at\n%s", after, before, w.starts(t, "one"))
	}
}
