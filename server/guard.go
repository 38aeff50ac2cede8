package server

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"go.uber.org/zap"

	v1 "baryon/server/v1"
)

// policy lets a page load what it came with and nothing else, and be shown in
// no frame. There is no inline script and no inline style.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// framed puts around every request what all of them need: headers that bind
// browsers, a bounded body, and an end to panics.
func (s *Server) framed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if p == http.ErrAbortHandler { //nolint:errorlint,err113 // the very value, as net/http compares it
				panic(p) // a stream that broke: the connection is cut on purpose
			}
			s.log.Error("request panicked", zap.String("method", r.Method), zap.String("path", r.URL.Path), zap.Any("panic", p), zap.Stack("stack"))
			v1.WriteError(w, &v1.Error{Code: v1.CodeInternal, Message: "the daemon could not answer", Next: "its log says why"})
		}()
		next.ServeHTTP(w, r)
	})
}

// addressed refuses, while there is no token, requests for names that are not
// this machine's own. A page on the web can give its name our address, but then
// the browser still says that name.
func (s *Server) addressed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.cfg.Token == nil && !ownName(r.Host) {
			v1.WriteError(w, &v1.Error{
				Code:    v1.CodeForbidden,
				Message: "requests for the host " + r.Host + " are not answered while no token is configured",
				Next:    "use 127.0.0.1 or localhost, or set token_file in the configuration",
			})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// ownName reports whether a Host header names this machine for itself.
func ownName(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	if strings.EqualFold(name, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(strings.Trim(name, "[]"))
	return err == nil && ip.IsLoopback()
}

// sameOrigin refuses writes that a page of another origin made a browser send.
func (s *Server) sameOrigin(next http.Handler) http.Handler {
	var protection http.CrossOriginProtection
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		v1.WriteError(w, &v1.Error{Code: v1.CodeForbidden, Message: "the request comes from a page of another site"})
	}))
	return protection.Handler(next)
}

// loggedIn lets requests through that carry the token, or the cookie that was
// given for it. The cookie reads: writing takes the token itself, which no page
// can have a browser send.
func (s *Server) loggedIn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if bearer := keyOf(r); bearer != "" && s.cfg.Guard != nil {
			s.withKey(w, r, bearer, next)
			return
		}
		if s.cfg.Token == nil {
			next.ServeHTTP(w, r)
			return
		}
		token, err := s.cfg.Token()
		if err != nil {
			s.log.Error("token cannot be read, nobody is let in", zap.Error(err))
			v1.WriteError(w, &v1.Error{Code: v1.CodeUnavailable, Message: "the daemon cannot read its token", Next: "its log says why"})
			return
		}
		given, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		reading := r.Method == http.MethodGet || r.Method == http.MethodHead
		switch {
		case bearer && equal(strings.TrimSpace(given), token):
			next.ServeHTTP(w, r)
		case reading && !bearer && s.session.valid(r, token):
			next.ServeHTTP(w, r)
		case reading && !bearer && forPeople(r):
			http.Redirect(w, r, "/login?to="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
		default:
			w.Header().Set("WWW-Authenticate", `Bearer realm="baryon"`)
			v1.WriteError(w, &v1.Error{Code: v1.CodeUnauthenticated, Message: "the token is missing or wrong", Next: "set BARYON_TOKEN, or give --token-file"})
		}
	})
}

// equal compares secrets in a time that tells nothing of them, not even their length.
func equal(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// forPeople tells a browser that opens a page from a program.
func forPeople(r *http.Request) bool {
	return !strings.HasPrefix(r.URL.Path, "/v1/") && r.URL.Path != "/metrics" && strings.Contains(r.Header.Get("Accept"), "text/html")
}
