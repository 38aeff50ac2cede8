package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A simulator keeps what there is, and says what it can't do.
func TestSimulatorKeepsItsState(t *testing.T) {
	t.Parallel()
	state := filepath.Join(t.TempDir(), "aws.json")
	first := startSimulator(t, state)
	if err := tellSimulator(t.Context(), io.Discard, first.at, "make", `{"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "kept"}}`); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := tellSimulator(t.Context(), &out, first.at, "", ""); err != nil || !strings.Contains(out.String(), "POST /_sim/drift") {
		t.Errorf("%v %s", err, &out)
	}
	if err := tellSimulator(t.Context(), io.Discard, first.at, "rates", "1"); err == nil || !strings.Contains(err.Error(), "there is no /_sim/rates") {
		t.Errorf("err = %v", err)
	}
	err := (&simulator{listen: strings.TrimPrefix(first.at, "http://"), cfg: first.cfg}).run(t.Context(), io.Discard)
	if err == nil || !strings.Contains(err.Error(), "--listen takes another address") {
		t.Errorf("a second one at the address: %v", err)
	}
	first.stop()
	second := startSimulator(t, state)
	err = tellSimulator(t.Context(), io.Discard, second.at, "make", `{"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "other"}}`)
	second.stop()
	text, readErr := os.ReadFile(state)
	if err != nil || readErr != nil || !strings.Contains(string(text), "kept") || !strings.Contains(string(text), "other") {
		t.Errorf("%v %v, the file holds %.200s", err, readErr, text)
	}
	if err := os.WriteFile(state, []byte("no JSON"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := second.run(t.Context(), io.Discard); err == nil || !strings.Contains(err.Error(), "move it away to begin anew") {
		t.Errorf("a broken file: %v", err)
	}
}

// A runningSimulator is one that answers.
type runningSimulator struct {
	simulator

	at   string
	stop func()
}

func startSimulator(t *testing.T, state string) *runningSimulator {
	t.Helper()
	r := &runningSimulator{simulator: simulator{listen: "127.0.0.1:0", state: state}}
	r.cfg.Account, r.cfg.PageSize, r.cfg.MaxStacks = "123456789012", 100, 10
	ctx, cancel := context.WithCancel(t.Context())
	in, out := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := r.run(ctx, out)
		_ = out.CloseWithError(err) // a reader that waits learns of it
		ended <- err
	}()
	line := make([]byte, 200)
	n, err := in.Read(line)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(line[:n]), "at ")
	r.at, _, _ = strings.Cut(rest, ": no")
	stopped := false
	r.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(r.stop)
	return r
}

// What is asked for wrongly is refused before anything listens, all at once.
func TestSimulatorRefusals(t *testing.T) {
	t.Parallel()
	s := &simulator{listen: "0.0.0.0:4599"}
	s.cfg.Account, s.cfg.Rate = "12", -1
	err := s.run(t.Context(), io.Discard)
	for _, want := range []string{"--listen 0.0.0.0:4599: want a loopback address", "--account 12: want the 12 digits", "--rate:", "--page-size:", "--max-stacks:"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("err = %v, want %s", err, want)
		}
	}
	err = tellSimulator(t.Context(), io.Discard, "http://127.0.0.1:1", "calls", "")
	if err == nil || !strings.Contains(err.Error(), "starts one") {
		t.Errorf("err = %v", err)
	}
}
