package access

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"maps"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"baryon/state"
)

// TagRecords are the tags of resources, by the tail of their names.
const TagRecords state.RecordKind = "tags"

// A Guard decides about requests of people who hold keys, with the policies that
// are in force, and notes what it denies in the audit log.
type Guard struct {
	Store    *state.Store
	Policies func() map[string]Policy // of the configuration
	ARN      func(tail string) string // the whole resource name
	Log      *zap.Logger

	mu   sync.Mutex
	told map[string]time.Time // denials that were noted lately
}

// Caller is the holder of a key, with what that one may do.
func (g *Guard) Caller(k state.Key) Caller {
	c := Caller{Name: userARN(g.ARN("user/" + k.ID))}
	if k.Role != "" {
		c.Policies = append(c.Policies, Roles()[k.Role])
	}
	configured := g.Policies()
	for _, name := range k.Policies {
		if p, known := configured[name]; known {
			c.Policies = append(c.Policies, p)
		} else {
			c.Missing = append(c.Missing, name)
		}
	}
	return c
}

// userARN is the resource name of a user, which is of no region.
func userARN(arn string) string {
	parts := strings.SplitN(arn, ":", 5)
	if len(parts) < 5 {
		return arn
	}
	return strings.Join([]string{parts[0], parts[1], "iam", "", parts[4]}, ":")
}

// KeyPrefix is what the ids of keys begin with.
const KeyPrefix = "AKIA"

// An Unknown is a key that lets nobody in.
type Unknown struct{ why string }

func (u *Unknown) Error() string { return u.why }

// Key finds the key that a bearer is the holder of: ID:SECRET. The error for one
// that is none is an *Unknown.
func (g *Guard) Key(ctx context.Context, bearer string) (state.Key, error) {
	id, secret, _ := strings.Cut(strings.TrimSpace(bearer), ":")
	k, err := g.Store.Key(ctx, id)
	if err != nil && present(err) != nil {
		return k, err
	}
	given, known := sha256.Sum256([]byte(secret)), sha256.Sum256([]byte(k.Secret))
	switch {
	case err == nil && !k.RevokedAt.IsZero():
		return state.Key{}, &Unknown{"the key " + k.ID + " was revoked; get another one with: baryon keys create"}
	case err != nil, k.Secret == "", subtle.ConstantTimeCompare(given[:], known[:]) != 1:
		return state.Key{}, &Unknown{"the key is wrong; a key is sent as ID:SECRET, as baryon keys create printed them"}
	}
	return k, nil
}

// Check lets a request pass that the holder of a key may make; the error is a
// *Denied, noted in the audit log. Extra are the values of condition keys that
// only the request itself tells.
func (g *Guard) Check(ctx context.Context, k state.Key, action, tail string, extra map[string][]string) error {
	r := Request{Action: action, Resource: "*", Context: map[string][]string{}}
	if strings.HasPrefix(tail, "arn:") { // of another service
		r.Resource = tail
	} else if tail != "*" {
		r.Resource = g.ARN(tail)
		about, err := g.about(ctx, tail)
		if err != nil {
			return err
		}
		r.Context = about
	}
	maps.Copy(r.Context, extra)
	err := g.Caller(k).Allow(r)
	if denied, ok := errors.AsType[*Denied](err); ok {
		g.note(ctx, k, denied, tail)
	}
	return err
}

// about are the values of condition keys that a resource tells: its tags, its
// template, and the environment it is deployed to.
func (g *Guard) about(ctx context.Context, tail string) (map[string][]string, error) {
	values := map[string][]string{}
	tagged := tail
	if kind, name, _ := strings.Cut(tail, "/"); strings.HasSuffix(kind, "-template") {
		template, _, _ := strings.Cut(name, ":")
		tagged = kind + "/" + template // versions have what their template has
	}
	r, err := g.Store.Record(ctx, TagRecords, tagged)
	if err == nil {
		tags := map[string]string{}
		if err := r.Into(&tags); err != nil {
			return nil, err
		}
		for key, value := range tags {
			values[ResourceTag+strings.ToLower(key)] = []string{value}
		}
	}
	if err := present(err); err != nil {
		return nil, err
	}
	ref, err := state.ParseRef(tail)
	if err != nil {
		return values, nil
	}
	template, environment, err := g.madeOf(ctx, ref)
	if err != nil {
		return nil, err
	}
	switch {
	case template == "":
	case ref.Kind == state.KindEnvironment:
		values[EnvironmentTemplate] = []string{g.ARN("environment-template/" + template)}
	default:
		values[ServiceTemplate] = []string{g.ARN("service-template/" + template)}
	}
	if environment != "" {
		values[Environment] = []string{g.ARN("environment/" + environment)}
	}
	return values, nil
}

// madeOf names the template of a thing and the environment it is in. What does
// not exist has neither.
func (g *Guard) madeOf(ctx context.Context, ref state.Ref) (template, environment string, err error) {
	switch ref.Kind {
	case state.KindRepository:
		return "", "", nil
	case state.KindEnvironment:
		environment = ref.Name
	case state.KindService, state.KindPipeline:
		name := ref.Name
		if ref.Kind == state.KindPipeline {
			name = ref.Service
		}
		s, err := g.Store.Service(ctx, name)
		return s.Template, "", present(err)
	}
	t, err := g.Store.Target(ctx, ref)
	if t.Desired.Environment != "" {
		environment = t.Desired.Environment
	}
	template = t.Desired.Template
	if ref.Kind == state.KindInstance && template == "" { // one that is about to be made
		s, err := g.Store.Service(ctx, ref.Service)
		if err := present(err); err != nil {
			return "", "", err
		}
		template = s.Template
	}
	return template, environment, present(err)
}

// present is err unless that says that something is not there.
func present(err error) error {
	if _, missing := errors.AsType[*state.NotFoundError](err); missing {
		return nil
	}
	return err
}

const (
	noteEvery = time.Minute // how often the same denial is noted
	notes     = 1000        // denials that are remembered
)

// note writes a denial down. The same one is written once a minute, so that who
// tries again and again does not fill the store.
func (g *Guard) note(ctx context.Context, k state.Key, d *Denied, tail string) {
	if !g.first(k.ID + " " + d.Request.Action + " " + tail) {
		return
	}
	g.Log.Warn("denied", zap.String("key", k.ID), zap.String("action", d.Request.Action), zap.String("resource", d.Request.Resource))
	kind, name, _ := strings.Cut(tail, "/")
	ref, err := state.ParseRef(tail)
	if err != nil {
		ref = state.Ref{Kind: state.Kind(kind), Name: name}
	}
	err = g.Store.Update(ctx, state.Fence{}, func(tx *state.Tx) error {
		return tx.Audit(k.Actor(), "denied", ref, map[string]string{"action": d.Request.Action, "policy": d.Explicit})
	})
	if err != nil {
		g.Log.Error("denial not noted", zap.Error(err))
	}
}

func (g *Guard) first(what string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if at, known := g.told[what]; known && now.Sub(at) < noteEvery {
		return false
	}
	if g.told == nil || len(g.told) >= notes {
		g.told = map[string]time.Time{}
	}
	g.told[what] = now
	return true
}
