package main

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"strings"
	"time"

	"go.uber.org/zap"

	v1 "baryon/server/v1"
	"baryon/state"
)

// handler is what the daemon answers on its address.
func (d *daemon) handler() http.Handler {
	mux := http.NewServeMux()
	api, err := v1.Handler(v1.Config{
		Store: d.store, Wake: d.loop.Wake, Log: d.log, Setup: d.setup,
		ARN: func(ref state.Ref) string {
			return ref.ARN(orDefault(d.cfg.Settings.Region, "us-east-1"), orDefault(d.cfg.Settings.Account, "000000000000"))
		},
	})
	if err != nil {
		panic(err) // the configuration above is complete
	}
	mux.Handle("/v1/", d.guarded(api))
	mux.HandleFunc("GET /healthz", d.healthy)
	mux.HandleFunc("GET /readyz", d.healthy)
	if d.hooks != nil {
		mux.Handle("POST /hooks/github", d.hooks)
	}
	return d.recovering(mux)
}

// hooksOnly is what the second address answers.
func (d *daemon) hooksOnly() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /hooks/github", d.hooks)
	return d.recovering(mux)
}

func orDefault(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

func (d *daemon) setup() v1.Setup {
	b := buildInfo()
	return v1.Setup{Version: b.Version, Commit: b.Commit, Go: b.Go, StartedAt: d.started, Now: time.Now(), Configuration: d.configuration.Load()}
}

// healthy answers 200 while the database answers.
func (d *daemon) healthy(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if err := d.store.Ping(r.Context()); err != nil {
		http.Error(w, "the store does not answer", http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write([]byte("ok\n"))
}

// guarded lets a request through that carries the token. Without a token the
// daemon listens on loopback only; then the name in the address must be one of
// loopback, so that no page on the web can have a browser talk to it.
func (d *daemon) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		if d.token == "" {
			host := r.Host
			if h, _, err := net.SplitHostPort(host); err == nil {
				host = h
			}
			if !loopback(strings.Trim(host, "[]")) {
				refuse(w, http.StatusForbidden, v1.CodeForbidden, "requests for the host "+r.Host+" are not answered while no token is configured", "use 127.0.0.1, or configure token_file")
				return
			}
			next.ServeHTTP(w, r)
			return
		}
		given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(d.token))
		if !ok || subtle.ConstantTimeCompare(a[:], b[:]) != 1 {
			w.Header().Set("WWW-Authenticate", `Bearer realm="baryon"`)
			refuse(w, http.StatusUnauthorized, v1.CodeUnauthenticated, "the token is missing or wrong", "set BARYON_TOKEN, or give --token-file")
			return
		}
		next.ServeHTTP(w, r)
	})
}

func refuse(w http.ResponseWriter, status int, code v1.Code, message, next string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(mustJSON(map[string]any{"error": v1.Error{Code: code, Message: message, Next: next}}))
}

// recovering answers 500 for a request that panics; the others go on.
func (d *daemon) recovering(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil {
				d.log.Error("request panicked", zap.String("path", r.URL.Path), zap.Any("panic", p), zap.Stack("stack"))
				w.WriteHeader(http.StatusInternalServerError)
			}
		}()
		r.Body = http.MaxBytesReader(w, r.Body, 8<<20)
		next.ServeHTTP(w, r)
	})
}
