package proton_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"baryon/gitsource/gittest"
	"baryon/reconciler"
	"baryon/reconciler/looptest"
	"baryon/state"
)

// pullFiles declare the environment prod and the service shop with eu and us.
func pullFiles() map[string]string {
	return map[string]string{"prod.yaml": gitEnvironment("prod"), "shop.yaml": gitService("shop", "eu", "us")}
}

// updateShop is UpdateServiceInstance of an instance of shop, to another size.
func updateShop(name, size string) string {
	return fmt.Sprintf(`{"name":%q,"serviceName":"shop","deploymentType":"CURRENT_VERSION","spec":%q}`, name, serviceSpec("a", "eu="+size, "us="+size))
}

// instance is what GetServiceInstance tells of one of shop's.
func (w *gitWorld) instance(t *testing.T, name string) (status, message, spec string) {
	t.Helper()
	body := at(t, w.must(t, "GetServiceInstance", fmt.Sprintf(`{"name":%q,"serviceName":"shop"}`, name)), "serviceInstance")
	text := func(member string) string {
		s, _ := at(t, body, member).(string)
		return s
	}
	return text("deploymentStatus"), text("deploymentStatusMessage"), text("spec")
}

func (w *gitWorld) wantInstance(t *testing.T, name, status, message string) {
	t.Helper()
	if got, why, _ := w.instance(t, name); got != status || !strings.Contains(why, message) {
		t.Errorf("%s is %s %q, want %s %q", name, got, why, status, message)
	}
}

func TestPullRequests(t *testing.T) {
	t.Parallel()
	w := newForgeWorld(t, reconciler.WriteBackPull, pullFiles())
	url := func(n int) string { return w.forge.Base + "/" + platform + "/pull/" + strconv.Itoa(n) }

	// A call waits until it is merged. The same one again, and another for the same,
	// are part of it; one for something else is not.
	w.must(t, "UpdateServiceInstance", updateShop("eu", "b"))
	w.wantInstance(t, "eu", "IN_PROGRESS", "waits for pull request "+url(1)+" to be merged")
	w.must(t, "UpdateServiceInstance", updateShop("eu", "b"))
	w.must(t, "UpdateServiceInstance", updateShop("eu", "c"))
	w.must(t, "UpdateServiceInstance", updateShop("us", "c"))
	if n := w.forge.Count(platform); n != 2 {
		t.Errorf("%d pull requests were opened, want 2", n)
	}
	title, body, _, _ := w.forge.Look(platform, 1)
	if title != "UpdateServiceInstance service/shop/service-instance/eu" || strings.Count(body, "| `UpdateServiceInstance` | `service/shop/service-instance/eu` |") != 2 {
		t.Errorf("it says %q, %q", title, body)
	}
	branch := w.forge.Branch(platform, 1)
	if !strings.HasPrefix(branch, "baryon/service-shop-eu-") || !strings.Contains(w.show(branch, "shop.yaml"), "- name: eu   # in prod\n    environment: prod\n    spec: {size: c}") {
		t.Errorf("%s holds %s", branch, w.show(branch, "shop.yaml"))
	}
	if got := gittest.Git(t, w.remote.Dir, "log", "--format=%an, %cn: %s", "main.."+branch); strings.Count(got, "api, Baryon: UpdateServiceInstance") != 2 {
		t.Errorf("its commits are %q", got)
	}
	if got, _, spec := w.instance(t, "eu"); got != "IN_PROGRESS" || !strings.Contains(spec, "size: a") {
		t.Errorf("as long as it is open, it is %s with %q", got, spec)
	}
	w.merge(t, 1, true)
	if got, _, spec := w.instance(t, "eu"); got != "SUCCEEDED" || !strings.Contains(spec, "size: c") {
		t.Errorf("merged, it is %s with %q", got, spec)
	}

	// One that is closed has failed, until something else happens.
	w.wantInstance(t, "us", "IN_PROGRESS", url(2))
	w.reject(t, 2)
	w.wantInstance(t, "us", "FAILED", "pull request "+url(2)+" was closed without being merged")
	w.must(t, "UpdateServiceInstance", updateShop("us", "b"))
	w.wantInstance(t, "us", "IN_PROGRESS", url(3))

	// Its caller may take it back.
	w.must(t, "CancelServiceInstanceDeployment", `{"serviceName":"shop","serviceInstanceName":"us"}`)
	w.wantInstance(t, "us", "CANCELLED", "cancelled by ")
	if _, _, state, comments := w.forge.Look(platform, 3); state != "closed" || len(comments) != 1 {
		t.Errorf("it is %s and says %q", state, comments)
	}
	w.refused(t, "CancelServiceInstanceDeployment", `{"serviceName":"shop","serviceInstanceName":"us"}`, "ConflictException", "no deployment is under way")

	// What is not there yet is shown, too; what the whole service waits for as well.
	more := fmt.Sprintf(`{"name":"asia","serviceName":"shop","spec":%q}`, serviceSpec("a", "asia=b"))
	w.must(t, "CreateServiceInstance", more)
	w.wantInstance(t, "asia", "IN_PROGRESS", url(4))
	w.reject(t, 4)
	w.wantInstance(t, "asia", "FAILED", "closed without being merged")
	w.must(t, "CreateServiceInstance", more)
	w.merge(t, 5, false)
	w.wantInstance(t, "asia", "SUCCEEDED", "")
	w.must(t, "UpdateService", `{"name":"shop","description":"ours"}`)
	service := func(member string) string {
		s, _ := at(t, w.must(t, "GetService", `{"name":"shop"}`), "service", member).(string)
		return s
	}
	if service("status") != "UPDATE_IN_PROGRESS" || !strings.Contains(service("statusMessage"), url(6)) {
		t.Errorf("the service is %s, %s", service("status"), service("statusMessage"))
	}
	w.reject(t, 6)
	if service("status") != "UPDATE_FAILED" {
		t.Errorf("the service is %s, %s", service("status"), service("statusMessage"))
	}

	// What the branch says already needs none.
	w.must(t, "UpdateServiceInstance", updateShop("eu", "c"))
	w.settled(t)
	w.wantInstance(t, "eu", "SUCCEEDED", "")
	if n := w.forge.Count(platform); n != 6 {
		t.Errorf("%d pull requests were opened, want 6", n)
	}
	audit, err := w.store.Audit(t.Context(), state.InstanceRef("shop", "us").String(), "", 100)
	if err != nil {
		t.Fatal(err)
	}
	var verbs []string
	for _, a := range audit {
		verbs = append(verbs, a.Verb)
	}
	for _, verb := range []string{"request", "request-closed"} {
		if !slices.Contains(verbs, verb) {
			t.Errorf("the audit log of us has %q, and no %s", verbs, verb)
		}
	}
}

// A host that refuses has its reason told, and nothing is kept; one that is in
// trouble is tried again by the loop.
func TestPullRequestsInTrouble(t *testing.T) {
	t.Parallel()
	w := newForgeWorld(t, reconciler.WriteBackPull, pullFiles())
	say := func(status int, body string) {
		w.forge.Fail(func(method, _ string) (int, string) {
			if method == http.MethodPost {
				return status, body
			}
			return 0, ""
		})
	}
	say(403, `{"message":"Resource not accessible by integration ghp_canary"}`)
	w.refused(t, "UpdateServiceInstance", updateShop("eu", "b"), "ConflictException", "give the token the permission to write pull requests and contents")
	if a := w.do(t, "UpdateServiceInstance", updateShop("eu", "b")); strings.Contains(a.Message, "ghp_") {
		t.Errorf("the answer holds the token: %s", a.Message)
	}
	w.wantInstance(t, "eu", "SUCCEEDED", "")

	say(502, "Bad Gateway")
	w.must(t, "UpdateServiceInstance", updateShop("eu", "b"))
	w.wantInstance(t, "eu", "IN_PROGRESS", "to be opened")
	w.look(t)
	looptest.Until(t, func() bool {
		_, why, _ := w.instance(t, "eu")
		return strings.Contains(why, "502")
	}, func() string { return "the reason is never told" })
	w.forge.Fail(nil)
	looptest.Until(t, func() bool {
		w.look(t)
		return w.forge.Count(platform) == 1
	}, func() string { return "it is never opened" })
	w.merge(t, 1, false)
	w.wantInstance(t, "eu", "SUCCEEDED", "")
}

// Whatever answer is lost, as when a daemon is killed after it has asked: nothing
// is done twice, and nothing is forgotten.
func TestPullRequestsWithLostAnswers(t *testing.T) {
	t.Parallel()
	w := newForgeWorld(t, reconciler.WriteBackPull, pullFiles())
	for i, lose := range []string{"git-receive-pack", "/pulls"} {
		size, once := strconv.Itoa(i), false
		w.forge.Lose(func(method, path string) bool {
			lost := !once && method == http.MethodPost && strings.HasSuffix(path, lose)
			once = once || lost
			return lost
		})
		w.must(t, "UpdateServiceInstance", updateShop("eu", size))
		w.must(t, "UpdateServiceInstance", updateShop("eu", size))
		looptest.Until(t, func() bool {
			w.look(t)
			_, why, _ := w.instance(t, "eu")
			return strings.Contains(why, "/pull/"+strconv.Itoa(i+1)+" to be merged")
		}, func() string { return lose + ": it is never opened" })
		if n := w.forge.Count(platform); n != i+1 || !once {
			t.Errorf("%s: %d pull requests were opened, want %d", lose, n, i+1)
		}
		if log := gittest.Git(t, w.remote.Dir, "log", "--format=%s", "main.."+w.forge.Branch(platform, i+1)); strings.Count(log, "UpdateServiceInstance") != 1 {
			t.Errorf("%s: its commits are %q", lose, log)
		}
		w.merge(t, i+1, false)
	}
}

// Two calls for neighbouring lines clash once the first is merged. The second is
// made once more from there, and nobody has to resolve anything.
func TestPullRequestsThatClash(t *testing.T) {
	t.Parallel()
	files := pullFiles()
	files["shop.yaml"] = "proton: ServiceSpec\nbaryon: {service: shop, template: web, version: \"1\", repository: {id: acme/shop, branch: main}}\npipeline: {size: a}\n" +
		"instances:\n  - {name: eu, environment: prod, spec: {size: a}} # first\n  - {name: us, environment: prod, spec: {size: a}} # second\n"
	w := newForgeWorld(t, reconciler.WriteBackPull, files)
	w.must(t, "UpdateServiceInstance", updateShop("eu", "b"))
	w.must(t, "UpdateServiceInstance", updateShop("us", "c"))
	w.must(t, "UpdateServiceInstance", updateShop("us", "d"))
	w.merge(t, 1, true)
	branch := w.forge.Branch(platform, 2)
	looptest.Until(t, func() bool {
		w.look(t)
		return strings.Contains(w.show(branch, "shop.yaml"), "{name: eu, environment: prod, spec: {size: b}} # first\n  - {name: us, environment: prod, spec: {size: d}} # second")
	}, func() string { return "it still clashes: " + w.show(branch, "shop.yaml") })
	w.merge(t, 2, false)
	w.wantInstance(t, "us", "SUCCEEDED", "")
	w.wantInstance(t, "eu", "SUCCEEDED", "")
	want := strings.Replace(strings.Replace(files["shop.yaml"], "{size: a}} # first", "{size: b}} # first", 1), "{size: a}} # second", "{size: d}} # second", 1)
	if got := w.show("main", "shop.yaml"); got+"\n" != want {
		t.Errorf("the branch says %s", got)
	}

	// Where people have pushed, it is for people to resolve.
	w.must(t, "UpdateServiceInstance", updateShop("eu", "x"))
	w.must(t, "UpdateServiceInstance", updateShop("us", "y"))
	w.remote.Commit(t, w.forge.Branch(platform, 4), "Mine", map[string]string{"README.md": "mine"})
	w.merge(t, 3, true)
	looptest.Until(t, func() bool {
		w.look(t)
		_, why, _ := w.instance(t, "us")
		return strings.Contains(why, "somebody has pushed to it")
	}, func() string { return "the clash is not told" })
}

// Many callers at once change one file, and all of them are written.
func TestWriteBackAtOnce(t *testing.T) {
	t.Parallel()
	var names []string
	for i := range 8 {
		names = append(names, "i"+strconv.Itoa(i))
	}
	w := newGitWorld(t, reconciler.Repository{OwnerConflict: reconciler.ConflictWriteBack}, map[string]string{"prod.yaml": gitEnvironment("prod"), "shop.yaml": gitService("shop", names...)})
	var callers sync.WaitGroup
	for i, name := range names {
		callers.Go(func() {
			body := fmt.Sprintf(`{"name":%q,"serviceName":"shop","deploymentType":"CURRENT_VERSION","spec":%q}`, name, serviceSpec("a", name+"=s"+strconv.Itoa(i)))
			if a := w.do(t, "UpdateServiceInstance", body); a.Type != "" {
				t.Errorf("%s: %s %s", name, a.Type, a.Message)
			}
		})
		if i%3 == 0 { // somebody else pushes meanwhile
			looptest.Until(t, func() bool {
				head := w.remote.Head(t, "main")
				commit := gittest.Git(t, w.remote.Dir, "commit-tree", "-m", "Something else", "-p", head, head+"^{tree}")
				_, err := gittest.TryGit(w.remote.Dir, "update-ref", "refs/heads/main", commit, head)
				return err == nil
			}, func() string { return "nobody else can push" })
		}
	}
	callers.Wait()
	w.settled(t)
	for i, name := range names {
		if _, _, spec := w.instance(t, name); !strings.Contains(spec, "size: s"+strconv.Itoa(i)) || strings.Count(w.show("main", "shop.yaml"), "{size: s"+strconv.Itoa(i)+"}") != 1 {
			t.Errorf("%s is deployed with %s", name, spec)
		}
	}
}

// A commit of which nothing more was heard is one all the same.
func TestWriteBackWithLostAnswers(t *testing.T) {
	t.Parallel()
	w := newForgeWorld(t, reconciler.WriteBackCommit, pullFiles())
	w.forge.Lose(func(method, path string) bool {
		return method == http.MethodPost && strings.HasSuffix(path, "git-receive-pack")
	})
	w.must(t, "UpdateServiceInstance", updateShop("eu", "b"))
	w.settled(t)
	if _, _, spec := w.instance(t, "eu"); !strings.Contains(spec, "size: b") {
		t.Errorf("deployed is %q", spec)
	}
}

// Where there is no API the branch alone is made. It counts as merged when what it
// says is on the other one, however that came about.
func TestWriteBackBranches(t *testing.T) {
	t.Parallel()
	w := newForgeWorld(t, reconciler.WriteBackBranch, pullFiles())
	branches := func() []string {
		return strings.Fields(gittest.Git(t, w.remote.Dir, "for-each-ref", "--format=%(refname:short)", "refs/heads/baryon/"))
	}
	w.must(t, "UpdateServiceInstance", updateShop("eu", "b"))
	made := branches()
	if len(made) != 1 {
		t.Fatalf("the branches are %q", made)
	}
	w.wantInstance(t, "eu", "IN_PROGRESS", "waits for branch "+made[0]+" to be merged")
	w.remote.Commit(t, "main", "By hand, and more", map[string]string{"shop.yaml": w.show(made[0], "shop.yaml") + "\n# and more\n"})
	w.ended(t, 0)
	w.wantInstance(t, "eu", "SUCCEEDED", "")
	w.must(t, "UpdateServiceInstance", updateShop("us", "b"))
	for _, name := range branches() {
		gittest.Git(t, w.remote.Dir, "update-ref", "-d", "refs/heads/"+name)
	}
	w.ended(t, 0)
	w.wantInstance(t, "us", "FAILED", "was deleted before it was merged")
	if n := len(w.forge.Calls()); n != 0 {
		t.Errorf("the API was asked: %q", w.forge.Calls())
	}
}
