package gitsource

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"
)

// scheme is how an address is reached.
type scheme int

const (
	local scheme = iota
	web
	shell
)

// address is a Repo.URL that passed the policy: it holds no credential, no
// remote helper and nothing a program could take for an option.
type address struct {
	scheme scheme
	url    *url.URL // web and shell; shell carries the user name alone
	path   string   // local: absolute; shell: as the server shall see it
}

const tokenAdvice = "put the token in a file or an environment variable and name that in auth, never in the URL"

// CheckURL reports what keeps a Repo.URL from ever being used, and the next step,
// in words without the URL, which may hold a password. Both are empty when nothing does.
func CheckURL(raw string) (problem, next string) {
	_, err := parseAddress(raw, false)
	if f, ok := errors.AsType[*fault](err); ok {
		return f.Error(), f.next
	}
	return "", ""
}

// parseAddress applies the URL policy. allowHTTP permits plain http beyond
// loopback.
func parseAddress(raw string, allowHTTP bool) (address, error) {
	bad := func(next, format string, args ...any) (address, error) {
		return address{}, &fault{kind: KindInvalid, text: fmt.Sprintf(format, args...), next: next}
	}
	const forms = "give an https or ssh URL, or the path of a local repository"
	switch {
	case raw == "":
		return bad(forms, "the URL is empty")
	case strings.HasPrefix(raw, "-"):
		return bad(forms, "the URL starts with a dash")
	case len(raw) > 4096:
		return bad(forms, "the URL is longer than 4096 bytes")
	case strings.ContainsFunc(raw, unicode.IsControl):
		return bad(forms, "the URL holds a control character")
	}
	if helper, _, ok := strings.Cut(raw, "::"); ok && !strings.ContainsAny(helper, "/@[") {
		return bad(forms, "remote helpers (%q) are not supported", helper+"::")
	}
	name, rest, ok := strings.Cut(raw, "://")
	if !ok {
		if user, host, path, isSCP := cutSCP(raw); isSCP {
			if user == nil && strings.Contains(path, "@") {
				return bad(tokenAdvice, "the URL holds a password")
			}
			return shellAddress(&url.URL{Scheme: "ssh", User: user, Host: host}, path)
		}
		return localAddress(raw)
	}
	switch strings.ToLower(name) {
	case "file":
		path, ok := strings.CutPrefix(strings.TrimPrefix(rest, "localhost"), "/")
		if !ok {
			return bad("write file:///absolute/path, or the path alone", "a file URL with a host")
		}
		return localAddress("/" + path)
	case "ssh":
		u, err := url.Parse(raw)
		if err != nil {
			return bad(forms, "the URL cannot be parsed")
		}
		return shellAddress(u, u.Path)
	case "https", "http":
		u, err := url.Parse(raw)
		if err != nil {
			return bad(forms, "the URL cannot be parsed")
		}
		return webAddress(u, allowHTTP)
	case "git":
		return bad("use https or ssh", "git:// is neither encrypted nor authenticated")
	}
	return bad(forms, "unknown scheme %q", name)
}

func localAddress(path string) (address, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return address{}, &fault{kind: KindInvalid, text: "the path cannot be made absolute", err: err}
	}
	return address{scheme: local, path: abs}, nil
}

func webAddress(u *url.URL, allowHTTP bool) (address, error) {
	if u.User != nil {
		return address{}, &fault{kind: KindInvalid, text: "the URL holds a user name or password", next: tokenAdvice}
	}
	if u.Hostname() == "" {
		return address{}, &fault{kind: KindInvalid, text: "the URL names no host"}
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return address{}, &fault{kind: KindInvalid, text: "the URL has a query or a fragment", next: "give the address that git clone takes"}
	}
	if u.Scheme == "http" && !allowHTTP && !loopback(u.Hostname()) {
		return address{}, &fault{kind: KindInvalid, text: "plain http beyond loopback",
			next: "use https"}
	}
	if linkLocal(u.Hostname()) {
		return address{}, &fault{kind: KindInvalid, text: "a link-local address is never a Git server"}
	}
	v := *u
	v.Host = strings.ToLower(v.Host)
	v.Path = strings.TrimRight(v.Path, "/")
	v.RawPath = ""
	return address{scheme: web, url: &v}, nil
}

func shellAddress(u *url.URL, path string) (address, error) {
	if u.User != nil {
		if _, has := u.User.Password(); has {
			return address{}, &fault{kind: KindInvalid, text: "the URL holds a password",
				next: "use a key file and name it in auth, never a password in the URL"}
		}
	}
	host, user := u.Hostname(), u.User.Username()
	if host == "" || strings.HasPrefix(host, "-") || strings.HasPrefix(user, "-") {
		return address{}, &fault{kind: KindInvalid, text: "the URL names no host, or one that starts with a dash"}
	}
	if strings.Trim(path, "/") == "" || strings.HasPrefix(path, "-") {
		return address{}, &fault{kind: KindInvalid, text: "the URL has no path, or one that starts with a dash"}
	}
	// ssh://host/~user/repo is how a URL spells a path relative to a home.
	if strings.HasPrefix(path, "/~") {
		path = path[1:]
	}
	return address{scheme: shell, path: path, url: &url.URL{Scheme: "ssh", User: u.User, Host: u.Host, Path: u.Path}}, nil
}

// cutSCP splits "user@host:path". As in git, a colon counts only before the
// first slash; one letter before it is left alone as a drive.
func cutSCP(raw string) (user *url.Userinfo, host, path string, ok bool) {
	before, path, found := strings.Cut(raw, ":")
	if !found || len(before) < 2 || strings.Contains(before, "/") {
		return nil, "", "", false
	}
	host = before
	if name, h, has := strings.Cut(before, "@"); has {
		user, host = url.User(name), h
	}
	return user, host, path, true
}

// hostPort is where an ssh address connects to.
func (a address) hostPort() string {
	port := a.url.Port()
	if port == "" {
		port = "22"
	}
	return net.JoinHostPort(a.url.Hostname(), port)
}

// key identifies the repository: equal keys share a mirror.
func (a address) key() string {
	switch a.scheme {
	case local:
		return a.path
	case web:
		return a.url.String()
	}
	return "ssh://" + a.url.User.Username() + "@" + a.hostPort() + "/" + a.path
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

func linkLocal(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLinkLocalUnicast()
}

// redact returns a URL that is fit for messages: no user information of any
// kind but the user name of an ssh address, no query, no control characters. It
// rather drops too much: what it is given may not be a URL at all.
func redact(raw string) string {
	clean := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, raw)
	name, rest, ok := strings.Cut(clean, "://")
	if !ok {
		name, rest = "", clean
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 && (ok || !strings.HasPrefix(rest, "/")) {
		user, _, password := strings.Cut(rest[:at], ":")
		rest = rest[at+1:]
		if (name == "ssh" || !ok && !password) && !strings.Contains(user, "/") {
			rest = user + "@" + rest
		}
	}
	if i := strings.IndexAny(rest, "?#"); ok && i >= 0 {
		rest = rest[:i]
	}
	if ok {
		rest = name + "://" + rest
	}
	if len(rest) > 256 {
		rest = strings.ToValidUTF8(rest[:256], "") + "…"
	}
	return rest
}

// refName is the full name of the ref a branch setting means; an empty branch
// is the server's default one.
func refName(branch string) (string, error) {
	if branch == "" {
		return "HEAD", nil
	}
	name := branch
	if !strings.HasPrefix(branch, "refs/") {
		name = "refs/heads/" + branch
	}
	if reason := badRef(branch); reason != "" {
		shown := branch
		if len(shown) > 64 {
			shown = shown[:64] + "…"
		}
		return "", &fault{kind: KindInvalid, text: "the branch " + strconv.Quote(shown) + " " + reason,
			next: "give the name of a branch, such as main"}
	}
	return name, nil
}

// badRef applies the rules of git check-ref-format that keep a name from being
// taken for a path, an option or a pattern.
func badRef(name string) string {
	switch {
	case len(name) > 1024:
		return "is longer than 1024 bytes"
	case strings.HasPrefix(name, "-"):
		return "starts with a dash"
	case strings.ContainsAny(name, " ~^:?*[\\\x7f") || strings.ContainsFunc(name, unicode.IsControl):
		return "holds a character that Git does not allow in a ref"
	case strings.Contains(name, "..") || strings.Contains(name, "@{") || strings.Contains(name, "//"):
		return "is not a valid ref"
	case strings.HasPrefix(name, "/") || strings.HasSuffix(name, "/") || strings.HasSuffix(name, "."):
		return "is not a valid ref"
	}
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock") {
			return "is not a valid ref"
		}
	}
	return ""
}

// cutBranch returns the branch a full ref name means.
func cutBranch(ref string) (string, bool) { return strings.CutPrefix(ref, "refs/heads/") }
