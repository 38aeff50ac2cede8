package provisioner

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// A ToolUse says that the commands of a job call one program that Baryon knows
// well, and how that program wants to be treated. It is zero for commands of
// which nothing is known.
type ToolUse struct {
	// Name is what the Tool is called that reads along; see Supervise.
	Name string `json:",omitempty"`
	// Config is handed to the Tool. It is kept on disk: no secrets.
	Config json.RawMessage `json:",omitempty"`
	// Harmless is how many commands, from the first on, change nothing. Work
	// that was lost in one of them is begun again even when it is not RerunSafe.
	Harmless int `json:",omitempty"`
	// Within is how long each command may take; 0, or none, is no limit of its own.
	Within []time.Duration `json:",omitempty"`
	// Patience is how long the program gets to save what it did once it is to
	// end, also when its supervisor was lost. It is then asked by SIGINT. 0 is
	// CommandConfig.Grace and SIGTERM.
	Patience time.Duration `json:",omitempty"`
}

// A Tool reads along, inside the supervisor, with the commands of one attempt
// and has a say between them.
type Tool interface {
	// Read takes one line that a command printed, without its newline, and
	// gives what the log says instead, with newlines; empty is nothing.
	Read(line []byte) (log string)
	// Next is asked before command k, counted from 1, when all that was printed
	// before has been read. The command is left out unless run; an error ends
	// the job.
	Next(k int) (run bool, err error)
	// Result is what the commands came to, however they ended.
	Result() ToolResult
}

// A ToolResult is what a Tool made of what was printed.
type ToolResult struct {
	Outputs   map[string]string
	Changes   []ResourceChange
	PlanMoved bool // see Progress, as are the next two
	Held      bool
	Existing  int
	// Passing says that what failed is of the moment, as a network that is down,
	// and that nothing was changed: it is tried again, ever more rarely.
	Passing bool
}

// A ResourceChange is one line of a plan: what is to happen to one resource. It
// holds values in Differences alone, and no secret.
type ResourceChange struct {
	Address    string   `json:"address"`
	Type       string   `json:"type,omitempty"`       // where the address does not say it
	Action     string   `json:"action"`               // create, update, replace, delete, read, import, move, forget
	Attributes []string `json:"attributes,omitempty"` // those that change
	Forces     []string `json:"forces,omitempty"`     // those that make it a replacement
	Reason     string   `json:"reason,omitempty"`     // why, where that is not a changed attribute
	// Conditional says of an update that it may turn out to be a replacement, and
	// Kept of a replacement that the old resource stays where it is.
	Conditional bool `json:"conditional,omitempty"`
	Kept        bool `json:"kept,omitempty"`
	// Differences are the changes of single values, as lines for people, from
	// engines that know them.
	Differences []string `json:"differences,omitempty"`
}

// NewTool makes the Tool of an attempt, whose commands run in dir.
type NewTool func(dir string, config json.RawMessage) (Tool, error)

// maxLine is the longest line a Tool is handed; what is longer is left out. A
// plan of thousands of resources is one line.
const maxLine = 256 << 20

// mark is what the shell prints, alone on a line, when a command has ended.
// What was printed before it has then been read.
const mark = "\x1ebaryon\x1e"

// A reader cuts what commands print into lines, for a Tool.
type reader struct {
	tool  Tool
	line  []byte
	drop  bool // the line is too long
	marks chan struct{}
}

// feed takes the next part of the stream and gives what the log says of it.
func (r *reader) feed(p []byte) []byte {
	var say []byte
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		part := p
		if i >= 0 {
			part = p[:i]
		}
		if r.drop = r.drop || len(r.line)+len(part) > maxLine; !r.drop {
			r.line = append(r.line, part...)
		}
		if i < 0 {
			break
		}
		p = p[i+1:]
		say = append(say, r.flush()...)
	}
	return say
}

// flush reads the line that has come so far.
func (r *reader) flush() []byte {
	line, drop := r.line, r.drop
	r.line, r.drop = r.line[:0], false
	if cap(r.line) > 1<<20 {
		r.line = nil // one long line is no reason to keep its memory
	}
	switch {
	case drop:
		return []byte("(a line of more than 256 MiB was left out)\n")
	case len(line) == 0:
		return nil
	case string(line) == mark:
		select {
		case r.marks <- struct{}{}:
		default:
		}
		return nil
	}
	return []byte(r.tool.Read(line))
}

// settle waits until everything has been read that was printed so far.
func (r *reader) settle() error {
	select {
	case <-r.marks:
		return nil
	case <-time.After(markWait):
		return fmt.Errorf("what the commands printed could not be read within %s", markWait)
	}
}

const markWait = 30 * time.Second

// use puts what a tool made of the output into the record of the attempt.
func (e *exitRecord) use(r ToolResult, m *mask) {
	e.Changes, e.PlanMoved, e.Held, e.Existing = r.Changes, r.PlanMoved && e.State == Failed, r.Held && e.State == Failed, r.Existing
	if r.Passing && e.State == Failed && e.Reason == exited {
		e.Reason = passing
	}
	if e.State != Succeeded {
		return
	}
	e.Outputs = r.Outputs
	for key, value := range r.Outputs {
		if m.all(value) != value {
			delete(e.Outputs, key)
			e.Message += fmt.Sprintf("\noutput %q holds the value of a secret and is not kept", key)
		}
	}
	e.Message = strings.TrimPrefix(e.Message, "\n")
}
