package server

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"baryon/state"
)

// browser finds Chromium, or skips.
func browser(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if slices.Contains(strings.Split(os.Getenv("BARYON_REQUIRE"), ","), "chromium") {
		t.Fatal("Chromium is required here and is not on PATH")
	}
	t.Skip("Chromium is not on PATH")
	return ""
}

// A reader is a browser looking at a running server.
type reader struct {
	ctx     context.Context //nolint:containedctx // chromedp keeps the browser in it
	address string

	mu       sync.Mutex
	mistakes []string // errors of scripts and of the policy
}

func newReader(t *testing.T, s *Server) *reader {
	t.Helper()
	path := browser(t)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serving, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(serving, l, nil) }()

	allocator, freeAllocator := chromedp.NewExecAllocator(context.Background(),
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.WSURLReadTimeout(time.Minute))
	ctx, closeBrowser := chromedp.NewContext(allocator)
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	r := &reader{ctx: ctx, address: "http://" + l.Addr().String()}
	chromedp.ListenTarget(ctx, func(event any) {
		r.mu.Lock()
		defer r.mu.Unlock()
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			r.mistakes = append(r.mistakes, e.ExceptionDetails.Error())
		case *log.EventEntryAdded:
			if e.Entry.Level == log.LevelError {
				r.mistakes = append(r.mistakes, e.Entry.Text+" "+e.Entry.URL)
			}
		}
	})
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil && !errors.Is(err, context.Canceled) {
			t.Logf("the browser did not end by itself: %v", err)
		}
		cancel()
		closeBrowser()
		freeAllocator()
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return r
}

func (r *reader) do(t *testing.T, actions ...chromedp.Action) {
	t.Helper()
	if err := chromedp.Run(r.ctx, actions...); err != nil {
		var html string
		_ = chromedp.Run(r.ctx, chromedp.OuterHTML("html", &html))
		t.Fatalf("%v; mistakes %q; the page:\n%s", err, r.mistakes, html)
	}
}

// until polls an expression in the page until it is true.
func (r *reader) until(t *testing.T, expression string) {
	t.Helper()
	r.do(t, chromedp.Poll(expression, nil, chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(20*time.Second)))
}

func (r *reader) blameless(t *testing.T) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.mistakes) > 0 {
		t.Errorf("the browser complained: %q", r.mistakes)
	}
}

// deploying makes an environment whose first deployment is under way.
func deploying(t *testing.T, store *state.Store) (id string) {
	t.Helper()
	id = state.NewID()
	write(t, store, func(tx *state.Tx) error {
		target := state.Target{
			Ref: state.EnvironmentRef("prod"), Generation: 1, Status: state.InProgress, LastAttempted: id,
			Desired: state.Desired{Template: "web-env", Version: state.Version{Major: 1}, Spec: "spec: {}\n",
				Origin: state.Origin{Repository: "platform", Commit: "0123456789", Subject: "Add prod", Author: "Ada"}},
		}
		if err := tx.PutTarget(target); err != nil {
			return err
		}
		if err := tx.AddDeployment(state.Deployment{ID: id, Ref: target.Ref, Action: state.Create, Status: state.InProgress, Desired: target.Desired}); err != nil {
			return err
		}
		return tx.AppendLog(id, 0, []byte("first line\n"))
	})
	return id
}

func write(t *testing.T, store *state.Store, fn func(*state.Tx) error) {
	t.Helper()
	if err := store.Update(context.Background(), state.Fence{}, fn); err != nil {
		t.Fatal(err)
	}
}

// succeed ends the deployment that deploying began.
func succeed(t *testing.T, store *state.Store, id string) {
	t.Helper()
	write(t, store, func(tx *state.Tx) error {
		d, err := tx.Deployment(id)
		if err != nil {
			return err
		}
		if err := d.Move(state.Succeeded, ""); err != nil {
			return err
		}
		if err := tx.SaveDeployment(d); err != nil {
			return err
		}
		return tx.Change(d.Ref, func(target *state.Target) error {
			target.Status, target.LastSucceeded = state.Succeeded, id
			target.Deployed = state.Deployed{Generation: 1, Version: state.Version{Major: 1}, Deployment: id, At: time.Now(), Outputs: map[string]string{"Url": "https://prod.example"}}
			return nil
		})
	})
}

// A reader logs in, follows a deployment while it runs, and sees it end, all
// without loading a page anew.
func TestTheLivePage(t *testing.T) {
	t.Parallel()
	s := newServer(t, withToken)
	id := deploying(t, s.cfg.Store)
	r := newReader(t, s)
	r.do(t, chromedp.Navigate(r.address), chromedp.SendKeys("#token", "right-token"), chromedp.Submit("#token"), chromedp.WaitVisible("#environments"))
	r.until(t, `document.querySelector("main").innerText.includes("deploying")`)

	r.do(t, chromedp.Click(`a[href="/deployments/`+id+`"]`), chromedp.WaitVisible("#log"), chromedp.Evaluate(`window.same = true`, nil))
	r.until(t, `document.getElementById("log").textContent === "first line\n"`)
	hostile := "\x1b[31m<img src=x onerror=\"document.title='hacked'\"></pre><script>document.title='hacked'</script>\x1b[0m\n"
	write(t, s.cfg.Store, func(tx *state.Tx) error { return tx.AppendLog(id, 11, []byte(hostile)) })
	r.until(t, `document.getElementById("log").textContent === "first line\n<img src=x onerror=\"document.title='hacked'\"></pre><script>document.title='hacked'</script>\n"`)
	succeed(t, s.cfg.Store, id)
	r.until(t, `document.querySelector("h1").innerText.includes("succeeded")`)
	var same bool
	var title string
	r.do(t, chromedp.Evaluate(`window.same === true`, &same), chromedp.Title(&title))
	if !same || strings.Contains(title, "hacked") {
		t.Errorf("loaded anew: %t, title %q", !same, title)
	}

	r.do(t, chromedp.Navigate(r.address), chromedp.WaitVisible("#environments"))
	r.until(t, `document.querySelector("main").innerText.includes("ready")`)
	write(t, s.cfg.Store, func(tx *state.Tx) error {
		return tx.PutTarget(state.Target{Ref: state.EnvironmentRef("staging"), Desired: state.Desired{Template: "web-env"}})
	})
	r.until(t, `document.querySelector("main").innerText.includes("staging")`)
	r.blameless(t)
	contrast(t, r)
}

// contrast measures every text against what is behind it, light and dark.
func contrast(t *testing.T, r *reader) {
	t.Helper()
	const measure = `(() => {
		const parse = (c) => { const m = c.match(/[\d.]+/g).map(Number); return m.length > 3 && m[3] === 0 ? null : m; };
		const light = (c) => { const [r, g, b] = c.slice(0, 3).map((v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
		const behind = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c) return c; } return [255, 255, 255]; };
		const poor = [];
		let texts = 0;
		for (const e of document.querySelectorAll("body *")) {
			if (![...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())) continue;
			texts++;
			const [a, b] = [light(parse(getComputedStyle(e).color)), light(behind(e))];
			const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
			if (ratio < 4.5) poor.push(e.tagName + "." + e.className + " " + ratio.toFixed(2) + " " + e.textContent.trim().slice(0, 30));
		}
		return { texts, poor, back: getComputedStyle(document.body).backgroundColor };
	})()`
	var backs []string
	for _, scheme := range []string{"light", "dark"} {
		var got struct {
			Texts int
			Poor  []string
			Back  string
		}
		r.do(t, emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}), chromedp.Evaluate(measure, &got))
		if got.Texts < 20 || len(got.Poor) > 0 {
			t.Errorf("%s: %d texts, hard to read: %q", scheme, got.Texts, got.Poor)
		}
		backs = append(backs, got.Back)
	}
	if backs[0] == backs[1] {
		t.Errorf("light and dark have the same background %s", backs[0])
	}
}

// Without script a page shows the same, and loads itself again.
func TestThePageWithoutScript(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	id := deploying(t, s.cfg.Store)
	r := newReader(t, s)
	r.do(t, emulation.SetScriptExecutionDisabled(true), chromedp.Navigate(r.address+"/deployments/"+id), chromedp.WaitVisible("#log"))
	text := func() (text string) {
		// While the page loads itself again there is no text to have.
		if err := chromedp.Run(r.ctx, chromedp.Text("main", &text)); err != nil && r.ctx.Err() != nil {
			t.Fatal(err)
		}
		return text
	}
	shows := func(want ...string) {
		t.Helper()
		deadline := time.After(30 * time.Second)
		poll := time.NewTicker(200 * time.Millisecond)
		defer poll.Stop()
		lacks := func(got string) bool {
			return slices.ContainsFunc(want, func(w string) bool { return !strings.Contains(got, w) })
		}
		for got := text(); lacks(got); got = text() {
			select {
			case <-poll.C:
			case <-deadline:
				t.Fatalf("the page shows %q, want %q", got, want)
			}
		}
	}
	shows("first line", "in progress")
	succeed(t, s.cfg.Store, id)
	shows("first line", "succeeded")
}
