package provisioner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A Secret is a variable whose value is looked up when the work starts. It is
// a reference and may be kept and shown; the value is handed to the commands
// and to nobody else.
type Secret struct {
	Name      string       `json:"name"` // of the variable
	Source    SecretSource `json:"source"`
	Reference string       `json:"reference"`
}

// A SecretSource says what a Reference is.
type SecretSource string

// The sources of secrets.
const (
	FromEnv            SecretSource = "env"             // a variable of the daemon's environment
	FromFile           SecretSource = "file"            // the path of a file that the daemon can read
	FromSecretsManager SecretSource = "secrets-manager" // id:json-key:stage:version, as in a buildspec
	FromParameterStore SecretSource = "parameter-store" // the name of a parameter
)

// A SecretPlace is where a secret lies on this host: in a file, or in a
// variable of the daemon's environment.
type SecretPlace struct{ File, Env string }

// A SecretError says that a secret cannot be had until somebody does something
// about it. It never holds the value of one.
type SecretError struct{ Why, Next string }

func (e *SecretError) Error() string { return e.Why + "; " + e.Next }

// maxSecret bounds what one variable may hold; Linux takes no longer ones.
const maxSecret = 120 << 10

// LocalSecrets finds secrets on this host.
type LocalSecrets struct {
	// Places says where the secrets are that manifests refer to by the names
	// they have in AWS. It is called for each look.
	Places func() map[string]SecretPlace
	// Own reports whether a place holds a credential of the daemon itself,
	// which no template may ask for. It may be nil.
	Own func(SecretPlace) bool
}

// Secret looks a secret up. A *SecretError when it cannot be had; any other
// error is of the moment.
func (l LocalSecrets) Secret(_ context.Context, s Secret) (string, error) {
	value, err := l.value(s)
	var refused *SecretError
	switch {
	case errors.As(err, &refused):
		return "", &SecretError{Why: "secret " + s.Name + ": " + refused.Why, Next: refused.Next}
	case err != nil:
		return "", fmt.Errorf("secret %s: %w", s.Name, err)
	case strings.ContainsRune(value, 0):
		return "", &SecretError{"secret " + s.Name + " holds a NUL byte, which no process can be handed", "put another value there"}
	}
	return value, nil
}

func (l LocalSecrets) value(s Secret) (string, error) {
	switch s.Source {
	case FromEnv:
		return l.at(SecretPlace{Env: s.Reference})
	case FromFile:
		if !filepath.IsAbs(s.Reference) {
			return "", &SecretError{fmt.Sprintf("the path %q is not absolute", s.Reference), "write all of it, from / on"}
		}
		return l.at(SecretPlace{File: s.Reference})
	case FromSecretsManager, FromParameterStore:
		return l.named(s)
	}
	return "", &SecretError{fmt.Sprintf("the source %q is not known", s.Source), "use env, file, secrets_manager or parameter_store"}
}

// named looks for a secret that is referred to by its name in AWS.
func (l LocalSecrets) named(s Secret) (string, error) {
	name, key := s.Reference, ""
	if s.Source == FromSecretsManager {
		name, key = splitReference(s.Reference)
	}
	place, known := SecretPlace{}, false
	if l.Places != nil {
		place, known = l.Places()[name]
	}
	if !known {
		return "", &SecretError{
			fmt.Sprintf("%s %q is kept in AWS, which this engine does not ask", s.Source, s.Reference),
			fmt.Sprintf("say in the daemon's configuration where it is on this host (secrets: {%q: {file: PATH}}), or refer to {{resolve:file:PATH}} or {{resolve:env:NAME}}", name),
		}
	}
	text, err := l.at(place)
	if err != nil || key == "" {
		return text, err
	}
	return member(text, name, key)
}

// splitReference cuts the id and the key out of id:json-key:stage:version. The
// id may be an ARN, which has six colons of its own.
func splitReference(text string) (id, key string) {
	parts := strings.Split(text, ":")
	n := 1
	if parts[0] == "arn" {
		n = min(7, len(parts))
	}
	id = strings.Join(parts[:n], ":")
	if len(parts) > n {
		key = parts[n]
	}
	return id, key
}

// member is one member of a secret that is a JSON object.
func member(text, name, key string) (string, error) {
	var object map[string]any
	if err := json.Unmarshal([]byte(text), &object); err != nil { // its text would quote the secret
		return "", &SecretError{fmt.Sprintf("%q is no JSON object, and its member %q is asked for", name, key), "make it one, or leave the member out"}
	}
	switch v := object[key].(type) {
	case string:
		return v, nil
	case nil:
		return "", &SecretError{fmt.Sprintf("%q has no member %q", name, key), "add it, or name another"}
	default:
		whole, err := json.Marshal(v)
		return string(whole), err
	}
}

// at reads the secret at a place. Newlines at its end are cut off: editors and
// echo put them there.
func (l LocalSecrets) at(place SecretPlace) (string, error) {
	if l.Own != nil && l.Own(place) {
		return "", &SecretError{"what is named is a credential of the daemon itself", "keep secrets of templates elsewhere"}
	}
	if place.File == "" {
		value, set := os.LookupEnv(place.Env)
		if !set || value == "" {
			return "", &SecretError{fmt.Sprintf("the variable %s is not set in the daemon's environment", place.Env), "set it and restart the daemon, then retry"}
		}
		return bounded(value)
	}
	file, err := os.Open(place.File)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return "", &SecretError{err.Error(), "put the secret there so that the daemon can read it, then retry"}
	}
	if err != nil {
		return "", err
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return "", &SecretError{place.File + " is not a regular file", "put the secret into a file"}
	}
	text, err := io.ReadAll(io.LimitReader(file, maxSecret+2))
	if err != nil {
		return "", err
	}
	value := strings.TrimRight(string(text), "\r\n")
	if value == "" {
		return "", &SecretError{place.File + " is empty", "put the secret there, then retry"}
	}
	return bounded(value)
}

func bounded(value string) (string, error) {
	if len(value) > maxSecret {
		return "", &SecretError{fmt.Sprintf("it is longer than %d bytes, the most a variable can hold", maxSecret), "refer to something shorter"}
	}
	return value, nil
}
