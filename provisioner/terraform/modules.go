package terraform

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// checkModules holds downloaded modules to the policy of the bundle, once they
// are there and before anything of them is run.
func (t *tool) checkModules() error {
	list := filepath.Join(".terraform", "modules", "modules.json")
	text, err := os.ReadFile(filepath.Join(t.dir, list))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var known struct{ Modules []struct{ Key, Dir string } }
	if err := json.Unmarshal(text, &known); err != nil {
		return fmt.Errorf("%s: %w", list, err)
	}
	var problems []Problem
	for _, m := range known.Modules {
		if m.Dir == "." || m.Dir == "" {
			continue
		}
		said, err := t.checkModule(m.Dir)
		if err != nil {
			return fmt.Errorf("module %s: %w", m.Key, err)
		}
		problems = append(problems, said...)
	}
	if len(problems) > 0 {
		return fmt.Errorf("a module does what is not allowed:\n%s", strings.Join(texts(problems), "\n"))
	}
	return nil
}

// checkModule checks the files of one folder. The folder itself may be a link: a
// module of this machine, which is allowed as a source.
func (t *tool) checkModule(dir string) (problems []Problem, err error) {
	place, err := filepath.EvalSymlinks(filepath.Join(t.dir, dir))
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(place)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	c := newChecker(t.cfg.Policy, root.FS(), false)
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		name := path.Join(filepath.ToSlash(dir), entry.Name())
		if entry.IsDir() {
			continue
		}
		if said := t.cfg.Policy.checkName(name); said.Rule != "" {
			problems = append(problems, said)
		}
		if !isCode(name) {
			continue
		}
		code, err := root.ReadFile(entry.Name()) // a link that leads out is an error
		if err != nil {
			return nil, err
		}
		c.file(name, entry.Name(), code)
	}
	c.finish()
	return append(problems, c.problems...), nil
}
