package gitsource

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
)

// shellConfig is how to connect to one ssh server: with the key that auth names,
// and only when the server shows a host key that known_hosts lists for it.
func (a Auth) shellConfig(addr address) (*ssh.ClientConfig, error) {
	signer, err := a.signer()
	if err != nil {
		return nil, err
	}
	files, err := a.knownHosts()
	if err != nil {
		return nil, err
	}
	db, err := knownhosts.NewDB(files...)
	if err != nil {
		return nil, &fault{kind: KindInvalid, text: "known_hosts cannot be read", err: err, next: "correct the line"}
	}
	// The algorithms must be those of the keys we know: a server asked for any
	// other would show a key of a kind that is not in the file, which looks like
	// an attack (go-git issue 1551).
	algorithms := db.HostKeyAlgorithms(addr.hostPort())
	if len(algorithms) == 0 {
		return nil, unknownHost(addr, files)
	}
	user := addr.url.User.Username()
	if user == "" {
		user = "git"
	}
	return &ssh.ClientConfig{
		User: user, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, Timeout: 15 * time.Second,
		HostKeyCallback: db.HostKeyCallback(), HostKeyAlgorithms: algorithms,
	}, nil
}

func (a Auth) signer() (ssh.Signer, error) {
	key, err := secret("ssh key", a.SSHKeyFile, a.SSHKeyEnv)
	if err != nil {
		return nil, err
	}
	if key == "" {
		return nil, &fault{kind: KindInvalid, text: "no ssh key is configured", next: "name a private key file in auth"}
	}
	signer, err := ssh.ParsePrivateKey([]byte(key + "\n"))
	if _, ok := errors.AsType[*ssh.PassphraseMissingError](err); ok {
		return nil, &fault{kind: KindInvalid, text: "the ssh key has a passphrase", next: "give a deploy key without one"}
	}
	if err != nil {
		// The parser's error could hold a part of the key: it is not repeated.
		return nil, &fault{kind: KindInvalid, text: "the ssh key cannot be parsed", next: "give a private key in OpenSSH or PEM form"}
	}
	return signer, nil
}

// knownHosts lists the files that say which host keys to trust; at least one must
// exist.
func (a Auth) knownHosts() ([]string, error) {
	files := []string{a.KnownHostsFile}
	if a.KnownHostsFile == "" {
		if files = filepath.SplitList(os.Getenv("SSH_KNOWN_HOSTS")); len(files) == 0 {
			files = []string{"/etc/ssh/ssh_known_hosts"}
			if home, err := os.UserHomeDir(); err == nil {
				files = append(files, filepath.Join(home, ".ssh", "known_hosts"))
			}
		}
	}
	var there []string
	for _, f := range files {
		_, err := os.Stat(f)
		if err == nil {
			there = append(there, f)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, &fault{kind: KindInvalid, text: "known_hosts cannot be read", err: err}
		}
	}
	if len(there) == 0 {
		return nil, &fault{kind: KindHostKey, text: fmt.Sprintf("there is no known_hosts file (%s)", strings.Join(files, ", ")),
			next: "make one with ssh-keyscan, check its fingerprints with the forge, and name it in auth"}
	}
	return there, nil
}

func unknownHost(addr address, files []string) error {
	return &fault{kind: KindHostKey, text: fmt.Sprintf("%s is not in %s", addr.hostPort(), strings.Join(files, ", ")),
		next: "add its key (ssh-keyscan) after checking the fingerprint with the forge"}
}

// handshakeFault names what ended an ssh handshake.
func handshakeFault(t target, err error) error {
	switch {
	case knownhosts.IsHostKeyChanged(err):
		return &fault{kind: KindHostKey, text: fmt.Sprintf("%s shows another key than known_hosts lists", t.addr.hostPort()),
			next: "somebody may be in between; if the forge really changed its key, correct known_hosts"}
	case knownhosts.IsHostUnknown(err):
		files, _ := t.repo.Auth.knownHosts() // they were there a moment ago
		return unknownHost(t.addr, files)
	case strings.Contains(err.Error(), "unable to authenticate"):
		return &fault{kind: KindDenied, text: "the server does not take the ssh key", next: "add the public half of the key to the repository, for example as a deploy key"}
	}
	return unreachable(err)
}
