package shim

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// A profile is what the files of the AWS CLI say under one name.
type profile struct {
	values map[string]string
	known  bool
}

// configure reads the profile, as far as anything of it is wanted here: keys
// that the daemon issued, the region of signatures, and the form of output.
func (s *session) configure() error {
	name := firstOf(s.global.profile, s.cfg.Getenv("AWS_PROFILE"), s.cfg.Getenv("AWS_DEFAULT_PROFILE"))
	p, err := s.read(firstOf(name, "default"))
	if err != nil {
		return err
	}
	if name != "" && !p.known && s.cfg.Token == "" {
		return fmt.Errorf("The config profile (%s) could not be found", name) //nolint:staticcheck // the words of the AWS CLI
	}
	s.profile = p
	s.global.output = firstOf(s.global.output, s.cfg.Getenv("AWS_DEFAULT_OUTPUT"), p.values["output"], "json")
	if slices.Contains(outputs(), s.global.output) {
		return nil
	}
	return fmt.Errorf("Unknown output type: %s", s.global.output) //nolint:staticcheck // the words of the AWS CLI
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// read reads the sections of a profile in both files; what the credentials file
// says counts for more.
func (s *session) read(name string) (profile, error) {
	p := profile{values: map[string]string{}}
	home := s.cfg.Getenv("HOME")
	for _, file := range []struct{ variable, name, section string }{
		{"AWS_CONFIG_FILE", "config", "profile " + name}, {"AWS_SHARED_CREDENTIALS_FILE", "credentials", name},
	} {
		path := s.cfg.Getenv(file.variable)
		if path == "" && home != "" {
			path = filepath.Join(home, ".aws", file.name)
		}
		if path == "" {
			continue
		}
		sections := []string{file.section}
		if name == "default" {
			sections = append(sections, name)
		}
		if err := p.readFile(strings.Replace(path, "~", home, 1), sections); err != nil {
			return p, err
		}
	}
	return p, nil
}

// readFile reads the keys of sections; indented lines belong to the key above.
func (p *profile) readFile(path string, sections []string) error {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	inside := false
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		line := strings.TrimRight(lines.Text(), " \t\r")
		switch {
		case line == "", strings.ContainsAny(line[:1], "#; \t"):
		case line[0] == '[':
			title := strings.Join(strings.Fields(strings.Trim(line, "[]")), " ")
			inside = false
			for _, s := range sections {
				inside = inside || title == s
			}
			p.known = p.known || inside
		case inside:
			key, value, _ := strings.Cut(line, "=")
			p.values[strings.ToLower(strings.TrimSpace(key))] = strings.TrimSpace(value)
		}
	}
	return lines.Err()
}

// authorize says who calls: the holder of a token, or who signs with the keys
// that the AWS CLI would use. Keys for a session are never issued by a daemon.
func (s *session) authorize(ctx context.Context, req *http.Request, body []byte) error {
	if s.cfg.Token != "" {
		req.Header.Set("Authorization", "Bearer "+s.cfg.Token)
		return nil
	}
	keys := aws.Credentials{AccessKeyID: s.cfg.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: s.cfg.Getenv("AWS_SECRET_ACCESS_KEY"), SessionToken: s.cfg.Getenv("AWS_SESSION_TOKEN")}
	if keys.AccessKeyID == "" || s.global.profile != "" {
		v := s.profile.values
		keys = aws.Credentials{AccessKeyID: v["aws_access_key_id"], SecretAccessKey: v["aws_secret_access_key"], SessionToken: v["aws_session_token"]}
	}
	if s.global.unsigned || !keys.HasKeys() || keys.SessionToken != "" {
		return nil
	}
	region := firstOf(s.global.region, s.cfg.Getenv("AWS_REGION"), s.cfg.Getenv("AWS_DEFAULT_REGION"), s.profile.values["region"], "us-east-1")
	sum := sha256.Sum256(body)
	return v4.NewSigner().SignHTTP(ctx, keys, req, hex.EncodeToString(sum[:]), "proton", region, time.Now())
}
