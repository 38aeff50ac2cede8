package terraform

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// A serial tells one version of a state from others.
type serial struct {
	Lineage string `json:"lineage"`
	Serial  int64  `json:"serial"`
}

// readSerial reads that of a state file; it is zero where there is none.
func readSerial(name string) (s serial, err error) {
	text, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(text) == 0 {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(text, &s)
}

// plannedSerial reads that of the state a saved plan was made from, wherever the
// state is.
func plannedSerial(plan string) (s serial, err error) {
	return s, readPlanned(plan, &s)
}

// plannedExisting is how many resources a plan found, as they are now.
func plannedExisting(plan string) (n int, err error) {
	var state struct {
		Resources []struct {
			Mode      string `json:"mode"`
			Instances []struct {
				Deposed string `json:"deposed"` // the old one of a replacement that did not end
			} `json:"instances"`
		} `json:"resources"`
	}
	err = readPlanned(plan, &state)
	for _, r := range state.Resources {
		for _, i := range r.Instances {
			if r.Mode == "managed" && i.Deposed == "" {
				n++
			}
		}
	}
	return n, err
}

// readPlanned reads the state in a saved plan: what was found when it was made.
func readPlanned(plan string, into any) error {
	archive, err := zip.OpenReader(plan)
	if err != nil {
		return fmt.Errorf("saved plan: %w", err)
	}
	defer archive.Close()
	state, err := archive.Open("tfstate")
	if err != nil {
		return fmt.Errorf("saved plan: %w", err)
	}
	defer state.Close()
	if err := json.NewDecoder(state).Decode(into); err != nil {
		return fmt.Errorf("state in a saved plan: %w", err)
	}
	return nil
}

// knownFile, in the folder of a stack, names the version of its state at which
// everything was as the code wants it.
const knownFile = "known.json"

// movedByOthers reports whether the state is another than the one that was left
// behind: somebody ran terraform by hand, and what they did is no drift of the
// world from the state. What a deployment would do tells it then.
func (t *tool) movedByOthers() (bool, error) {
	now, err := plannedSerial(filepath.Join(t.dir, planFile))
	if err != nil {
		return false, err
	}
	known, err := readSerial(filepath.Join(t.cfg.Stack, knownFile))
	t.at, t.whole, t.planned = now, now != known, false
	return t.whole, err
}

// keepSerial notes the version of the state that is as the code wants it: after
// an apply, or after a check that found nothing to do.
func (t *tool) keepSerial() {
	at := t.at
	switch {
	case t.cfg.Kind == checking && t.whole && t.planned && len(t.changes) == 0:
	case t.cfg.Kind == applying && t.cfg.LocalState && t.applied:
		var err error
		if at, err = readSerial(filepath.Join(t.cfg.Stack, stateFile)); err != nil {
			return // the next check looks at everything
		}
	default:
		return
	}
	if text, err := json.Marshal(at); err == nil {
		_ = os.WriteFile(filepath.Join(t.cfg.Stack, knownFile), text, 0o600) // as above
	}
}

// undone is what others did, where a deployment would do an action about it.
func undone(action string) string {
	switch action {
	case "create":
		return "delete"
	case "delete":
		return "create"
	}
	return action
}
