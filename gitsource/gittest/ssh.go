package gittest

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// SSHServer serves the repositories below Dir over ssh on loopback. It runs
// git-upload-pack and git-receive-pack and nothing else.
type SSHServer struct {
	Dir, Addr string
	// KeyFile is the private key that the server takes.
	KeyFile string
	// KnownHosts is a known_hosts file with the server's key.
	KnownHosts string

	listener net.Listener
	config   *ssh.ServerConfig
	protocol bool

	mu    sync.Mutex
	conns map[net.Conn]bool
	done  sync.WaitGroup
}

// NewSSHServer starts a server that ends with the test. acceptEnv lets clients ask
// for protocol v2, which servers do not by default.
func NewSSHServer(t testing.TB, acceptEnv bool) *SSHServer {
	t.Helper()
	RequireGit(t)
	s := &SSHServer{Dir: t.TempDir(), protocol: acceptEnv, conns: map[net.Conn]bool{}}
	client, keyFile := NewKey(t)
	host, _ := NewKey(t)
	s.KeyFile = keyFile
	s.config = &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if string(key.Marshal()) != string(client.PublicKey().Marshal()) {
			return nil, errors.New("unknown key")
		}
		return &ssh.Permissions{}, nil
	}}
	s.config.AddHostKey(host)
	var err error
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	s.Addr = s.listener.Addr().String()
	s.KnownHosts = WriteKnownHosts(t, s.Addr, host.PublicKey())
	s.done.Go(s.accept)
	t.Cleanup(s.Close)
	return s
}

// NewKey makes a key pair and returns it with the file of its private half.
func NewKey(t testing.TB) (ssh.Signer, string) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "id_ed25519")
	if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	return signer, name
}

// WriteKnownHosts writes a known_hosts file with one host and returns its path.
func WriteKnownHosts(t testing.TB, addr string, key ssh.PublicKey) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "known_hosts")
	line := knownhosts.Line([]string{knownhosts.Normalize(addr)}, key) + "\n"
	if err := os.WriteFile(name, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// Create makes an empty repository that the server serves.
func (s *SSHServer) Create(t testing.TB, name string) *Repo {
	t.Helper()
	r := NewRepo(t, filepath.Join(s.Dir, name+".git"))
	r.URL = "ssh://git@" + s.Addr + "/" + name + ".git"
	return r
}

// Close ends the server and every connection.
func (s *SSHServer) Close() {
	s.listener.Close()
	s.mu.Lock()
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.done.Wait()
}

func (s *SSHServer) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns[conn] = true
		s.mu.Unlock()
		s.done.Go(func() {
			s.serve(conn)
			s.mu.Lock()
			delete(s.conns, conn)
			s.mu.Unlock()
		})
	}
}

func (s *SSHServer) serve(raw net.Conn) {
	defer raw.Close()
	conn, channels, requests, err := ssh.NewServerConn(raw, s.config)
	if err != nil {
		return
	}
	defer conn.Close()
	s.done.Go(func() { ssh.DiscardRequests(requests) })
	for c := range channels {
		if c.ChannelType() != "session" {
			c.Reject(ssh.UnknownChannelType, "sessions alone")
			continue
		}
		channel, requests, err := c.Accept()
		if err != nil {
			return
		}
		s.done.Go(func() { s.session(channel, requests) })
	}
}

// session answers the requests of one session up to the command it runs.
func (s *SSHServer) session(channel ssh.Channel, requests <-chan *ssh.Request) {
	defer channel.Close()
	env := Env()
	for r := range requests {
		switch r.Type {
		case "env":
			var v struct{ Name, Value string }
			ok := s.protocol && ssh.Unmarshal(r.Payload, &v) == nil && v.Name == "GIT_PROTOCOL"
			if ok {
				env = append(env, v.Name+"="+v.Value)
			}
			r.Reply(ok, nil)
		case "exec":
			var v struct{ Command string }
			if ssh.Unmarshal(r.Payload, &v) != nil {
				r.Reply(false, nil)
				continue
			}
			r.Reply(true, nil)
			s.done.Go(func() { ssh.DiscardRequests(requests) })
			status := struct{ Status uint32 }{s.exec(channel, v.Command, env)}
			channel.SendRequest("exit-status", false, ssh.Marshal(&status))
			return
		default:
			r.Reply(false, nil)
		}
	}
}

func (s *SSHServer) exec(channel ssh.Channel, command string, env []string) uint32 {
	program, path, _ := strings.Cut(command, " ")
	path = strings.NewReplacer(`'\''`, "'", `'\!'`, "!", "'", "").Replace(path) // as a shell would
	path = filepath.Join(s.Dir, filepath.Clean("/"+path))
	if program != "git-upload-pack" && program != "git-receive-pack" {
		fmt.Fprintln(channel.Stderr(), "not allowed:", program)
		return 1
	}
	cmd := exec.Command("git", strings.TrimPrefix(program, "git-"), path)
	cmd.Env, cmd.Stdout, cmd.Stderr = env, channel, channel.Stderr()
	in, err := cmd.StdinPipe()
	if err != nil || cmd.Start() != nil {
		return 1
	}
	s.done.Go(func() {
		io.Copy(in, channel)
		in.Close()
	})
	if cmd.Wait() != nil {
		return 1
	}
	return 0
}
