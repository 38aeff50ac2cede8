package shim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// A result is the body of a response.
type result []byte

func (r result) object() (map[string]any, error) {
	v, err := decode(string(r))
	object, ok := v.(map[string]any)
	if err == nil && !ok {
		err = errors.New("the daemon's answer is no JSON object")
	}
	return object, err
}

// failure is an exception of the API.
type failure struct {
	operation string
	Type      string `json:"__type"`
	Message   string `json:"message"`
}

func (f *failure) Error() string {
	return fmt.Sprintf("An error occurred (%s) when calling the %s operation: %s", f.Type, f.operation, f.Message)
}

// patience is how long commands of a deployment wait for a daemon that is not
// there: it may be restarting, and their deployment should not fail for that.
const patience = 2 * time.Minute

// call sends one call, and for commands of a deployment again while the daemon
// does not answer.
func (s *session) call(ctx context.Context, name string, in map[string]any) (result, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	until := time.Now()
	if s.cfg.Getenv(TokenVariable) != "" {
		until = until.Add(patience)
	}
	for pause := 250 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		out, again, err := s.send(ctx, name, body)
		if err == nil || !again || time.Now().Add(pause).After(until) {
			return out, err
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		case <-timer.C:
		}
	}
}

const maxAnswer = 64 << 20

// send makes one request; again tells whether it is worth another one.
func (s *session) send(ctx context.Context, name string, body []byte) (out result, again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.address()+"/", bytes.NewReader(body))
	if err != nil {
		return nil, false, err
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	req.Header.Set("X-Amz-Target", s.model.Target+"."+name)
	if err := s.authorize(ctx, req, body); err != nil {
		return nil, false, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, true, fmt.Errorf("baryon aws-shim: no daemon answers at %s: %w; set BARYON_SERVER to its address", s.address(), err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, true, err
	}
	if resp.StatusCode == http.StatusOK {
		return text, false, nil
	}
	f := &failure{operation: name}
	if json.Unmarshal(text, f) != nil || f.Type == "" {
		f.Type, f.Message = resp.Status, "what answers at "+s.address()+" is no Baryon; set BARYON_SERVER to the address of the daemon"
	}
	return nil, resp.StatusCode == http.StatusServiceUnavailable || resp.StatusCode == http.StatusInternalServerError, f
}
