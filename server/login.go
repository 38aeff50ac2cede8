package server

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"
)

const (
	cookieName = "baryon_session"
	sessionFor = 12 * time.Hour
)

// session makes and checks the cookie of the page. It keeps nothing: a cookie
// is the time it ends and a proof that whoever made it knew the token. With
// another token no old cookie is valid.
type session struct{ now func() time.Time }

func (s session) make(token string) *http.Cookie {
	ends := s.now().Add(sessionFor)
	text := strconv.FormatInt(ends.Unix(), 10)
	return &http.Cookie{
		Name: cookieName, Value: text + "." + proof(token, text), Path: "/", Expires: ends,
		HttpOnly: true, SameSite: http.SameSiteStrictMode,
	}
}

func proof(token, text string) string {
	mac := hmac.New(sha256.New, []byte(token))
	mac.Write([]byte("baryon page session " + text))
	return hex.EncodeToString(mac.Sum(nil))
}

func (s session) valid(r *http.Request, token string) bool {
	cookie, err := r.Cookie(cookieName)
	if err != nil || token == "" {
		return false
	}
	text, given, _ := strings.Cut(cookie.Value, ".")
	ends, err := strconv.ParseInt(text, 10, 64)
	return err == nil && hmac.Equal([]byte(given), []byte(proof(token, text))) && s.now().Before(time.Unix(ends, 0))
}

// login shows the form for the token, and takes what is sent with it.
func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	to := r.FormValue("to")
	if !ownPath(to) {
		to = "/"
	}
	if r.Method != http.MethodPost {
		s.page.Login(w, http.StatusOK, to, "")
		return
	}
	token, err := s.cfg.Token()
	if err != nil {
		s.log.Error("token cannot be read, nobody is let in", zap.Error(err))
		s.page.Login(w, http.StatusServiceUnavailable, to, "The daemon cannot read its token; its log says why.")
		return
	}
	if !equal(strings.TrimSpace(r.PostFormValue("token")), token) {
		s.log.Warn("login refused", zap.String("from", r.RemoteAddr))
		s.page.Login(w, http.StatusUnauthorized, to, "That is not the token.")
		return
	}
	cookie := s.session.make(token)
	// A proxy that speaks TLS says so; a lie about it hurts nobody but the liar.
	cookie.Secure = r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https"
	http.SetCookie(w, cookie)
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (s *Server) logout(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, &http.Cookie{Name: cookieName, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

// ownPath reports whether a place to go to after the login is one of ours: a
// browser takes // and /\ for the beginning of another host.
func ownPath(to string) bool {
	return strings.HasPrefix(to, "/") && !strings.HasPrefix(to, "//") && !strings.ContainsAny(to, "\\\r\n\t")
}
