package gitsource

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
)

// Auth names where the credentials of a repository are. It holds references
// only; files and variables are read each time they are used, so a rotated
// token counts at once.
type Auth struct {
	// Username goes with a token. Most forges ignore it; empty means
	// "x-access-token", what GitHub documents.
	Username string
	// TokenFile and TokenEnv name a file or an environment variable that holds
	// a token or password for https.
	TokenFile, TokenEnv string
	// SSHKeyFile and SSHKeyEnv name a file or an environment variable that
	// holds a private key without passphrase.
	SSHKeyFile, SSHKeyEnv string
	// KnownHostsFile lists the host keys to trust. Empty means the file named by
	// the environment variable SSH_KNOWN_HOSTS, else ~/.ssh/known_hosts and
	// /etc/ssh/ssh_known_hosts. A host that is in none of them is refused.
	KnownHostsFile string
}

const secretLimit = 64 << 10

// secret reads a credential from the one place that is named; no place is no
// credential. What it returns is trimmed of surrounding white space.
func secret(what, file, env string) (string, error) {
	switch {
	case file != "" && env != "":
		return "", &fault{kind: KindInvalid, text: fmt.Sprintf("the %s is named twice, as file %s and as variable %s", what, file, env),
			next: "name one of them"}
	case file != "":
		return secretFile(what, file)
	case env != "":
		value, ok := os.LookupEnv(env)
		if value = strings.TrimSpace(value); !ok || value == "" {
			return "", &fault{kind: KindInvalid, text: fmt.Sprintf("the environment variable %s, which should hold the %s, is not set or empty", env, what),
				next: "set it for the daemon"}
		}
		return value, nil
	}
	return "", nil
}

func secretFile(what, file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", &fault{kind: KindInvalid, text: "the " + what + " cannot be read", err: err,
			next: "check the path and that the daemon's user may read it"}
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, secretLimit+1))
	if err != nil {
		return "", &fault{kind: KindInvalid, text: "the " + what + " cannot be read", err: err}
	}
	data = bytes.TrimSpace(data)
	if len(data) == 0 || len(data) > secretLimit {
		return "", &fault{kind: KindInvalid, text: fmt.Sprintf("the %s in %s is empty or longer than %d bytes", what, file, secretLimit)}
	}
	return string(data), nil
}

// basic returns the user name and token for https; ok is false when none is
// configured.
func (a Auth) basic() (user, token string, ok bool, err error) {
	token, err = secret("token", a.TokenFile, a.TokenEnv)
	if err != nil || token == "" {
		return "", "", false, err
	}
	if strings.ContainsAny(token, "\r\n") {
		return "", "", false, &fault{kind: KindInvalid, text: "the token has more than one line", next: "keep the token alone in its file"}
	}
	user = a.Username
	if user == "" {
		user = "x-access-token"
	}
	return user, token, true, nil
}

// clean takes the repository's token out of an error, whoever put it there: a
// hostile server can answer with what it was sent. An error that repeats it loses
// its chain and keeps its kind.
func (a Auth) clean(err error) error {
	if err == nil {
		return nil
	}
	user, token, ok, credErr := a.basic()
	if credErr != nil || !ok {
		return err
	}
	text := err.Error()
	hidden := scrub(text, token, base64.StdEncoding.EncodeToString([]byte(user+":"+token)), url.QueryEscape(token))
	if hidden == text {
		return err
	}
	f := &fault{kind: KindUnreachable, text: hidden}
	if known, ok := errors.AsType[*fault](err); ok {
		f.kind, f.next, f.wait = known.kind, scrub(known.next, token), known.wait
	}
	return f
}

// scrub hides secrets in a text, also the beginning of one that was cut off by
// printable.
func scrub(text string, secrets ...string) string {
	for _, s := range secrets {
		text = strings.ReplaceAll(text, s, "***")
		for n := len(s) - 1; n >= 4; n-- {
			text = strings.ReplaceAll(text, s[:n]+"…", "***…")
		}
	}
	return text
}
