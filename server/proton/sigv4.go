package proton

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"baryon/state"
)

const (
	algorithm = "AWS4-HMAC-SHA256"
	skew      = 5 * time.Minute // how far the clock of a caller may be off
	dateForm  = "20060102T150405Z"
)

// A signature is what the header Authorization of a signed call says.
type signature struct {
	key, day, region, service string
	headers                   []string // that are signed
	mac                       []byte
}

// readSignature reads the header.
func readSignature(header string) (signature, error) {
	bad := exception("IncompleteSignatureException", "the header Authorization is not of the form "+
		algorithm+" Credential=KEY/DATE/REGION/proton/aws4_request, SignedHeaders=…, Signature=…")
	rest, ok := strings.CutPrefix(header, algorithm+" ")
	if !ok {
		return signature{}, bad
	}
	fields := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		fields[name] = value
	}
	scope := strings.Split(fields["Credential"], "/")
	mac, err := hex.DecodeString(fields["Signature"])
	if len(scope) != 5 || scope[4] != "aws4_request" || err != nil || len(mac) != sha256.Size {
		return signature{}, bad
	}
	return signature{key: scope[0], day: scope[1], region: scope[2], service: scope[3], headers: strings.Split(fields["SignedHeaders"], ";"), mac: mac}, nil
}

// verify proves that a call was signed with a key that this daemon issued.
func (h *Handler) verify(r *http.Request, body []byte) (state.Key, error) {
	s, err := readSignature(r.Header.Get("Authorization"))
	if err != nil {
		return state.Key{}, err
	}
	if r.Header.Get("X-Amz-Security-Token") != "" {
		return state.Key{}, exception("UnrecognizedClientException", "session tokens are not taken; sign with a key from: baryon keys create")
	}
	k, err := h.cfg.Store.Key(r.Context(), s.key)
	switch {
	case isMissing(err):
		return k, exception("UnrecognizedClientException", "the key %s was not issued by this daemon; get one with: baryon keys create", clip(printable(s.key)))
	case err != nil:
		return k, err
	case !k.RevokedAt.IsZero():
		return k, exception("UnrecognizedClientException", "the key %s was revoked; get another one with: baryon keys create", k.ID)
	case s.service != "proton":
		return k, exception("InvalidSignatureException", "the call is signed for the service %s, and this is proton", clip(printable(s.service)))
	}
	return k, s.prove(r, body, k.Secret, h.cfg.Now())
}

// prove checks the time of a signature and what it covers, and then itself.
func (s signature) prove(r *http.Request, body []byte, secret string, now time.Time) error {
	date := r.Header.Get("X-Amz-Date")
	at, err := time.Parse(dateForm, date)
	if err != nil || !strings.HasPrefix(date, s.day) {
		return exception("IncompleteSignatureException", "the header X-Amz-Date must be a time such as %s, of the day of the credential", now.UTC().Format(dateForm))
	}
	switch off := now.Sub(at); { // in the words that clients set their clocks by
	case off > skew:
		return exception("InvalidSignatureException", "Signature expired: %s is now earlier than %s (%s - 5 min.)",
			date, now.Add(-skew).UTC().Format(dateForm), now.UTC().Format(dateForm))
	case off < -skew:
		return exception("InvalidSignatureException", "Signature not yet current: %s is still later than %s (%s + 5 min.)",
			date, now.Add(skew).UTC().Format(dateForm), now.UTC().Format(dateForm))
	}
	for _, name := range []string{"host", "x-amz-date", "x-amz-target"} {
		if !slices.Contains(s.headers, name) {
			return exception("InvalidSignatureException", "the signature does not cover the header %s", name)
		}
	}
	if given := r.Header.Get("X-Amz-Content-Sha256"); strings.HasPrefix(given, "UNSIGNED-") || strings.HasPrefix(given, "STREAMING-") {
		return exception("InvalidSignatureException", "the signature does not cover the body (%s); sign it, as clients of AWS Proton do", clip(printable(given)))
	}
	sum := sha256.Sum256(body)
	if !hmac.Equal(sign(secret, s, date, s.canonical(r, hex.EncodeToString(sum[:]))), s.mac) {
		return exception("InvalidSignatureException", "The request signature we calculated does not match the signature you provided; "+
			"the secret key is wrong, or the call was changed on its way")
	}
	return nil
}

// canonical is the call in the form that is signed.
func (s signature) canonical(r *http.Request, bodyHash string) string {
	path := r.URL.EscapedPath()
	if path == "" {
		path = "/"
	}
	var b strings.Builder
	b.WriteString(r.Method + "\n" + path + "\n" + canonicalQuery(r.URL) + "\n")
	for _, name := range s.headers {
		values := r.Header.Values(name)
		switch name { // net/http takes these out of the header
		case "host":
			values = []string{r.Host}
		case "content-length":
			values = []string{strconv.FormatInt(r.ContentLength, 10)}
		}
		for i, v := range values {
			values[i] = strings.Join(strings.Fields(v), " ")
		}
		b.WriteString(name + ":" + strings.Join(values, ",") + "\n")
	}
	b.WriteString("\n" + strings.Join(s.headers, ";") + "\n" + bodyHash)
	return b.String()
}

// canonicalQuery has parameters and their values in order, escaped in one way.
func canonicalQuery(u *url.URL) string {
	query := u.Query()
	for _, values := range query {
		slices.Sort(values)
	}
	return strings.ReplaceAll(query.Encode(), "+", "%20")
}

// sign is the signature that the holder of a secret makes.
func sign(secret string, s signature, date, canonical string) []byte {
	mac := func(key []byte, text string) []byte {
		m := hmac.New(sha256.New, key)
		m.Write([]byte(text))
		return m.Sum(nil)
	}
	sum := sha256.Sum256([]byte(canonical))
	scope := strings.Join([]string{s.day, s.region, s.service, "aws4_request"}, "/")
	key := mac(mac(mac(mac([]byte("AWS4"+secret), s.day), s.region), s.service), "aws4_request")
	return mac(key, strings.Join([]string{algorithm, date, scope, hex.EncodeToString(sum[:])}, "\n"))
}
