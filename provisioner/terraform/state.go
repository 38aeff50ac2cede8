package terraform

import (
	"encoding/json"
	"path/filepath"
)

// A StateIn says where states are. The zero value is the folder of the engine,
// which fits a daemon that is alone.
type StateIn struct {
	// Postgres is the address of a database. Its value is a secret.
	Postgres string
	// Bucket is an S3 bucket that holds states below Prefix; credentials come
	// from the variables that Config.Env names. Endpoint is the address of a
	// server that speaks S3 and is not AWS.
	Bucket, Prefix, Region, Endpoint string
}

// backendFile says where the state is. As an override file it replaces whatever
// backend the code asks for.
const backendFile = "baryon_override.tf.json"

// The names of what is kept in the folder of a stack.
const (
	stateFile = "terraform.tfstate"
	lockFile  = ".terraform.lock.hcl"
)

// schema is where the tables of the pg backend are. Each stack is a workspace in
// it, which is a row.
const schema = "baryon_terraform"

// backend is the content of backendFile for a stack. It holds no secret: the
// address of a database is handed over as a variable, which is never written
// down by the program.
func (e *Engine) backend(name string) []byte {
	var backend map[string]any
	switch in := e.cfg.State; {
	case in.Postgres != "":
		backend = map[string]any{"pg": map[string]any{"schema_name": schema}}
	case in.Bucket != "":
		s3 := map[string]any{"bucket": in.Bucket, "key": in.Prefix + safeName(name) + "/" + stateFile, "region": in.Region, "use_lockfile": true}
		if in.Endpoint != "" {
			s3["endpoints"], s3["use_path_style"] = map[string]any{"s3": in.Endpoint}, true
			for _, of := range []string{"credentials_validation", "requesting_account_id", "region_validation", "metadata_api_check"} {
				s3["skip_"+of] = true // what others than AWS do not have
			}
		}
		backend = map[string]any{"s3": s3}
	default:
		backend = map[string]any{"local": map[string]any{"path": filepath.Join(e.stack(name), stateFile)}}
	}
	text, err := json.Marshal(map[string]any{"terraform": map[string]any{"backend": backend}})
	if err != nil {
		panic(err) // strings
	}
	return text
}

// initWorkspace lets init begin where there is always a workspace: it refuses to
// begin in one that is yet to be made, which plan and apply do by themselves.
func (e *Engine) initWorkspace() string {
	if e.cfg.State.Postgres == "" {
		return ""
	}
	return "TF_WORKSPACE=default "
}
