// Package proton answers the API of AWS Proton, at POST / in awsJson1_0, so that
// the clients people have go on working when they are pointed here. It knows
// the protocol, who may ask what, and how Proton's nouns and rules map to what
// is kept.
//
// It refuses to know how anything is rendered or deployed: it reads the store,
// writes what is wanted, wakes the loop, and that is all.
package proton

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"go.uber.org/zap"

	"baryon/reconciler"
	"baryon/server/access"
	"baryon/server/proton/model"
	"baryon/state"
)

// Config is what a Handler needs. Store, Wake and Loop are required.
type Config struct {
	Store    *state.Store
	Wake     func()                     // tells the loop that something was asked for
	Loop     *reconciler.Reconciler     // takes what is wanted, as it does from repositories
	Settings func() reconciler.Settings // region and account of resource names; may be nil
	// Token hands out the token that lets its holder do everything; nil is for
	// a daemon without one. See auth.go for what follows.
	Token func() (string, error)
	// Secret is what the tokens of deployments are made with, the same for all
	// daemons of a store; without one there are none.
	Secret []byte
	Guard  *access.Guard    // decides what the holders of keys may do; nil for one without policies of the configuration
	Now    func() time.Time // nil for time.Now
	Log    *zap.Logger
}

// A Handler answers the API.
type Handler struct {
	cfg        Config
	log        *zap.Logger
	model      *model.Model
	operations map[string]operation
	parts      memo // of specs, as onlyInstance cuts them
}

// An operation is one entry of the dispatch table: it is handed a body that
// fits the model and answers with what becomes the body of the response.
type operation func(ctx context.Context, c caller, body []byte) (any, error)

// on makes an operation of a function that takes the members it reads as a struct.
func on[In any](answer func(ctx context.Context, c caller, in In) (any, error)) operation {
	return func(ctx context.Context, c caller, body []byte) (any, error) {
		var in In
		if err := json.Unmarshal(body, &in); err != nil {
			return nil, invalid("the body does not fit the operation: %v", err)
		}
		return answer(ctx, c, in)
	}
}

// object is a body on its way out. Members that are empty are left out of it,
// as Proton does; see put.
type object map[string]any

// New puts a Handler together.
func New(cfg Config) (*Handler, error) {
	switch {
	case cfg.Store == nil:
		return nil, errors.New("proton: Config.Store is required")
	case cfg.Wake == nil:
		return nil, errors.New("proton: Config.Wake is required")
	case cfg.Loop == nil:
		return nil, errors.New("proton: Config.Loop is required")
	}
	if cfg.Log == nil {
		cfg.Log = zap.NewNop()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Settings == nil {
		cfg.Settings = func() reconciler.Settings { return reconciler.Settings{} }
	}
	m, err := model.Load()
	if err != nil {
		return nil, err
	}
	h := &Handler{cfg: cfg, log: cfg.Log, model: m, parts: memo{limit: maxParts}}
	if cfg.Guard == nil {
		h.cfg.Guard = &access.Guard{Store: cfg.Store, Policies: func() map[string]access.Policy { return nil }, ARN: h.arn, Log: cfg.Log}
	}
	h.operations = h.table()
	return h, nil
}

const (
	contentType = "application/x-amz-json-1.0"
	maxBody     = 1 << 20 // twice the largest request the published limits allow, escaped
	maxDepth    = 16
	maxParts    = 8 << 20
)

// ServeHTTP answers one call.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := uuid.NewString()
	w.Header().Set("X-Amzn-Requestid", id)
	name, value, err := h.call(w, r)
	if err == nil {
		writeJSON(w, http.StatusOK, value)
		return
	}
	e := asError(err)
	if e.Type == internalServer && r.Context().Err() == nil {
		h.log.Error("call failed", zap.String("operation", name), zap.String("request", id), zap.Error(err))
	}
	writeJSON(w, e.status, e)
}

// call reads and checks a call, finds out who makes it, and answers.
func (h *Handler) call(w http.ResponseWriter, r *http.Request) (name string, value any, err error) {
	name, err = h.operation(r)
	if err != nil {
		return "", nil, err
	}
	body, err := readBody(w, r)
	if err != nil {
		return name, nil, err
	}
	c, err := h.caller(r, body, name)
	if err != nil {
		return name, nil, err
	}
	in, err := parse(body)
	if err != nil {
		return name, nil, err
	}
	verdict := h.model.Check(h.model.Operations[name].Input, in)
	switch {
	case len(verdict.Mistyped) > 0:
		return name, nil, malformed("%s", strings.Join(verdict.Mistyped, "; "))
	case len(verdict.Problems) > 0:
		return name, nil, constraints(verdict.Problems)
	}
	if err := h.permitted(r.Context(), c, name, in); err != nil {
		return name, nil, err
	}
	if len(body) == 0 {
		body = []byte("{}")
	}
	value, err = h.operations[name](r.Context(), c, body)
	return name, value, err
}

// operation is the name of the operation that a request asks for.
func (h *Handler) operation(r *http.Request) (string, error) {
	target := r.Header.Get("X-Amz-Target")
	if target == "" {
		return "", &Error{Type: "MissingAction", status: http.StatusBadRequest,
			Message: "the header X-Amz-Target is missing; name an operation as " + h.model.Target + ".GetService"}
	}
	service, name, _ := strings.Cut(target, ".")
	if service != h.model.Target {
		return "", &Error{Type: "UnknownOperationException", status: http.StatusBadRequest,
			Message: "X-Amz-Target is " + clip(target) + "; this is the API of AWS Proton, whose operations are named " + h.model.Target + ".NAME"}
	}
	if _, known := h.model.Operations[name]; !known {
		return "", &Error{Type: "UnknownOperationException", status: http.StatusBadRequest, Message: "AWS Proton has no operation " + clip(name)}
	}
	if media, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); !strings.EqualFold(strings.TrimSpace(media), contentType) {
		return "", &Error{Type: "UnsupportedMediaTypeException", status: http.StatusUnsupportedMediaType,
			Message: "the content type is " + clip(r.Header.Get("Content-Type")) + "; send " + contentType}
	}
	return name, nil
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	text, err := json.Marshal(value)
	if err != nil { // only a programming error: all answers are plain data
		status, text = http.StatusInternalServerError, []byte(`{"__type":"InternalServerException","message":"the answer is not JSON"}`)
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(text) // the client may have gone
}
