package proton_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/proton"

	"baryon/server/access"
	"baryon/server/proton"
	"baryon/state"
)

// TestKeys calls with the client that AWS published and keys that were issued here.
func TestKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *proton.Config) { c.Token = func() (string, error) { return "the-token", nil } })
	good, err := w.store.CreateKey(t.Context(), "ada", state.Key{Why: "pipeline of shop", Role: access.Admin})
	if err != nil {
		t.Fatal(err)
	}
	old, err := w.store.CreateKey(t.Context(), "ada", state.Key{Role: access.Admin})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.store.RevokeKey(t.Context(), "ada", old.ID); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		id, secret, session string
		want                string
	}{
		"a key":             {good.ID, good.Secret, "", ""},
		"a wrong secret":    {good.ID, good.Secret + "x", "", "InvalidSignatureException"},
		"a revoked key":     {old.ID, old.Secret, "", "was revoked"},
		"a key of others":   {"AKIAIOSFODNN7EXAMPLE", "x", "", "was not issued by this daemon"},
		"a session":         {good.ID, good.Secret, "session", "session tokens are not taken"},
		"nothing like keys": {"x", "y", "", "UnrecognizedClientException"},
	} {
		c := sdk.New(sdk.Options{
			Region: "eu-west-1", BaseEndpoint: aws.String(w.URL),
			Credentials: credentials.NewStaticCredentialsProvider(tt.id, tt.secret, tt.session),
		})
		_, err := c.UpdateAccountSettings(t.Context(), &sdk.UpdateAccountSettingsInput{PipelineServiceRoleArn: aws.String("arn:aws:iam::000000000000:role/r")})
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
	}
	entries, err := w.store.Audit(t.Context(), "", "", 1)
	if err != nil || len(entries) != 1 || entries[0].Actor != state.Actor("key "+good.ID+" pipeline of shop") {
		t.Errorf("audit: %+v, %v", entries, err)
	}
	if keys, err := w.store.Keys(t.Context()); err != nil || len(keys) != 2 || keys[0].Secret+keys[1].Secret != "" {
		t.Errorf("keys: %+v, %v", keys, err)
	}
}

// TestSignatures changes signed calls on their way.
func TestSignatures(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k, err := w.store.CreateKey(t.Context(), "ada", state.Key{Role: access.Admin})
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		at     time.Duration // of the signature, from now
		change func(*http.Request)
		want   int
		says   string
	}{
		"as signed":                      {0, func(*http.Request) {}, 200, ""},
		"four minutes late":              {-4 * time.Minute, func(*http.Request) {}, 200, ""},
		"six minutes late":               {-6 * time.Minute, func(*http.Request) {}, 400, " - 5 min.)"},
		"six minutes early":              {6 * time.Minute, func(*http.Request) {}, 400, "Signature not yet current: "},
		"the body not covered":           {0, func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD") }, 400, "does not cover the body (UNSIGNED-PAYLOAD)"},
		"another body":                   {0, func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(`{ }`)) }, 400, "does not match"},
		"not the length that was signed": {0, func(r *http.Request) { r.ContentLength, r.TransferEncoding = -1, []string{"chunked"} }, 400, "does not match"},
		"another service":                {0, func(r *http.Request) { auth(r, "/proton/", "/s3/") }, 400, "signed for the service s3"},
		"another region":                 {0, func(r *http.Request) { auth(r, "/us-east-1/", "/eu-west-1/") }, 400, "does not match"},
		"another day":                    {0, func(r *http.Request) { auth(r, "/20", "/19") }, 400, "of the day of the credential"},
		"another operation":              {0, func(r *http.Request) { r.Header.Set("X-Amz-Target", "AwsProton20200720.ListServices") }, 400, ""},
		"another host":                   {0, func(r *http.Request) { r.Host = "other" }, 400, ""},
		"another query":                  {0, func(r *http.Request) { r.URL.RawQuery = "a=b" }, 400, ""},
		"another time": {0, func(r *http.Request) {
			r.Header.Set("X-Amz-Date", time.Now().UTC().Add(time.Second).Format("20060102T150405Z"))
		}, 400, ""},
		"no target covered":    {0, func(r *http.Request) { auth(r, ";x-amz-target", "") }, 400, ""},
		"a cut signature":      {0, func(r *http.Request) { r.Header.Set("Authorization", r.Header.Get("Authorization")[:150]) }, 400, ""},
		"two signatures":       {0, func(r *http.Request) { r.Header.Add("Authorization", "Bearer x") }, 400, "given more than once"},
		"a header not covered": {0, func(r *http.Request) { r.Header.Set("X-Other", "x") }, 200, ""},
	} {
		const body = `{}`
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, w.URL+"/", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-amz-json-1.0")
		r.Header.Set("X-Amz-Target", "AwsProton20200720.GetAccountSettings")
		signRequest(t.Context(), t, r, k, body, time.Now().Add(tt.at))
		tt.change(r)
		got := httptest.NewRecorder()
		w.handler.ServeHTTP(got, r)
		if got.Code != tt.want || !strings.Contains(got.Body.String(), tt.says) {
			t.Errorf("%s: answered %d %s, want %d %q", name, got.Code, got.Body, tt.want, tt.says)
		}
	}
}

// TestSignedQueries calls addresses that have a query, which other clients write in
// another order.
func TestSignedQueries(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *proton.Config) { c.Token = func() (string, error) { return "the-token", nil } })
	k, err := w.store.CreateKey(t.Context(), "ada", state.Key{Role: access.Admin})
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		query, later string
		want         int
		says         string
	}{
		"in order":       {"a=1&b=2", "", 200, ""},
		"out of order":   {"b=2&a=2&a=1&c=x+y%2Fz&d", "", 200, ""},
		"sent otherwise": {"b=2&a=1", "a=1&b=2", 200, ""},
		"changed":        {"a=1", "a=2", 400, "does not match"},
		"more":           {"a=1", "a=1&a=2", 400, "does not match"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, w.URL+"/?"+tt.query, strings.NewReader("{}"))
		r.Header.Set("Content-Type", "application/x-amz-json-1.0")
		r.Header.Set("X-Amz-Target", "AwsProton20200720.GetAccountSettings")
		signRequest(t.Context(), t, r, k, "{}", time.Now())
		if tt.later != "" {
			r.URL.RawQuery = tt.later
		}
		got := httptest.NewRecorder()
		w.handler.ServeHTTP(got, r)
		if got.Code != tt.want || !strings.Contains(got.Body.String(), tt.says) {
			t.Errorf("%s: answered %d %s, want %d %q", name, got.Code, got.Body, tt.want, tt.says)
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, w.URL+"/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00", strings.NewReader("{}"))
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	r.Header.Set("X-Amz-Target", "AwsProton20200720.GetAccountSettings")
	got := httptest.NewRecorder()
	if w.handler.ServeHTTP(got, r); got.Code != 400 || !strings.Contains(got.Body.String(), "in the query of the address") {
		t.Errorf("signed in the query: answered %d %s", got.Code, got.Body)
	}
}

func auth(r *http.Request, old, replacement string) {
	r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, replacement, 1))
}

func signRequest(ctx context.Context, t *testing.T, r *http.Request, k state.Key, body string, at time.Time) {
	t.Helper()
	sum := sha256.Sum256([]byte(body))
	err := v4.NewSigner().SignHTTP(ctx, aws.Credentials{AccessKeyID: k.ID, SecretAccessKey: k.Secret}, r, hex.EncodeToString(sum[:]), "proton", "us-east-1", at)
	if err != nil {
		t.Fatal(err)
	}
}
