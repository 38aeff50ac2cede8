package reconciler

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"baryon/provisioner"
	"baryon/reconciler/declare"
	"baryon/renderer"
	"baryon/state"
)

// A Prober asks what was deployed whether it works.
type Prober interface {
	// Ask puts the question of an ID, or hands out the answer, once; nil is that
	// there is none yet. It returns at once, and asks for as long as ctx allows.
	Ask(ctx context.Context, id string, q provisioner.Probe) *provisioner.Answer
	// Forget drops a question whose answer is of no use any more.
	Forget(id string)
}

// A HealthRule bounds what templates and documents may ask for.
type HealthRule struct {
	Most time.Duration // that a deployment may take to become healthy; an hour when 0
}

// healthOf is what has to be good before a deployment that is applied has
// succeeded; nil when it has already. What is taken over as it runs is not asked
// about: nothing was changed.
func (r *Reconciler) healthOf(ctx context.Context, d state.Deployment, status state.Status, outputs map[string]string) (*state.Health, error) {
	if status != state.Succeeded || d.Health != nil || d.Adopt != "" || d.Rendered == "" {
		return nil, nil
	}
	art, err := r.artifact(ctx, d.Rendered)
	if err != nil || art.Health == nil {
		return nil, err
	}
	now := r.cfg.Now().UTC().Truncate(time.Microsecond)
	h := &state.Health{Since: now, Until: now.Add(min(art.Health.Within, r.current().Health.Most))}
	for _, c := range art.Health.Checks {
		filled, _ := c.Filled(outputs)
		h.Checks = append(h.Checks, state.HealthCheck{What: whatIsAsked(filled), Need: c.Successes, Every: c.Interval, Patience: c.Timeout})
	}
	return h, nil
}

// healthDeclared is what the template says of health, with what the document says
// in its place; nil when nothing is asked.
func healthDeclared(d state.Desired, template *renderer.Health) (*renderer.Health, error) {
	if d.Health == "" {
		return template.InForce(), nil
	}
	var h renderer.Health
	if err := json.Unmarshal([]byte(d.Health), &h); err != nil {
		return nil, fmt.Errorf("health of the document: %w", err)
	}
	return h.Over(template).InForce(), nil
}

// healthText is what a document says of health, as it is kept.
func healthText(h *renderer.Health) string {
	if h == nil {
		return ""
	}
	text, err := json.Marshal(h)
	if err != nil {
		panic(err) // texts and numbers
	}
	return string(text)
}

// healthTexts are those of the instances of a service that others declare, by
// name; that without a name is for all that have none.
func healthTexts(h *declare.Health) map[string]string {
	if h == nil {
		return nil
	}
	texts := map[string]string{"": healthText(h.Of)}
	for name := range h.Instances {
		texts[name] = healthText(h.Instance(name))
	}
	return texts
}

// whatIsAsked names a check for people. The query of an address stays out of it:
// it may hold more than they are to see.
func whatIsAsked(c renderer.HealthCheck) string {
	const most = 200
	what := c.Name
	switch {
	case what != "":
	case c.HTTP != nil:
		what = c.HTTP.Method + " " + c.HTTP.URL
		if u, err := url.Parse(c.HTTP.URL); err == nil {
			u.User, u.RawQuery, u.Fragment = nil, "", ""
			what = c.HTTP.Method + " " + u.String()
		}
	case c.ECS != nil:
		what = "service " + c.ECS.Service + " of cluster " + c.ECS.Cluster
	default:
		what, _, _ = strings.Cut(strings.Join(c.Command, "; "), "\n")
	}
	if len(what) > most {
		what = strings.ToValidUTF8(what[:most], "") + "…"
	}
	return what
}

// advanceHealth asks what is to be asked now of a deployment that is applied, and
// writes down how far it is. It is the same step after any crash: the time it has,
// and what was answered, stand with the deployment.
func (r *Reconciler) advanceHealth(ctx context.Context, c state.Claim, t state.Target, d state.Deployment) (next, error) {
	art, err := r.artifact(ctx, d.Rendered)
	if err != nil {
		return next{}, err
	}
	if art.Health == nil || len(art.Health.Checks) != len(d.Health.Checks) {
		return next{}, errors.New("the health checks of the deployment are gone")
	}
	offset, err := r.cfg.Store.LogSize(ctx, d.ID)
	if err != nil {
		return next{}, err
	}
	if t.Asked.Cancel.Deployment == d.ID && d.Status == state.InProgress {
		if err := r.cancelling(ctx, c, &d, t); err != nil {
			return next{}, err
		}
	}
	now := r.cfg.Now().UTC().Truncate(time.Microsecond)
	h := d.Health.Resume(now)
	h.Checks = slices.Clone(h.Checks)
	k := &checkup{r: r, d: d, art: art, at: h.Until, changed: h.Late != d.Health.Late}
	if !h.Until.After(now) {
		k.at = now.Add(soon)
	}
	if d.Status == state.Cancelling {
		return k.end(ctx, c, h, provisioner.Progress{State: provisioner.Cancelled, Message: d.Message + "; what was applied stays"}, offset)
	}
	for i := range h.Checks {
		if h.Checks[i], err = k.look(ctx, i, h.Checks[i]); err != nil {
			return next{}, err
		}
	}
	h.Ended = h.Verdict(now)
	switch h.Ended {
	case state.Healthy:
		return k.end(ctx, c, h, provisioner.Progress{State: provisioner.Succeeded, Outputs: d.Outputs}, offset)
	case state.Unhealthy:
		return k.end(ctx, c, h, provisioner.Progress{State: provisioner.Failed, Message: unhealthy(d.Ref, h)}, offset)
	}
	again := k.again(h, now)
	if !k.changed {
		return next{at: time.Now().Add(again), sticky: true}, nil
	}
	d.Health = &h
	p := provisioner.Progress{State: provisioner.Running, Handle: d.Handle, Message: h.String(), Log: k.log, Again: again}
	n, err := r.settle(ctx, c, d, p, offset)
	k.forget(ctx)
	return n, err
}

// unhealthy says why a deployment that is applied has failed.
func unhealthy(ref state.Ref, h state.Health) string {
	var lines []string
	within := " within " + renderer.Period(h.Until.Sub(h.Since))
	for _, c := range h.Checks {
		switch {
		case c.Final:
			lines, within = append(lines, c.What+": "+c.Said), ""
		case c.Good < c.Need:
			lines = append(lines, fmt.Sprintf("%s, after %d answers", c, c.Looks))
		}
	}
	return fmt.Sprintf("applied, but not healthy%s\n%s\nwhat was applied stays; push a correction, or try again with: baryon retry %s",
		within, strings.Join(lines, "\n"), ref)
}

// A checkup is one step of the checks of a deployment.
type checkup struct {
	r   *Reconciler
	d   state.Deployment
	art *artifact

	changed bool
	log     []byte
	done    []string  // jobs that have ended and are forgotten once that is written
	at      time.Time // when there is something to do again
}

// soon is when a question that was put is looked at again, where nobody says that
// it was answered.
const soon = time.Second

func (k *checkup) wake(at time.Time) {
	if at.Before(k.at) {
		k.at = at
	}
}

// again is how long nothing is to be done.
func (k *checkup) again(h state.Health, now time.Time) time.Duration {
	for _, c := range h.Checks {
		if c.Next().After(now) {
			k.wake(c.Next())
		}
	}
	return max(k.at.Sub(now), 10*time.Millisecond)
}

// look asks one question, if it is time, or takes its answer.
func (k *checkup) look(ctx context.Context, i int, c state.HealthCheck) (state.HealthCheck, error) {
	now := k.r.cfg.Now()
	if now.Before(c.Next()) {
		return c, nil
	}
	check, missing := k.art.Health.Checks[i].Filled(k.d.Outputs)
	if what := whatIsAsked(check); c.What != what {
		c.What, k.changed = what, true
	}
	if len(missing) > 0 {
		return k.answered(c, provisioner.Answer{Final: true, Text: "there is no output " + strings.Join(missing, ", ") + "; there is " + names(k.d.Outputs)}), nil
	}
	if check.Command != nil {
		return k.lookByCommand(ctx, i, check, c)
	}
	if k.r.cfg.Prober == nil {
		return k.answered(c, provisioner.Answer{Final: true, Text: "this Baryon asks nothing"}), nil
	}
	id := fmt.Sprintf("%s.health.%d", k.d.ID, i)
	k.r.beginsJob(id, k.d.Ref)
	a := k.r.cfg.Prober.Ask(ctx, id, question(check, k.d.Desired.Role))
	if a == nil {
		k.wake(now.Add(soon))
		return c, nil
	}
	k.r.endsJob(id)
	return k.answered(c, *a), nil
}

func names(outputs map[string]string) string {
	if len(outputs) == 0 {
		return "none"
	}
	return strings.Join(slices.Sorted(maps.Keys(outputs)), ", ")
}

// question is a check in the words of the prober.
func question(c renderer.HealthCheck, role string) provisioner.Probe {
	q := provisioner.Probe{Role: role, Timeout: c.Timeout}
	if c.HTTP != nil {
		q.HTTP = &provisioner.HTTPProbe{Method: c.HTTP.Method, URL: c.HTTP.URL, Status: c.HTTP.Status, Body: c.HTTP.Body, Headers: map[string]string{}}
		for _, h := range c.HTTP.Headers {
			q.HTTP.Headers[h.Name] = h.Value
		}
	}
	if c.ECS != nil {
		q.ECS = &provisioner.ECSProbe{Cluster: c.ECS.Cluster, Service: c.ECS.Service, TaskDefinition: c.ECS.TaskDefinition}
	}
	return q
}

// answered notes an answer, and in the log one that is another than the last.
func (k *checkup) answered(c state.HealthCheck, a provisioner.Answer) state.HealthCheck {
	if c.Looks == 0 || a.OK != c.OK || a.Text != c.Said {
		k.log = append(k.log, "health: "+c.What+": "+a.Text+"\n"...)
	}
	k.changed = true
	return c.Answer(a.OK, a.Final, a.Text, k.r.cfg.Now().UTC().Truncate(time.Microsecond))
}

// end writes what the checks came to.
func (k *checkup) end(ctx context.Context, c state.Claim, h state.Health, p provisioner.Progress, offset int64) (next, error) {
	k.giveUp(ctx, h)
	p.Handle, p.Log = k.d.Handle, k.log
	k.d.Health = &h
	n, err := k.r.settle(ctx, c, k.d, p, offset)
	k.forget(ctx)
	return n, err
}

var notVariable = regexp.MustCompile(`[^A-Za-z0-9_]`)
