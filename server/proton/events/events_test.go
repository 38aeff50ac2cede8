package events_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"baryon/server/proton/events"
	"baryon/state"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A receiver takes events, or does not.
type receiver struct {
	*httptest.Server

	mu    sync.Mutex
	calls []call
	seen  chan struct{} // gets something after each call
}

type call struct {
	header http.Header
	body   string
	event  events.Event
}

// newReceiver answers each call with what answer says of it.
func newReceiver(t *testing.T, answer func(c call) int) *receiver {
	t.Helper()
	r := &receiver{seen: make(chan struct{}, 1000)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		c := call{header: req.Header.Clone(), body: string(body)}
		if err != nil || json.Unmarshal(body, &c.event) != nil {
			t.Errorf("a call with %q: %v", body, err)
		}
		status := answer(c)
		r.mu.Lock()
		if status == http.StatusOK {
			r.calls = append(r.calls, c)
		}
		r.mu.Unlock()
		w.WriteHeader(status)
		r.seen <- struct{}{}
	}))
	t.Cleanup(r.Close)
	return r
}

// await waits until so many events were taken.
func (r *receiver) await(t *testing.T, n int) []call {
	t.Helper()
	limit := time.After(time.Minute)
	for {
		r.mu.Lock()
		got := slices.Clone(r.calls)
		r.mu.Unlock()
		if len(got) >= n {
			return got
		}
		select {
		case <-r.seen:
		case <-limit:
			t.Fatalf("%d events were taken, want %d", len(got), n)
		}
	}
}

func openStore(t *testing.T) *state.Store {
	t.Helper()
	s, err := state.Open(t.Context(), state.Config{DSN: filepath.Join(t.TempDir(), "baryon.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// start runs a carrier until stop is called.
func start(t *testing.T, s *state.Store, list ...events.Destination) (stop func()) {
	t.Helper()
	c, err := events.New(events.Config{Store: s})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Configure(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func webhook(name string, r *receiver) events.Destination {
	return events.Destination{Name: name, Webhook: &events.Webhook{URL: r.URL, Secret: func() (string, error) { return "a secret", nil }, Client: r.Client()}}
}

// move makes the status of an environment another one.
func move(t *testing.T, s *state.Store, name string, statuses ...state.Status) {
	t.Helper()
	for _, status := range statuses {
		err := s.Update(t.Context(), state.Fence{}, func(tx *state.Tx) error {
			return tx.PutTarget(state.Target{Ref: state.EnvironmentRef(name), Generation: 1, Status: status})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestWebhook delivers in EventBridge's shape, signed, in order, and again what
// was refused.
func TestWebhook(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	refusals := 0
	var mu sync.Mutex
	r := newReceiver(t, func(call) int {
		mu.Lock()
		defer mu.Unlock()
		if refusals++; refusals <= 2 {
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	})
	start(t, s, webhook("chat", r))
	move(t, s, "prod", state.InProgress, state.Succeeded, state.InProgress, state.Failed)
	calls := r.await(t, 4)
	var statuses []string
	for _, c := range calls {
		var d struct{ Name, Status, PreviousStatus string }
		if err := json.Unmarshal(c.event.Detail, &d); err != nil || d.Name != "prod" {
			t.Errorf("detail %s: %v", c.event.Detail, err)
		}
		statuses = append(statuses, d.PreviousStatus+"→"+d.Status)
		want := events.Sign("a secret", c.event.ID, c.header.Get("Webhook-Timestamp"), []byte(c.body))
		if c.header.Get("Webhook-Id") != c.event.ID || c.header.Get("Webhook-Signature") != want {
			t.Errorf("signed %v, want %s", c.header, want)
		}
	}
	if diff := cmp.Diff([]string{"→IN_PROGRESS", "IN_PROGRESS→SUCCEEDED", "SUCCEEDED→IN_PROGRESS", "IN_PROGRESS→FAILED"}, statuses); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(calls[0].body), &got); err != nil {
		t.Fatal(err)
	}
	delete(got, "id")
	delete(got, "time")
	if diff := cmp.Diff(map[string]any{
		"version": "0", "source": "aws.proton", "detail-type": "AWS Proton Environment Status Change", "account": "000000000000", "region": "us-east-1",
		"resources": []any{"arn:aws:proton:us-east-1:000000000000:environment/prod"},
		"detail":    map[string]any{"name": "prod", "status": "IN_PROGRESS", "previousStatus": ""},
	}, got); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
}

// TestSignatures is the example of the Standard Webhooks specification.
func TestSignatures(t *testing.T) {
	t.Parallel()
	got := events.Sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("signed %s, want %s", got, want)
	}
	// As the documentation has it checked.
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	cmd := exec.CommandContext(t.Context(), openssl, "dgst", "-sha256", "-hmac", "text", "-binary")
	cmd.Stdin = strings.NewReader(`i.1.{"a":"ü"}`)
	sum, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := events.Sign("text", "i", "1", []byte(`{"a":"ü"}`)), "v1,"+base64.StdEncoding.EncodeToString(sum); got != want {
		t.Errorf("signed %s, and openssl %s", got, want)
	}
}

// TestDeadReceiver holds up nobody: neither those who write nor another receiver.
func TestDeadReceiver(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	held := make(chan struct{})
	dead := newReceiver(t, func(call) int { <-held; return http.StatusOK })
	defer close(held)
	good := newReceiver(t, func(call) int { return http.StatusOK })
	stop := start(t, s, webhook("dead", dead), webhook("good", good))
	defer stop()
	move(t, s, "a", state.InProgress, state.Succeeded)
	move(t, s, "b", state.InProgress, state.Failed)
	good.await(t, 4)
	late, err := s.Backlogs(t.Context())
	if err != nil || len(late) == 0 || late[0].Destination != "dead" || late[0].Pending != 4 {
		t.Errorf("backlogs: %+v, %v", late, err)
	}
}

// TestRestart delivers what the daemon before had begun to.
func TestRestart(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	if err := s.SetDestinations(t.Context(), []string{"chat"}); err != nil {
		t.Fatal(err)
	}
	move(t, s, "prod", state.InProgress, state.Succeeded)
	claimed, err := s.ClaimDeliveries(t.Context(), "chat", time.Now().Add(time.Hour), 10) // and then it was killed
	if err != nil || len(claimed) != 1 {
		t.Fatalf("claimed %v, %v", claimed, err)
	}
	r := newReceiver(t, func(call) int { return http.StatusOK })
	start(t, s, webhook("chat", r))
	calls := r.await(t, 2)
	if calls[0].event.ID != claimed[0].Event.ID || calls[0].header.Get("Baryon-Attempt") != "2" {
		t.Errorf("after a restart: %v", calls[0])
	}
}

// TestBus puts events on a bus that takes the second one of each call later.
func TestBus(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAANY")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "any")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	type entry struct{ Source, DetailType, Detail, EventBusName string }
	var (
		mu      sync.Mutex
		taken   []entry
		refused = true
		seen    = make(chan struct{}, 100)
	)
	bus := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		var in struct{ Entries []entry }
		if r.Header.Get("X-Amz-Target") != "AWSEvents.PutEvents" || json.NewDecoder(r.Body).Decode(&in) != nil || !strings.Contains(r.Header.Get("Authorization"), "/eu-west-1/events/") {
			t.Errorf("a call of %s signed %s", r.Header.Get("X-Amz-Target"), r.Header.Get("Authorization"))
		}
		var out []map[string]string
		failed := 0
		for _, e := range in.Entries {
			if refused && strings.Contains(e.Detail, `"b"`) {
				refused = false
				failed++
				out = append(out, map[string]string{"ErrorCode": "ThrottlingException", "ErrorMessage": "slower"})
				continue
			}
			taken = append(taken, e)
			out = append(out, map[string]string{"EventId": "1"})
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_ = json.NewEncoder(w).Encode(map[string]any{"FailedEntryCount": failed, "Entries": out})
		seen <- struct{}{}
	}))
	defer bus.Close()
	s := openStore(t)
	start(t, s, events.Destination{Name: "bus", Bus: &events.Bus{BusConfig: events.BusConfig{Name: "platform", Region: "eu-west-1", Endpoint: bus.URL}}})
	move(t, s, "a", state.InProgress)
	move(t, s, "b", state.InProgress, state.Succeeded)
	limit := time.After(time.Minute)
	for n := 0; n < 3; {
		select {
		case <-seen:
		case <-limit:
			t.Fatalf("%d events were taken, want 3", n)
		}
		mu.Lock()
		n = len(taken)
		mu.Unlock()
	}
	mu.Lock()
	defer mu.Unlock()
	var of []string
	for _, e := range taken {
		var d struct{ EventID, Name, Status string }
		if err := json.Unmarshal([]byte(e.Detail), &d); err != nil || d.EventID == "" || e.Source != events.BusSource || e.EventBusName != "platform" {
			t.Errorf("entry %+v: %v", e, err)
		}
		if d.Name == "b" {
			of = append(of, d.Status)
		}
	}
	if diff := cmp.Diff([]string{"IN_PROGRESS", "SUCCEEDED"}, of); diff != "" {
		t.Errorf("events of b (-want +got):\n%s", diff)
	}
}
