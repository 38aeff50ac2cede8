package proton

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"

	"go.uber.org/zap"

	"baryon/server/access"
	"baryon/state"
)

// A caller is who makes a call, and how far that goes.
type caller struct {
	actor state.Actor
	key   *state.Key // that the call is made with; nil for whoever may do everything
	// deployment is the one whose commands make the call; empty for everybody
	// else. Such a caller reads, and reports about that deployment alone.
	deployment string
}

// Who may call:
//
//   - the holder of the daemon's token, as a bearer;
//   - the holder of a key that was issued here, who signs as for AWS, or sends
//     it as a bearer; what that one may do is what the key's policies allow;
//   - the commands of a deployment that is under way, with the token that they
//     alone are handed;
//   - while the daemon has no token, everybody who reaches it, which is this
//     machine: any signature is accepted then, and none too. Once keys were
//     issued signatures must be right all the same.

// caller finds out who makes a call.
func (h *Handler) caller(r *http.Request, body []byte, operation string) (caller, error) {
	given := r.Header.Get("Authorization")
	bearer, isBearer := strings.CutPrefix(given, "Bearer ")
	if isBearer && strings.HasPrefix(bearer, deploymentTokenPrefix) {
		return h.deploymentCaller(r, bearer, operation)
	}
	if len(r.Header.Values("Authorization")) > 1 {
		return caller{}, exception("IncompleteSignatureException", "the header Authorization is given more than once")
	}
	if strings.HasPrefix(given, algorithm) {
		return h.signedCaller(r, body, given)
	}
	if isBearer && strings.HasPrefix(bearer, access.KeyPrefix) {
		k, err := h.cfg.Guard.Key(r.Context(), bearer)
		if denied, ok := errors.AsType[*access.Unknown](err); ok {
			return caller{}, exception("UnrecognizedClientException", "%s", denied.Error())
		}
		return caller{actor: k.Actor(), key: &k}, err
	}
	if h.cfg.Token == nil {
		return caller{actor: named(r, "api")}, nil
	}
	token, err := h.cfg.Token()
	if err != nil {
		h.log.Error("token cannot be read, nobody is let in", zap.Error(err))
		return caller{}, &Error{Type: internalServer, status: http.StatusServiceUnavailable, Message: "the daemon cannot read its token; its log says why"}
	}
	if isBearer && equal(strings.TrimSpace(bearer), token) {
		return caller{actor: named(r, "token")}, nil
	}
	if isBearer {
		return caller{}, exception("UnrecognizedClientException", "the token is wrong; set BARYON_TOKEN to the token of the daemon")
	}
	if r.URL.Query().Has("X-Amz-Signature") {
		return caller{}, exception("IncompleteSignatureException",
			"the signature stands in the query of the address; sign the call in the header Authorization, as clients of AWS Proton do")
	}
	return caller{}, exception("MissingAuthenticationTokenException",
		"sign the call with a key from baryon keys create, or send the token of the daemon as Authorization: Bearer TOKEN, as baryon aws-shim does from BARYON_TOKEN")
}

// signedCaller lets the holder of a key in. Without a token, and before any key
// was issued, nobody has to prove anything.
func (h *Handler) signedCaller(r *http.Request, body []byte, given string) (caller, error) {
	if h.cfg.Token == nil {
		keys, err := h.cfg.Store.Keys(r.Context())
		if err != nil {
			return caller{}, err
		}
		if len(keys) == 0 {
			return caller{actor: unverified(r, given)}, nil
		}
	}
	k, err := h.verify(r, body)
	if err != nil {
		return caller{}, err
	}
	return caller{actor: k.Actor(), key: &k}, nil
}

// equal compares secrets in a time that tells nothing of them, not even their length.
func equal(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// named is who the holder of the token says to be.
func named(r *http.Request, fallback state.Actor) state.Actor {
	if name := clip(printable(r.Header.Get("Baryon-Actor"))); name != "" {
		return state.Actor(name)
	}
	return fallback
}

// unverified is who somebody says to be whom nobody asked to prove it.
func unverified(r *http.Request, authorization string) state.Actor {
	_, rest, signed := strings.Cut(authorization, "Credential=")
	key, _, _ := strings.Cut(rest, "/")
	if key = printable(clip(key)); signed && key != "" {
		return state.Actor("key " + key)
	}
	return named(r, "api")
}

// printable drops what has no place in a name.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, text)
}

// deploymentTokenPrefix tells the token of a deployment from the daemon's.
const deploymentTokenPrefix = "baryon-deployment." //nolint:gosec // says what a token is, and is none

// DeploymentToken is what the commands of a deployment call with, given a
// secret that the daemons share.
func DeploymentToken(secret []byte, id string) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("baryon deployment " + id))
	return deploymentTokenPrefix + id + "." + hex.EncodeToString(mac.Sum(nil))
}

// deploymentCaller checks the token of a deployment. It is worth something
// while the deployment is under way, and then for little.
func (h *Handler) deploymentCaller(r *http.Request, bearer, operation string) (caller, error) {
	wrong := exception("UnrecognizedClientException", "the token of the deployment is wrong, or the deployment has ended")
	id, _, _ := strings.Cut(strings.TrimPrefix(bearer, deploymentTokenPrefix), ".")
	if len(h.cfg.Secret) == 0 || !equal(bearer, DeploymentToken(h.cfg.Secret, id)) {
		return caller{}, wrong
	}
	d, err := h.cfg.Store.Deployment(r.Context(), id)
	if err != nil || d.Status.Final() {
		return caller{}, wrong
	}
	if operation != notifyOperation && !strings.HasPrefix(operation, "Get") && !strings.HasPrefix(operation, "List") {
		return caller{}, forbidden("the commands of a deployment may read, and report how far it is with %s; "+
			"for %s call with the token of the daemon", notifyOperation, operation)
	}
	return caller{actor: state.Actor("deployment " + id), deployment: id}, nil
}
