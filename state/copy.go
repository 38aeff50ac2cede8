package state

import (
	"context"

	"baryon/state/db"
)

// Copy copies what one repository and the templates come to into an empty
// Store: all templates with their bundles, all targets and services, and of
// those that the repository declares also what was applied last and the open
// and the last deployment. From is only read.
func Copy(ctx context.Context, to, from *Store, repository string) error {
	return to.Update(ctx, Fence{}, func(tx *Tx) error {
		for _, step := range []func(context.Context, *Tx, *Store, string) error{copyTemplates, copyServices, copyTargets, copySources} {
			if err := step(ctx, tx, from, repository); err != nil {
				return err
			}
		}
		return nil
	})
}

func copyTemplates(ctx context.Context, tx *Tx, from *Store, _ string) error {
	for _, kind := range []Kind{KindEnvironment, KindService} {
		templates, err := from.Templates(ctx, kind)
		if err != nil {
			return err
		}
		for _, t := range templates {
			if err := tx.PutTemplate(t); err != nil {
				return err
			}
			versions, err := from.TemplateVersions(ctx, kind, t.Name)
			if err != nil {
				return err
			}
			for _, v := range versions {
				if err := copyBlob(ctx, tx, from, v.Bundle); err != nil {
					return err
				}
				if err := tx.PutTemplateVersion(v); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func copyServices(ctx context.Context, tx *Tx, from *Store, _ string) error {
	for after := ""; ; {
		page, err := from.Services(ctx, after, defaultPage)
		if err != nil {
			return err
		}
		for _, v := range page {
			if err := tx.PutService(v); err != nil {
				return err
			}
		}
		if len(page) < defaultPage {
			return nil
		}
		after = page[len(page)-1].Name
	}
}

func copyTargets(ctx context.Context, tx *Tx, from *Store, repository string) error {
	for f := (Filter{}); ; {
		page, err := from.Targets(ctx, f)
		if err != nil {
			return err
		}
		for _, t := range page {
			if err := copyTarget(ctx, tx, from, t, t.Owner.Repository == repository); err != nil {
				return err
			}
		}
		if len(page) < defaultPage {
			return nil
		}
		f.After = page[len(page)-1].Ref.String()
	}
}

func copyTarget(ctx context.Context, tx *Tx, from *Store, t Target, whole bool) error {
	if err := tx.PutTarget(t); err != nil {
		return err
	}
	needs, err := mapRowsOf(from.queries().Needs(ctx, t.Ref.String()))
	if err != nil {
		return err
	}
	if err := tx.SetNeeds(t.Ref, needs); err != nil || !whole {
		return err
	}
	for _, digest := range []string{t.Deployed.Rendered, t.Desired.Files} {
		if err := copyBlob(ctx, tx, from, digest); err != nil {
			return err
		}
	}
	last, err := from.LastDeployment(ctx, t.Ref)
	if err != nil || last == nil {
		return err
	}
	return tx.copyDeployment(*last)
}

func mapRowsOf(rows []string, err error) ([]Ref, error) {
	if err != nil {
		return nil, err
	}
	return mapRows(rows, ParseRef)
}

// copyDeployment writes a deployment as it is, times and all.
func (tx *Tx) copyDeployment(d Deployment) error {
	outputs, err := encode(d.Outputs)
	if err != nil {
		return err
	}
	doc, err := d.doc()
	if err != nil {
		return err
	}
	return tx.q.AddDeployment(tx.ctx, db.AddDeploymentParams{
		ID: d.ID, Ref: d.Ref.String(), Action: string(d.Action), Status: string(d.Status), Generation: d.Generation,
		Input: d.Input, Output: d.Output, Handle: d.Handle, Message: d.Message, Outputs: outputs, Engine: d.Engine, Account: d.Account, Doc: doc,
		Now: micros(d.CreatedAt), CompletedAt: micros(d.CompletedAt),
	})
}

func copySources(ctx context.Context, tx *Tx, from *Store, repository string) error {
	files, err := from.SourceFiles(ctx, repository)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := tx.PutSourceFile(f); err != nil {
			return err
		}
	}
	return nil
}

func copyBlob(ctx context.Context, tx *Tx, from *Store, digest string) error {
	if digest == "" {
		return nil
	}
	data, err := from.Blob(ctx, digest)
	if err != nil {
		return err
	}
	_, err = tx.PutBlob(data)
	return err
}
