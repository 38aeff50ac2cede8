package reconciler

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"time"

	"baryon/provisioner"
	"baryon/renderer"
)

// engineNone applies nothing: the values of the spec are the outputs.
const engineNone = "none"

// An artifact is what a deployment applies, as it is kept: the rendered files
// and how to run them. It is written before the engine is first called, so what
// is applied after a restart is what was planned.
type artifact struct {
	Commands    []string             `json:"commands,omitempty"`
	Deprovision []string             `json:"deprovision,omitempty"`
	Env         map[string]string    `json:"env,omitempty"`
	Secrets     []provisioner.Secret `json:"secrets,omitempty"` // references; their values are nowhere
	Timeout     time.Duration        `json:"timeout,omitempty"`
	RerunSafe   bool                 `json:"rerunSafe,omitempty"`
	Outputs     map[string]string    `json:"outputs,omitempty"` // of what is not applied: the spec's own values

	// Health is what has to be good before it has succeeded; nil for nothing.
	Health *renderer.Health `json:"health,omitempty"`

	files fs.FS
	needs map[string]string // the deployments whose outputs were read, by target; kept with the deployment
}

// The places of an artifact's pieces in its blob.
const (
	artifactJob   = "job.json"
	artifactFiles = "files"
)

// secretsOf are the references of what was rendered, as engines take them.
func secretsOf(out *renderer.Rendered) []provisioner.Secret {
	var secrets []provisioner.Secret
	for _, s := range out.Secrets {
		secrets = append(secrets, provisioner.Secret{Name: s.Name, Source: provisioner.SecretSource(s.Source), Reference: s.Reference})
	}
	return secrets
}

// pack lays the artifact out as files.
func (a *artifact) pack() fs.FS {
	job, err := json.Marshal(a)
	if err != nil {
		panic(err) // strings and numbers
	}
	out := map[string]renderer.File{artifactJob: {Data: job}}
	_ = fs.WalkDir(a.files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(a.files, path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		out[artifactFiles+"/"+path] = renderer.File{Data: data, Exec: info.Mode()&0o111 != 0}
		return nil
	})
	return renderer.NewFiles(out)
}

// unpack reads what pack laid out.
func unpack(files fs.FS) (*artifact, error) {
	data, err := fs.ReadFile(files, artifactJob)
	if err != nil {
		return nil, fmt.Errorf("rendered files: %w", err)
	}
	a := &artifact{}
	if err := json.Unmarshal(data, a); err != nil {
		return nil, fmt.Errorf("rendered files: %s: %w", artifactJob, err)
	}
	a.files, err = fs.Sub(files, artifactFiles)
	return a, err
}

// artifact reads what was packed under a digest. A job that runs is looked at
// often, so that the few read last are kept.
func (r *Reconciler) artifact(ctx context.Context, digest string) (*artifact, error) {
	r.mu.Lock()
	a := r.artifacts[digest]
	r.mu.Unlock()
	if a != nil {
		return a, nil
	}
	files, err := r.cfg.Store.Files(ctx, digest)
	if err != nil {
		return nil, err
	}
	if a, err = unpack(files); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.artifacts) >= keptArtifacts {
		clear(r.artifacts)
	}
	r.artifacts[digest] = a
	return a, nil
}

// keptArtifacts is enough for what runs at once, with room.
const keptArtifacts = 32
