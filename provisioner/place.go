package provisioner

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A place is one folder of work folders on one host. Its ID is kept in the
// folder itself: host names and machine IDs are alike in containers made from
// one image.
type place struct {
	ID   string
	Host string
}

// placeOf reads the ID of the place dir, giving it one at first use.
func placeOf(dir string) (place, error) {
	host, err := os.Hostname()
	if err != nil {
		return place{}, fmt.Errorf("host name: %w", err)
	}
	name := filepath.Join(dir, ".place")
	id, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		if err := writeFile(name, []byte(rand.Text()+"\n"), true); err != nil && !errors.Is(err, fs.ErrExist) {
			return place{}, fmt.Errorf("work folder: %w", err)
		}
		id, err = os.ReadFile(name)
	}
	if err != nil {
		return place{}, fmt.Errorf("work folder: %w", err)
	}
	return place{ID: strings.TrimSpace(string(id)), Host: host}, nil
}

// A handle says where a job's work is. It is JSON so that people can read it.
type handle struct {
	Place   string   `json:"place"`
	Host    string   `json:"host"`
	Dir     string   `json:"dir"`
	Process *process `json:"process,omitempty"` // the supervisor, once there is one
}

func (p place) handle(f folder, start *startRecord) string {
	h := handle{Place: p.ID, Host: p.Host, Dir: f.dir}
	if start != nil {
		h.Process = &start.Process
	}
	text, err := json.Marshal(h)
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	return string(text)
}

// check gives an error when the job's handle says its work is elsewhere.
func (p place) check(job Job) error {
	if job.Handle == "" {
		return nil
	}
	var h handle
	if err := json.Unmarshal([]byte(job.Handle), &h); err != nil || h.Place == "" {
		return fmt.Errorf("job %s: the handle %.80q is not one of the command engine; abandon or retry the deployment", job.ID, job.Handle)
	}
	if h.Place != p.ID {
		return &OtherHostError{ID: job.ID, Host: h.Host, Dir: h.Dir}
	}
	return nil
}
