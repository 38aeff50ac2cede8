package events

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// A Webhook is an address that events are posted to, one by one, each signed as
// the Standard Webhooks specification has it.
type Webhook struct {
	URL    string
	Secret func() (string, error) // read for each attempt, so that a new one counts at once
	Client *http.Client           // nil for one that follows no redirects
}

// The headers of a signed event.
const (
	headerID        = "Webhook-Id"
	headerTime      = "Webhook-Timestamp"
	headerSignature = "Webhook-Signature"
	headerAttempt   = "Baryon-Attempt"
)

const (
	answerWithin = 10 * time.Second
	atOnce       = 4
)

// send posts events beside each other; they are about different things.
func (h *Webhook) send(ctx context.Context, list []Event) []error {
	errs := make([]error, len(list))
	var g errgroup.Group
	g.SetLimit(atOnce)
	for i, e := range list {
		g.Go(func() error { errs[i] = h.post(ctx, e); return nil })
	}
	_ = g.Wait() // errors are in errs
	return errs
}

func (h *Webhook) post(ctx context.Context, e Event) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	secret, err := h.Secret()
	if err != nil {
		return err
	}
	body, err := json.Marshal(e)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(body))
	if err != nil {
		return err
	}
	at := strconv.FormatInt(time.Now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Baryon")
	req.Header.Set(headerID, e.ID)
	req.Header.Set(headerTime, at)
	req.Header.Set(headerSignature, Sign(secret, e.ID, at, body))
	req.Header.Set(headerAttempt, strconv.FormatInt(e.attempt, 10))
	resp, err := h.client().Do(req)
	if err != nil {
		return withoutURL(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection can be used again
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("it answered %s; want 2xx", resp.Status)
	}
	return nil
}

// withoutURL is an error without the address, which may hold a secret.
func withoutURL(err error) error {
	if whole, ok := errors.AsType[*url.Error](err); ok {
		return whole.Err
	}
	return err
}

func (h *Webhook) client() *http.Client {
	if h.Client != nil {
		return h.Client
	}
	return &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// Sign is the signature of a body: HMAC-SHA256 of its id, its time and itself
// under the secret, which is a text or whsec_ and base64.
func Sign(secret, id, at string, body []byte) string {
	key := []byte(secret)
	if text, coded := strings.CutPrefix(secret, "whsec_"); coded {
		if raw, err := base64.StdEncoding.DecodeString(text); err == nil {
			key = raw
		}
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + at + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
