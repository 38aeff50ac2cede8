package proton_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"baryon/reconciler"
	"baryon/server/proton"
)

func TestS3TellsRefusalsFromFaults(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "x")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "x")
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	for name, tt := range map[string]struct {
		status  int
		body    string
		refused bool
	}{
		"a missing object": {http.StatusNotFound, "<Error><Code>NoSuchKey</Code><Message>no</Message></Error>", true},
		"no permission":    {http.StatusForbidden, "<Error><Code>AccessDenied</Code><Message>no</Message></Error>", true},
		"a fault":          {http.StatusInternalServerError, "", false},
		"an answer":        {http.StatusOK, "12345", false},
		"too much":         {http.StatusOK, "123456", true},
		"nobody there":     {0, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.status)
				_, _ = w.Write([]byte(tt.body))
			}))
			defer server.Close()
			if tt.status == 0 {
				server.Close()
			}
			s := &proton.S3{Region: "us-east-1", Endpoint: server.URL}
			data, err := s.Bundle(t.Context(), "b", "k", 5)
			if refused := errors.As(err, new(*reconciler.RefusedError)); refused != tt.refused || (err == nil) != (string(data) == "12345") {
				t.Errorf("%q, %v", data, err)
			}
		})
	}
}
