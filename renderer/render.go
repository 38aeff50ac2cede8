package renderer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"baryon/renderer/jinja"
)

// Action is what a rendering is for.
type Action string

// The two actions. Their texts are those of the jobs they become.
const (
	Provision   Action = "provision"
	Deprovision Action = "deprovision"
)

// Config is what a Renderer may use. The zero value stands for the defaults.
type Config struct {
	CacheBytes int           // of template text whose parsed form is kept; 32 MiB
	Timeout    time.Duration // wall time for one rendering; 10 s
	Limits     jinja.Limits  // of one template
}

// A Renderer renders bundles and keeps parsed templates for the next time. It
// is safe for concurrent use.
type Renderer struct {
	timeout time.Duration
	jinja   jinja.Config
	cache   *templates
}

// New returns a Renderer.
func New(cfg Config) *Renderer {
	if cfg.CacheBytes <= 0 {
		cfg.CacheBytes = 32 << 20
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = 10 * time.Second
	}
	if cfg.Limits.Source <= 0 {
		cfg.Limits.Source = 2 << 20 // the quota of a template file
	}
	return &Renderer{timeout: cfg.Timeout, jinja: jinja.Config{Filters: jinja.ProtonFilters(), Limits: cfg.Limits}, cache: newTemplates(cfg.CacheBytes)}
}

const (
	// InputsJSON is the file in which commands find their inputs.
	InputsJSON = "proton-inputs.json"
	// InputsHCL is that file for manifests with input_type: HCL.
	InputsHCL = "proton-inputs.tfvars"
	// inputsSingular is a name that one page of Proton's documentation uses.
	inputsSingular = "proton-input.json"
	// ResourceARN is the environment variable that names the resource.
	ResourceARN = "RESOURCE_ARN"
)

// Rendered is what an engine applies.
type Rendered struct {
	Engine   Engine // "" for a customer-managed environment: there is nothing to apply
	Files    *Files // an fs.FS
	Template string // cloudformation: the name of the one file

	Commands            []string // codebuild: in order
	DeprovisionCommands []string
	// DeprovisionProblems say why DeprovisionCommands, or for Deprovision the
	// files, could not be rendered: an input that is gone must not keep a
	// resource from being deleted. The caller then uses what it rendered last.
	DeprovisionProblems Problems

	Env        map[string]string // codebuild: variables and RESOURCE_ARN
	Secrets    []Secret          // codebuild: variables the engine looks up
	Image      string
	Runtimes   []Setting
	Properties *jinja.Dict // project_properties with their strings rendered; nil for none
	RerunSafe  bool
	Timeout    time.Duration // 0 when the manifest does not say

	Outputs map[string]string // of a customer-managed environment
	Health  *Health           // what the template says about it; nil for nothing
	// Digest is a sha256, in hex, over everything above that an engine sees.
	// Equal digests mean that applying again would change nothing by itself.
	Digest string
}

// Render makes the files and commands of one part. An error that is a Problems
// is about the template or the inputs and will come back until one of them
// changes; any other error is the end of ctx.
//
// For Deprovision nothing that only creation needs is rendered, and what fails
// is reported in DeprovisionProblems.
func (r *Renderer) Render(ctx context.Context, b *Bundle, p Part, in Inputs, action Action) (*Rendered, error) {
	limited, cancel := context.WithTimeoutCause(ctx, r.timeout, errTooLong)
	defer cancel()
	out := &Rendered{}
	m := b.Parts[p]
	j := &job{renderer: r, bundle: b, part: p, inputs: in, out: out}
	switch {
	case m == nil && p == PartEnvironment && b.CustomerManaged:
		out.Files, out.Outputs = NewFiles(nil), OutputsOf(in.Environment.Inputs)
		j.vars = in.Namespace(p)
	case m == nil:
		return nil, fmt.Errorf("bundle %s has no part %s", b.Dir, p)
	default:
		out.Engine = m.Engine
		j.vars = in.Namespace(p)
		if err := j.render(limited, m, action); err != nil {
			if ctx.Err() != nil {
				return nil, fmt.Errorf("render %s: %w", b.Dir, ctx.Err())
			}
			return nil, err
		}
	}
	if action == Provision {
		var err error
		if out.Health, err = j.health(limited); err != nil {
			if ctx.Err() != nil {
				return nil, fmt.Errorf("render %s: %w", b.Dir, ctx.Err())
			}
			return nil, err
		}
	}
	out.Digest = out.digest()
	return out, nil
}

// job is one rendering.
type job struct {
	renderer *Renderer
	bundle   *Bundle
	part     Part
	inputs   Inputs
	vars     *jinja.Dict
	out      *Rendered
}

func (j *job) render(ctx context.Context, m *Manifest, action Action) error {
	switch m.Engine {
	case EngineTerraform:
		j.out.Files = NewFiles(terraformFiles(j.bundle, j.part, j.inputs))
		return nil
	case EngineCodeBuild:
		return j.commands(ctx, m, action)
	}
	j.out.Template = m.Template
	file, err := j.cloudFormation(ctx, m)
	var problems Problems
	if action == Deprovision && errors.As(err, &problems) {
		j.out.DeprovisionProblems = problems
		j.out.Files = NewFiles(nil)
		return nil
	}
	if err != nil {
		return err
	}
	j.out.Files = NewFiles(map[string]File{m.Template: file})
	return nil
}

// partDir is the directory of a part in its bundle.
func partDir(p Part) string {
	for _, d := range dirs {
		if d.part == p {
			return d.dir
		}
	}
	return "."
}

// inDir is a file's name as seen from a directory of the bundle, if it is in it.
func inDir(dir, name string) (string, bool) {
	if dir == "." {
		return name, true
	}
	return strings.CutPrefix(name, dir+"/")
}

// commands renders a part that runs commands: its files as they are, the file
// of inputs, and the strings of the manifest.
func (j *job) commands(ctx context.Context, m *Manifest, action Action) error {
	c := m.CodeBuild
	out := j.out
	out.Image, out.Runtimes, out.Secrets = c.Image, c.Runtimes, c.Secrets
	out.RerunSafe, out.Timeout = c.RerunSafe, c.Timeout
	out.Env = map[string]string{ResourceARN: j.inputs.ARN}
	for _, v := range c.Variables {
		out.Env[v.Name] = v.Value
	}
	files := map[string]File{}
	for name, f := range j.bundle.files {
		if rest, ok := inDir(partDir(j.part), name); ok {
			files[rest] = f
		}
	}
	inputs, err := inputsFile(j.vars)
	if err != nil {
		return fmt.Errorf("inputs of %s: %w", j.bundle.Dir, err)
	}
	if c.HCL {
		files[InputsHCL] = File{Data: hclVariables(j.vars)}
	} else {
		files[InputsJSON], files[inputsSingular] = File{Data: inputs}, File{Data: inputs}
	}
	out.Files = NewFiles(files)

	var problems Problems
	out.DeprovisionCommands, err = j.strings(ctx, m, "deprovision", c.Deprovision, &out.DeprovisionProblems)
	if err != nil {
		return err
	}
	into := &problems
	if action == Deprovision {
		into = &out.DeprovisionProblems
	} else if out.Commands, err = j.strings(ctx, m, "provision", c.Provision, into); err != nil {
		return err
	}
	if err := j.properties(ctx, m, into); err != nil {
		return err
	}
	return problems.Err()
}

// inputsFile is the content of proton-inputs.json.
func inputsFile(vars *jinja.Dict) ([]byte, error) {
	compact, err := vars.MarshalJSON()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := json.Indent(&b, compact, "", "  "); err != nil {
		return nil, err
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// strings renders every command and collects what is wrong with any of them.
func (j *job) strings(ctx context.Context, m *Manifest, what string, commands []Command, problems *Problems) ([]string, error) {
	out := make([]string, 0, len(commands))
	for i, c := range commands {
		text, err := j.text(ctx, m, fmt.Sprintf("%s/%d", what, i), c.at, problems)
		if err != nil {
			return nil, err
		}
		out = append(out, text)
	}
	if problems.Failed() {
		return nil, nil
	}
	return out, nil
}

// digest hashes what an engine sees, each text preceded by its length.
func (r *Rendered) digest() string {
	h := sha256.New()
	var buf []byte
	data := func(b []byte) {
		h.Write(binary.AppendUvarint(buf[:0], uint64(len(b))))
		h.Write(b)
	}
	write := func(texts ...string) {
		for _, s := range texts {
			buf = append(buf[:0], s...)
			h.Write(binary.AppendUvarint(nil, uint64(len(s))))
			h.Write(buf)
		}
	}
	count := func(n int) { write(strconv.Itoa(n)) }
	write(string(r.Engine), r.Template, r.Image)
	names := r.Files.Names()
	count(len(names))
	for _, name := range names {
		f, _ := r.Files.Get(name)
		write(name, strconv.FormatBool(f.Exec))
		data(f.Data)
	}
	for _, list := range [][]string{r.Commands, r.DeprovisionCommands} {
		count(len(list))
		write(list...)
	}
	for _, m := range []map[string]string{r.Env, r.Outputs} {
		count(len(m))
		for _, k := range slices.Sorted(maps.Keys(m)) {
			write(k, m[k])
		}
	}
	count(len(r.Secrets))
	for _, s := range r.Secrets {
		write(s.Name, string(s.Source), s.Reference)
	}
	count(len(r.Runtimes))
	for _, s := range r.Runtimes {
		write(s.Name, s.Value)
	}
	if r.Properties != nil {
		data(prettyJSON(r.Properties))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// fileName is how a file of the bundle is called in problems.
func (j *job) fileName(name string) string { return path.Join(j.bundle.Dir, name) }
