package terraform

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"baryon/provisioner"
)

// Tool is what NewTool is called in provisioner.Supervise.
const Tool = "terraform"

// toolConfig is what the daemon tells the tool of a job.
type toolConfig struct {
	Kind       kind
	Stack      string // the folder of what is kept of the stack
	LocalState bool
	Plan       string // the plan to be kept, or to be applied
	Policy     Policy
	Offline    bool     // providers come from this machine alone
	Inits      string   // the folder of what init came to
	Program    string   // the program and its settings, for which that holds
	Steps      []step   // of the commands, in order
	Retain     []string // see Config; of a deletion
	Leave      []string // what this deletion leaves alone besides
	Notes      []string // said before everything else

	Never []provisioner.Never // see provisioner.Job
	Until time.Time
}

// A tool reads what terraform prints and has the say between its commands.
type tool struct {
	cfg toolConfig
	dir string // where the commands run

	step   step            // that runs
	reused string          // the file that told what init comes to
	inited bool            // init was run, and what it came to is to be kept
	said   strings.Builder // by init
	told   bool            // what is planned
	brief  bool            // what fails is of the moment
	moved  bool            // since the plan was made
	differ bool            // the check ended with the code that means drift
	whole  bool            // what is read is what a deployment would do
	held   bool            // it may not be applied

	planned, applied bool   // to the end
	existing         int    // resources that the plan knows
	at               serial // of the state that a check read

	changes []provisioner.ResourceChange
	outputs map[string]string

	listed   []string                     // what the state holds
	retained []provisioner.ResourceChange // of that
}

// NewTool makes the reader of one attempt.
func NewTool(dir string, config json.RawMessage) (provisioner.Tool, error) {
	t := &tool{dir: dir}
	if err := json.Unmarshal(config, &t.cfg); err != nil {
		return nil, fmt.Errorf("settings of the job: %w", err)
	}
	return t, nil
}

// Next prepares a command and says whether it is needed.
func (t *tool) Next(k int) (bool, error) {
	if k > len(t.cfg.Steps) {
		return false, fmt.Errorf("command %d of %d is not known", k, len(t.cfg.Steps))
	}
	t.step, t.brief = t.cfg.Steps[k-1], false
	approved := t.cfg.Kind == applying && t.cfg.Plan != ""
	switch t.step {
	case stepInit:
		if err := t.takeLock(); err != nil {
			return false, err
		}
		known, err := t.initialise()
		if known {
			t.cfg.Notes = append(t.cfg.Notes, initLeftOut)
		}
		t.inited = !known
		return !known, err
	case stepList:
		return true, t.initialised()
	case stepRetain:
		return t.forget()
	case stepPlan:
		if err := t.initialised(); err != nil {
			return false, err
		}
		if approved && len(t.retained) == 0 {
			return false, t.takePlan()
		}
	case stepShow:
		if t.cfg.Kind == planning {
			t.markRetained()
			if err := t.keepPlan(); err != nil {
				return false, err
			}
			var err error
			if t.existing, err = plannedExisting(filepath.Join(t.dir, planFile)); err != nil {
				return false, err
			}
		}
		if t.cfg.Kind == checking && !t.differ {
			t.changes = nil
		}
		return t.wantsDetail(), nil
	case stepWhole:
		return t.movedByOthers()
	case stepWholeShow:
		return t.whole && t.wantsDetail(), nil
	case stepApply:
		t.told = !approved || len(t.retained) > 0
		if approved && len(t.retained) > 0 {
			if err := t.stillApproved(); err != nil {
				return false, err
			}
		}
		return true, t.mayApply()
	}
	return true, nil
}

// mayApply makes sure, right before the plan is applied, that nothing is against it.
func (t *tool) mayApply() error {
	why := provisioner.Against(t.cfg.Never, t.changes)
	switch {
	case why != "":
		why += ", which takes a person"
	case !t.cfg.Until.IsZero() && !time.Now().Before(t.cfg.Until):
		why = "the time for changes was over when the plan was ready, at " + t.cfg.Until.UTC().Format(time.RFC3339)
	default:
		return nil
	}
	t.held = true
	return errors.New("nothing was changed: " + why)
}

// initialised looks at what init brought in, before anything of it is run.
func (t *tool) initialised() error {
	if err := t.checkModules(); err != nil {
		return err
	}
	err := copyFile(filepath.Join(t.dir, lockFile), filepath.Join(t.cfg.Stack, lockFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if !t.inited {
		return nil
	}
	t.inited = false
	return t.keepInit()
}

// wantsDetail reports whether the plan holds changes whose attributes only
// another look at the plan tells.
func (t *tool) wantsDetail() bool {
	return slices.ContainsFunc(t.changes, func(c provisioner.ResourceChange) bool {
		return c.Action == "update" || c.Action == "replace"
	})
}

// A message is one line of what terraform prints with -json.
type message struct {
	Level   string `json:"@level"`
	Message string `json:"@message"`
	Type    string `json:"type"`
	Change  *struct {
		Resource struct {
			Address string `json:"addr"`
		} `json:"resource"`
		Action string `json:"action"`
		Reason string `json:"reason"`
	} `json:"change"`
	Outputs map[string]struct {
		Sensitive bool            `json:"sensitive"`
		Type      json.RawMessage `json:"type"`
		Value     json.RawMessage `json:"value"`
	} `json:"outputs"`
	Diagnostic *diagnostic `json:"diagnostic"`
	Summary    struct {
		Operation string `json:"operation"` // plan, apply or destroy
	} `json:"changes"`

	Format string `json:"format_version"` // of a whole plan
}

// Read makes of a line what people read.
func (t *tool) Read(line []byte) string {
	if t.step != stepApply && bytes.Contains(line, []byte(workspaceBusy)) {
		t.brief = true
	}
	if len(line) == 0 || line[0] != '{' {
		return t.readText(string(line))
	}
	var m message
	if err := json.Unmarshal(line, &m); err != nil {
		return string(line) + "\n"
	}
	switch {
	case m.Format != "":
		return t.readPlan(line)
	case m.Level == "":
		return string(line) + "\n"
	}
	switch m.Type {
	case "version":
		return ""
	case "change_summary":
		t.planned, t.applied = true, m.Summary.Operation != "plan"
	case "diagnostic":
		if m.Diagnostic != nil {
			t.doubt(m.Diagnostic.Summary + " " + m.Diagnostic.Detail)
			t.brief = t.brief || t.step != stepApply && m.Diagnostic.ofTheMoment()
			t.moved = t.moved || t.cfg.Plan != "" && m.Diagnostic.Summary == "Saved plan is stale"
			return m.Diagnostic.String()
		}
	case "resource_drift", "planned_change":
		if m.Type == "resource_drift" && (t.cfg.Kind != checking || t.whole) {
			break
		}
		if t.told {
			return "" // apply says once more what plan said
		}
		t.readChange(m)
	case "outputs":
		return t.readOutputs(m)
	}
	return m.Message + "\n"
}

// readText reads what is no JSON: all that init says, and the names of commands.
func (t *tool) readText(line string) string {
	if line == driftMark && t.step == stepPlan {
		t.differ = true
	}
	ours := strings.HasPrefix(line, "==> ")
	if t.step == stepList && line != "" && !ours {
		t.listed = append(t.listed, line)
		return ""
	}
	if t.step == stepInit && t.said.Len() < mostSaid {
		t.said.WriteString(line + "\n")
	}
	t.brief = t.brief || t.step != stepApply && t.step != stepPlan && !ours && ofTheMoment.MatchString(line)
	if t.step == stepInit && t.cfg.Offline && strings.Contains(line, "Failed to query available provider packages") {
		return line + "\n" + offlineNext + "\n"
	}
	t.doubt(line)
	notes := t.cfg.Notes // the first line tells which command begins
	t.cfg.Notes = nil
	return strings.Join(append([]string{line}, notes...), "\n") + "\n"
}

// readChange keeps a change to one resource.
func (t *tool) readChange(m message) {
	c := m.Change
	if c == nil {
		return
	}
	if t.whole {
		c.Action = undone(c.Action)
	}
	if c.Action == "remove" {
		c.Action, c.Reason = "forget", ""
	}
	if !t.knows(c.Resource.Address) {
		t.changes = append(t.changes, provisioner.ResourceChange{Address: c.Resource.Address, Action: c.Action, Reason: strings.ReplaceAll(c.Reason, "_", " ")})
	}
}

// Proton's limits on outputs.
const (
	maxOutputs   = 50
	maxOutputLen = 1024
)

// readOutputs keeps the outputs that an apply prints; a plan prints them without
// values. The values of sensitive ones are not printed and never kept.
func (t *tool) readOutputs(m message) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(m.Outputs)) {
		o := m.Outputs[name]
		if len(o.Type) == 0 {
			return ""
		}
		if t.outputs == nil {
			t.outputs = map[string]string{}
		}
		value := string(o.Value)
		var text string
		if json.Unmarshal(o.Value, &text) == nil {
			value = text
		}
		switch n := utf8.RuneCountInString(value); {
		case o.Sensitive:
			fmt.Fprintf(&b, "Output %q is sensitive and not kept.\n", name)
		case len(t.outputs) == maxOutputs:
			fmt.Fprintf(&b, "Output %q is left out: there are more than %d.\n", name, maxOutputs)
		case string(o.Value) == "null" || n == 0: // Proton knows no empty output
		case n > maxOutputLen:
			fmt.Fprintf(&b, "Output %q is left out: it has %d characters, want at most %d.\n", name, n, maxOutputLen)
		default:
			t.outputs[name] = value
		}
	}
	return b.String()
}

// offlineNext is what to do about a provider that is not on this machine.
const offlineNext = "Nothing is downloaded here: put the provider into a mirror, with: terraform providers mirror DIR, and name DIR in\n" +
	"terraform.mirrors; or let the operator set terraform.network: true"

// mostSaid is how much of what init says is looked at in whole.
const mostSaid = 64 << 10

// workspaceBusy is what the pg backend says to the second of two who make a
// workspace; it does not wait for that lock as for others.
const workspaceBusy = "Already locked for workspace creation"

// ofTheMoment is what is said of networks and servers that may be there again
// soon. What a registry answers, as that it has no such provider, is not.
var ofTheMoment = regexp.MustCompile(`(?i)could not connect to|connection (refused|reset|timed out)|i/o timeout|TLS handshake timeout|context deadline exceeded` +
	`|Client\.Timeout|unexpected EOF|temporary failure in name resolution|no such host|could not resolve host|server misbehaving|network is unreachable|no route to host` +
	// PostgreSQL that is busy or restarts, and two who make the schema at once.
	`|pq: (duplicate key value violates unique constraint "pg_|tuple concurrently updated|(schema|type|relation) "[^"]*" already exists` +
	`|the database system is|sorry, too many clients|remaining connection slots)` +
	`|\b(429 Too Many Requests|500 Internal Server Error|502 Bad Gateway|503 Service Unavailable|504 Gateway Timeout)`)

func (t *tool) knows(address string) bool {
	return slices.ContainsFunc(t.changes, func(c provisioner.ResourceChange) bool { return c.Address == address })
}

// Result is what was read.
func (t *tool) Result() provisioner.ToolResult {
	t.keepSerial()
	t.brief = t.brief || t.step == stepInit && t.unlock()
	t.changes = append(t.changes, t.retained...)
	slices.SortFunc(t.changes, func(a, b provisioner.ResourceChange) int { return strings.Compare(a.Address, b.Address) })
	return provisioner.ToolResult{Outputs: t.outputs, Changes: t.changes, PlanMoved: t.moved, Held: t.held, Existing: t.existing, Passing: t.brief}
}
