package reconciler

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"go.uber.org/zap"

	"baryon/renderer"
	"baryon/renderer/archive"
	"baryon/state"
)

// Bundles are where the archives of bundles are that callers of the API name:
// S3. The error is a *RefusedError when asking again would change nothing.
type Bundles interface {
	Bundle(ctx context.Context, bucket, key string, most int64) ([]byte, error)
}

// A RefusedError says why what was asked for cannot be had.
type RefusedError struct{ Why string }

func (e *RefusedError) Error() string { return e.Why }

// patience is how long a bundle is asked for that cannot be had in passing. The
// waiters of Proton's clients give up after as long.
const patience = 5 * time.Minute

// visitVersion registers a version that was enrolled: it fetches the bundle, checks
// it and keeps it.
func (r *Reconciler) visitVersion(ctx context.Context, c state.Claim) (next, error) {
	done := func(fn func(*state.Tx) error) (next, error) {
		return r.later(), r.cfg.Store.Update(ctx, c.Fence(), func(tx *state.Tx) error {
			if err := fn(tx); err != nil {
				return err
			}
			return tx.Forget(c.Ref)
		})
	}
	kind, name, number, _ := c.Ref.Version()
	v, err := r.cfg.Store.TemplateVersion(ctx, kind, name, number)
	if isMissing(err) || err == nil && v.Status != state.Registering {
		return done(func(*state.Tx) error { return nil })
	}
	if err != nil {
		return next{}, err
	}
	files, bundle, err := r.handedOver(ctx, v)
	var refused *RefusedError
	switch {
	case errors.As(err, &refused):
	case err != nil && ctx.Err() == nil && r.cfg.Now().Sub(v.CreatedAt) > patience:
		refused = &RefusedError{err.Error()}
	case err != nil:
		return next{}, errors.Join(err, r.noteFetch(ctx, c, v, err))
	default:
		if refused, err = r.unfit(ctx, v, bundle); err != nil {
			return next{}, err
		}
	}
	var packed []byte
	if refused == nil {
		if packed, err = state.Pack(files); err != nil {
			return next{}, err
		}
	}
	return done(func(tx *state.Tx) error {
		status, message, digest := state.Draft, "", ""
		if refused != nil {
			status, message = state.RegistrationFailed, refused.Why
		} else if digest, err = tx.PutBlob(packed); err != nil {
			return err
		}
		r.log.Info("template version registered", zap.Stringer("ref", c.Ref), zap.String("status", string(status)))
		err := tx.Enrolled(kind, name, number, func(v *state.TemplateVersion) {
			v.Status, v.Message, v.Bundle = status, message, digest
			if refused == nil {
				describeBundle(v, bundle)
			}
		})
		return errors.Join(err, tx.Audit(state.ActorLoop, "register", c.Ref, map[string]string{"status": string(status)}))
	})
}

// noteFetch tells why a version is still in progress.
func (r *Reconciler) noteFetch(ctx context.Context, c state.Claim, v state.TemplateVersion, cause error) error {
	if v.Message == cause.Error() || ctx.Err() != nil {
		return nil
	}
	return r.cfg.Store.Update(ctx, c.Fence(), func(tx *state.Tx) error {
		return tx.Enrolled(v.Kind, v.Name, v.Version, func(v *state.TemplateVersion) { v.Message = cause.Error() })
	})
}

// handedOver opens the bundle of a version that was enrolled.
func (r *Reconciler) handedOver(ctx context.Context, v state.TemplateVersion) (fs.FS, *renderer.Bundle, error) {
	switch {
	case v.Source.Archive != "":
		files, err := r.cfg.Store.Files(ctx, v.Source.Archive)
		if err != nil {
			return nil, nil, err
		}
		return openFiles(files, v.Name)
	case r.cfg.Bundles == nil:
		return nil, nil, &RefusedError{"this daemon reads no bundles from S3"}
	}
	data, err := r.cfg.Bundles.Bundle(ctx, v.Source.Bucket, v.Source.Key, archive.MaxSize)
	if err != nil {
		if _, refused := errors.AsType[*RefusedError](err); !refused {
			err = fmt.Errorf("s3://%s/%s: %w", v.Source.Bucket, v.Source.Key, err)
		}
		return nil, nil, err
	}
	return openArchive(data, v.Name)
}

// unfit says why a bundle does not go with its template, or with the earlier
// minors of its major.
func (r *Reconciler) unfit(ctx context.Context, v state.TemplateVersion, bundle *renderer.Bundle) (*RefusedError, error) {
	t, err := r.cfg.Store.Template(ctx, v.Kind, v.Name)
	if err != nil {
		return nil, err
	}
	if why := misfitOf(t, bundle); why != "" {
		return &RefusedError{why}, nil
	}
	problems, err := r.compareSchemas(ctx, v, bundle)
	if err == nil && problems.Failed() {
		return &RefusedError{problems.Error()}, nil
	}
	return nil, err
}

// openArchive opens a bundle that was handed over. The error is a *RefusedError
// when whoever made it has to make another.
func openArchive(data []byte, name string) (fs.FS, *renderer.Bundle, error) {
	files, err := archive.Open(data)
	if refused, ok := errors.AsType[*archive.Error](err); ok {
		return nil, nil, &RefusedError{refused.Why}
	}
	if err != nil {
		return nil, nil, err
	}
	return openFiles(files, name)
}

func openFiles(files fs.FS, name string) (fs.FS, *renderer.Bundle, error) {
	bundle, err := renderer.Open(files, name, renderer.Options{})
	if problems, ok := errors.AsType[renderer.Problems](err); ok {
		return nil, nil, &RefusedError{problems.Error()}
	}
	return files, bundle, err
}

// misfitOf says why a bundle is none of its template.
func misfitOf(t state.Template, b *renderer.Bundle) string {
	kind := state.KindEnvironment
	if b.Kind == renderer.ServiceTemplate {
		kind = state.KindService
	}
	switch {
	case kind != t.Kind:
		return fmt.Sprintf("the bundle is one of a template of kind %s, and %s is one of kind %s", kind, t.Name, t.Kind)
	case t.CustomerManaged && !b.CustomerManaged:
		return "the template is provisioned by the customer, so its bundles hold schema/ alone and no infrastructure/"
	case !t.CustomerManaged && b.CustomerManaged:
		return "the bundle has no infrastructure/; a template without is made with provisioning CUSTOMER_MANAGED"
	case t.NoPipeline && b.HasPipeline():
		return "the template has no pipeline (pipelineProvisioning CUSTOMER_MANAGED), so its bundles have no pipeline_infrastructure/"
	case kind == state.KindService && !t.NoPipeline && !b.HasPipeline():
		return "the bundle has no pipeline_infrastructure/; a template without is made with pipelineProvisioning CUSTOMER_MANAGED"
	}
	return ""
}

// An Upload is a bundle that somebody hands over.
type Upload struct {
	Actor       state.Actor
	Template    string
	Major       int64 // 0 for a new one
	Description string
	Compatible  []string // NAME:MAJOR; what the bundle says itself when nil
	Archive     []byte
}

// Upload enrols a bundle as the next version of a template, which it makes where
// there is none of that name. A *RefusedError when the archive is no bundle: then
// nothing was changed.
func (r *Reconciler) Upload(ctx context.Context, u Upload) (state.TemplateVersion, error) {
	files, bundle, err := openArchive(u.Archive, u.Template)
	if err != nil {
		return state.TemplateVersion{}, err
	}
	v := state.TemplateVersion{
		Kind: state.KindEnvironment, Name: u.Template, Version: state.Version{Major: u.Major}, Description: u.Description,
		CompatibleEnvironments: u.Compatible, Origin: state.Origin{Author: string(u.Actor)},
	}
	if bundle.Kind == renderer.ServiceTemplate {
		v.Kind = state.KindService
		if len(u.Compatible) == 0 && len(bundle.Compatible) == 0 {
			return v, &RefusedError{"a service template names the environment templates that it can run in; write .template-registration.yaml, or say which"}
		}
	}
	t, err := r.cfg.Store.Template(ctx, v.Kind, v.Name)
	if err != nil && !isMissing(err) {
		return v, err
	}
	if why := misfitOf(t, bundle); err == nil && why != "" {
		return v, &RefusedError{why}
	}
	err = r.cfg.Store.Update(ctx, state.Fence{}, func(tx *state.Tx) error {
		var err error
		if v.Source.Archive, err = tx.PutFiles(files); err != nil {
			return err
		}
		if err := tx.EnsureTemplate(state.Template{
			Kind: v.Kind, Name: v.Name, CustomerManaged: bundle.CustomerManaged,
			NoPipeline: v.Kind == state.KindService && !bundle.HasPipeline(),
		}); err != nil {
			return err
		}
		if v, err = tx.Enrol(v); err != nil {
			return err
		}
		return tx.Audit(u.Actor, "upload", state.VersionRef(v.Kind, v.Name, v.Version), nil)
	})
	r.Wake()
	return v, err
}
