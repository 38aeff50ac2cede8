package server

import (
	"net/http"
	"strings"

	"baryon/server/access"
	v1 "baryon/server/v1"
	"baryon/state"
)

// keyOf is the key that a request brings as a bearer; empty for none.
func keyOf(r *http.Request) string {
	bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || !strings.HasPrefix(bearer, access.KeyPrefix) {
		return ""
	}
	return bearer
}

// withKey lets the holder of a key at /v1, and makes the key who asks: it is
// proved, where a name in a header is a claim. Pages are for the holder of the
// token.
func (s *Server) withKey(w http.ResponseWriter, r *http.Request, bearer string, next http.Handler) {
	k, err := s.key(r, bearer)
	if err == nil && r.URL.Path == "/metrics" {
		err = s.cfg.Guard.Check(r.Context(), k, "baryon:Read", "*", nil)
	} else if err == nil && !strings.HasPrefix(r.URL.Path, "/v1/") {
		err = &v1.Error{Code: v1.CodeForbidden, Message: "a key is for /v1 and the Proton API", Next: "open pages with the token of the daemon"}
	}
	if err != nil {
		v1.WriteError(w, v1.AsError(err))
		return
	}
	r = r.Clone(r.Context())
	r.Header.Set(v1.ActorHeader, string(k.Actor()))
	next.ServeHTTP(w, r)
}

func (s *Server) key(r *http.Request, bearer string) (state.Key, error) {
	k, err := s.cfg.Guard.Key(r.Context(), bearer)
	if unknown, ok := err.(*access.Unknown); ok { //nolint:errorlint // the one that Key makes
		return k, &v1.Error{Code: v1.CodeUnauthenticated, Message: unknown.Error()}
	}
	return k, err
}

// permit is asked by /v1 for each request, and while a stream is open again:
// a key that is revoked ends it.
func (s *Server) permit(r *http.Request, action, tail string) error {
	bearer := keyOf(r)
	if bearer == "" || s.cfg.Guard == nil {
		return nil
	}
	k, err := s.key(r, bearer)
	if err != nil {
		return err
	}
	return s.cfg.Guard.Check(r.Context(), k, action, tail, nil)
}

// proved is what the caller of a request is, besides the name that it gives: the
// holder of a key, or of the token, which is good for everything.
func (s *Server) proved(r *http.Request) ([]string, error) {
	bearer := keyOf(r)
	if bearer == "" || s.cfg.Guard == nil {
		return []string{"role:" + access.Admin}, nil
	}
	k, err := s.key(r, bearer)
	if err != nil {
		return nil, err
	}
	as := []string{"key:" + k.ID}
	if k.Role != "" {
		as = append(as, "role:"+k.Role)
	}
	if !strings.Contains(k.Why, ",") && !strings.Contains(k.Why, ":") {
		as = append(as, k.Why)
	}
	return as, nil
}

// policies are those of the configuration, for whoever issues keys.
func (s *Server) policies() func() map[string]access.Policy {
	if s.cfg.Guard == nil {
		return nil
	}
	return s.cfg.Guard.Policies
}
