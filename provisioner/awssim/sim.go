// Package awssim is an AWS that lives in one process: CloudFormation, and as
// much of STS, S3, the parameter store, Secrets Manager and Amazon ECS as stacks need. It
// speaks the real wire protocols, so the unmodified SDK and the AWS CLI use it
// by its address alone. It is for tests and for rehearsals.
//
// It knows the templates, change sets, state machines and refusals of
// CloudFormation, and resource types by their published schemas. Resources are
// records: it refuses to know what they would do.
//
// Nothing runs by itself: whoever asks makes the time pass that the clock says
// has passed, in order of what was due. A test that holds the clock therefore
// holds every state for as long as it likes, and the same calls give the same
// history.
package awssim

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Config is what a Sim is made of.
type Config struct {
	// Now is the clock; nil is the real one.
	Now func() time.Time
	// Step is how long the creation, change or deletion of one resource
	// takes. Zero ends it at once.
	Step time.Duration
	// Keys are the long-lived access keys. Without any, every key is good:
	// one of 12 digits stands for the account of that number, every other for
	// Account.
	Keys map[string]Identity
	// Account is that of keys that name none; empty is DefaultAccount.
	Account string
	// Roles may be assumed. Without any, every role of every account may.
	Roles map[string]Role
	// Rate is how many calls a second an account may make to CloudFormation
	// in a region before it is throttled; 0 is without limit.
	Rate float64
	// Session is how long an assumed role lasts at most; 0 is as long as was
	// asked for.
	Session time.Duration
	// Lag is how many reads of a stack after a write still show what was.
	Lag int
	// MaxStacks is how many stacks an account may have in a region; 0 is 2,000.
	MaxStacks int
	// PageSize is how many entries a page of an answer has; 0 is 100.
	PageSize int
}

// DefaultAccount is the account of keys that name none.
const DefaultAccount = "123456789012"

// An Identity is who a key belongs to.
type Identity struct{ Account, ARN string }

// A Role can be assumed by those who know its external ID, where it has one.
type Role struct{ ExternalID string }

// A Sim is one simulated AWS. It is an http.Handler and safe for concurrent use.
type Sim struct {
	cfg Config

	mu   sync.Mutex
	w    world
	base string // host at which it was asked last
}

// New returns an empty AWS.
func New(cfg Config) *Sim {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.PageSize <= 0 {
		cfg.PageSize = 100
	}
	if cfg.Account == "" {
		cfg.Account = DefaultAccount
	}
	if cfg.MaxStacks <= 0 {
		cfg.MaxStacks = maxStacks
	}
	return &Sim{cfg: cfg, w: newWorld()}
}

// maxBody bounds what one request may send.
const maxBody = 16 << 20

// ServeHTTP answers one call, of whichever service its signature names.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &call{Sim: s, now: s.cfg.Now().UTC(), id: s.w.uuid()}
	w.Header().Set("X-Amzn-Requestid", c.id)
	s.base = r.Host
	if c.waits(w, r) {
		return
	}
	if strings.HasPrefix(r.URL.Path, "/_sim/") {
		c.control(w, r)
		return
	}
	service, err := c.authenticate(r)
	if err == nil {
		c.region = s.w.region(c.who.Account, c.regionName)
		c.settle(c.now)
	}
	switch service {
	case "s3":
		c.serveS3(w, r, err)
	case "ssm", "secretsmanager", "ecs":
		c.serveJSON(w, r, service, err)
	case "cloudformation", "sts":
		c.serveQuery(w, r, service, err)
	default:
		c.serveNone(w, r, service)
	}
}

// serveNone answers for a service that is not simulated, in each of the forms in
// which clients look for an error.
func (c *call) serveNone(w http.ResponseWriter, r *http.Request, service string) {
	why := &apiError{400, "UnknownOperationException", "the service " + service + " is not simulated: there are cloudformation, sts, s3, ssm, secretsmanager and, of ecs, services"}
	if r.Header.Get("X-Amz-Target") == "" && strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		c.refuse(w, "http://"+service+".amazonaws.com/doc/", why)
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.Header().Set("X-Amzn-Errortype", why.Code)
	w.WriteHeader(why.Status)
	_, _ = io.WriteString(w, shown(map[string]any{"__type": why.Code, "message": why.Message}))
}

// A call is one request while it is answered.
type call struct {
	*Sim

	now        time.Time
	id         string
	who        Identity
	regionName string
	region     *region
}

// authenticate reads who asks, for which service and where. The signature
// itself is not verified: that would prove the client, not the template.
func (c *call) authenticate(r *http.Request) (service string, err error) {
	header := r.Header.Get("Authorization")
	if q := r.URL.Query(); header == "" && q.Has("X-Amz-Credential") || q.Has("AWSAccessKeyId") {
		return c.presigned(q)
	}
	if header == "" {
		service = guess(r)
		return service, &apiError{403, "MissingAuthenticationToken", "Missing Authentication Token"}
	}
	_, rest, ok := strings.Cut(header, "Credential=")
	scope, _, _ := strings.Cut(rest, ",")
	parts := strings.Split(scope, "/")
	if !strings.HasPrefix(header, "AWS4-HMAC-SHA256 ") || !ok || len(parts) != 5 || !strings.Contains(header, "Signature=") {
		return guess(r), &apiError{400, "IncompleteSignature", "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter."}
	}
	c.regionName, service = parts[2], parts[3]
	c.who, err = c.identify(parts[0], r.Header.Get("X-Amz-Security-Token"))
	return service, err
}

// presigned reads who signed an address, and until when it is good.
func (c *call) presigned(q url.Values) (service string, err error) {
	id, until := q.Get("AWSAccessKeyId"), time.Time{}
	c.regionName, service = "us-east-1", "s3"
	if n, err := strconv.ParseInt(q.Get("Expires"), 10, 64); err == nil {
		until = time.Unix(n, 0)
	}
	if parts := strings.Split(q.Get("X-Amz-Credential"), "/"); len(parts) == 5 {
		id, c.regionName, service = parts[0], parts[2], parts[3]
		at, atErr := time.Parse("20060102T150405Z", q.Get("X-Amz-Date"))
		n, err := strconv.Atoi(q.Get("X-Amz-Expires"))
		if err != nil || atErr != nil {
			return service, &apiError{400, "AuthorizationQueryParametersError", "Query-string authentication requires X-Amz-Date and X-Amz-Expires"}
		}
		until = at.Add(time.Duration(n) * time.Second)
	}
	if !c.now.Before(until) {
		return service, &apiError{403, "AccessDenied", "Request has expired"}
	}
	c.who, err = c.identify(id, q.Get("X-Amz-Security-Token")+q.Get("x-amz-security-token"))
	return service, err
}

// guess tells the service of a request that is not signed.
func guess(r *http.Request) string {
	if r.Header.Get("X-Amz-Target") != "" {
		return "ssm"
	}
	if r.Method != http.MethodPost {
		return "s3"
	}
	return "cloudformation"
}

func (c *call) identify(key, token string) (Identity, error) {
	if session, ok := c.w.Sessions[key]; ok {
		switch {
		case session.Token != token:
			return Identity{}, &apiError{403, "InvalidClientTokenId", "The security token included in the request is invalid."}
		case !c.now.Before(session.Expires):
			return Identity{}, &apiError{403, "ExpiredToken", "The security token included in the request is expired"}
		}
		return session.Identity, nil
	}
	if who, ok := c.cfg.Keys[key]; ok {
		return who, nil
	}
	if len(c.cfg.Keys) > 0 {
		return Identity{}, &apiError{403, "InvalidClientTokenId", "The security token included in the request is invalid."}
	}
	account := c.cfg.Account
	if len(key) == 12 && strings.Trim(key, "0123456789") == "" {
		account = key
	}
	return Identity{Account: account, ARN: "arn:aws:iam::" + account + ":user/rehearsal"}, nil
}

// An apiError is a refusal on the wire.
type apiError struct {
	Status        int
	Code, Message string
}

func (e *apiError) Error() string { return e.Code + ": " + e.Message }

func invalid(message string) error { return &apiError{400, "ValidationError", message} }

// asAPI makes an error fit for the wire; what has no code of its own is a
// validation error.
func asAPI(err error) *apiError {
	if api, ok := errors.AsType[*apiError](err); ok {
		return api
	}
	return &apiError{400, "ValidationError", err.Error()}
}

// Calls tells how often each action was asked for, as "service:Action".
func (s *Sim) Calls() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.w.Calls)
}

// Changed tells how often each action was done that changes something, as
// "service:Action". What was refused does not count, nor the repeat of a request.
func (s *Sim) Changed() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.w.Changed)
}

// Stacks tells the status of every living stack of an account and region.
func (s *Sim) Stacks(account, region string) map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]string{}
	for _, st := range s.w.region(account, region).Stacks {
		if st.Status != "DELETE_COMPLETE" {
			out[st.Name] = st.Status
		}
	}
	return out
}

// Template tells what a living stack is made from.
func (s *Sim) Template(account, region, name string) (text string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.w.region(account, region).find(name)
	if st == nil {
		return "", false
	}
	return st.Now.Template, true
}

// Mutations tells how many operations were begun for a client request token,
// or in all for an empty one: what repeats of a request must not raise.
func (s *Sim) Mutations(token string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if token != "" {
		return s.w.Begun[token]
	}
	n := 0
	for _, count := range s.w.Begun {
		n += count
	}
	return n
}
