package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"baryon/provisioner"
)

const (
	maxBody      = 64 << 10 // of an answer, that is looked at
	maxHeader    = 64 << 10
	maxRedirects = 5
)

// A refusal says that a question may not be asked.
type refusal struct{ why string }

func (r *refusal) Error() string { return r.why }

func refuse(format string, args ...any) error { return &refusal{fmt.Sprintf(format, args...)} }

// askHTTP makes one request. Nothing of what is answered gets into the text but
// the status.
func (p *Prober) askHTTP(ctx context.Context, q provisioner.HTTPProbe, timeout time.Duration) provisioner.Answer {
	w := &way{hosts: p.cfg.Hosts()}
	u, err := url.Parse(q.URL)
	if err == nil {
		err = w.allows(u)
	}
	if err != nil {
		return refused(err)
	}
	req, err := http.NewRequestWithContext(ctx, q.Method, q.URL, http.NoBody)
	if err != nil {
		return provisioner.Answer{Final: true, Text: "the address cannot be asked"}
	}
	req.Header.Set("User-Agent", "baryon-health")
	for name, value := range q.Headers {
		req.Header.Set(name, value)
	}
	if host := req.Header.Get("Host"); host != "" {
		req.Header.Del("Host")
		if err := w.allowsName(host); err != nil {
			return refused(err)
		}
		req.Host = host
	}
	resp, err := w.client().Do(req)
	if err != nil {
		return unanswered(err, timeout)
	}
	defer resp.Body.Close()
	good := slices.Contains(q.Status, resp.StatusCode) || len(q.Status) == 0 && resp.StatusCode/100 == 2
	if !good {
		return provisioner.Answer{Text: fmt.Sprintf("answered %d, want %s", resp.StatusCode, wanted(q.Status))}
	}
	if q.Body == "" {
		return provisioner.Answer{OK: true, Text: fmt.Sprintf("answered %d", resp.StatusCode)}
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	switch {
	case bytes.Contains(body, []byte(q.Body)):
		return provisioner.Answer{OK: true, Text: fmt.Sprintf("answered %d with what is wanted", resp.StatusCode)}
	case err != nil:
		return unanswered(err, timeout)
	case len(body) == maxBody:
		return provisioner.Answer{Text: fmt.Sprintf("answered %d, and the first %d KiB do not hold %q", resp.StatusCode, maxBody>>10, q.Body)}
	}
	return provisioner.Answer{Text: fmt.Sprintf("answered %d, and the answer does not hold %q", resp.StatusCode, q.Body)}
}

func wanted(status []int) string {
	if len(status) == 0 {
		return "200 to 299"
	}
	texts := make([]string, len(status))
	for i, s := range status {
		texts[i] = strconv.Itoa(s)
	}
	return strings.Join(texts, " or ")
}

// refused is the answer for what may not be asked.
func refused(err error) provisioner.Answer {
	if r, ok := errors.AsType[*refusal](err); ok {
		return provisioner.Answer{Final: true, Text: r.why}
	}
	return provisioner.Answer{Final: true, Text: "the address cannot be read"}
}

// unanswered words an error without the address, which may hold more than people
// are to see.
func unanswered(err error, timeout time.Duration) provisioner.Answer {
	if r, ok := errors.AsType[*refusal](err); ok {
		return provisioner.Answer{Final: true, Text: r.why}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return provisioner.Answer{Text: "no answer within " + timeout.String()}
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return provisioner.Answer{Text: "connection refused"}
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return provisioner.Answer{Text: "host not found: " + dns.Name}
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return provisioner.Answer{Text: oneLine(err.Error())}
}

func oneLine(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	const most = 300
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

// way is where one request may go.
type way struct{ hosts []Host }

// allows checks an address before anything is looked up.
func (w *way) allows(u *url.URL) error {
	switch {
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return refuse("the address is not one of http or https with a host")
	case u.User != nil:
		return refuse("the address holds a name or a password")
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil {
		return nil // judged when it is dialled
	}
	return w.allowsName(u.Host)
}

// allowsName checks a name where only certain ones are allowed. One that only an
// address allows is judged when that is known.
func (w *way) allowsName(host string) error {
	if len(w.hosts) == 0 || slices.ContainsFunc(w.hosts, func(h Host) bool { return h.name == "" }) {
		return nil
	}
	name, port := split(host)
	if slices.ContainsFunc(w.hosts, func(h Host) bool { return h.names(name, port) }) {
		return nil
	}
	return refuse("health.hosts of the daemon's configuration does not allow %s", name)
}

// split takes a port off a host; without one, any port is meant that is allowed.
func split(host string) (name, port string) {
	if name, port, err := net.SplitHostPort(host); err == nil {
		return name, port
	}
	return strings.Trim(host, "[]"), ""
}

// client is good for one request: no proxy, no connection that is kept, and
// redirects within one host alone.
func (w *way) client() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy: nil, DialContext: w.dial, DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: maxHeader,
			ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			first := via[0].URL
			if req.URL.Scheme != first.Scheme || req.URL.Host != first.Host || req.URL.User != nil {
				return refuse("it leads on to %s://%s, and only redirects within one host are followed", req.URL.Scheme, req.URL.Host)
			}
			if len(via) > maxRedirects {
				return errors.New("more than five redirects")
			}
			return nil
		},
	}
}

// dial connects to an allowed address. It is judged after the name was looked up,
// so that no name leads to what its address is refused for.
func (w *way) dial(ctx context.Context, network, address string) (net.Conn, error) {
	name, port := split(address)
	named := slices.ContainsFunc(w.hosts, func(h Host) bool { return h.names(name, port) })
	d := net.Dialer{ControlContext: func(_ context.Context, _, at string, _ syscall.RawConn) error {
		addr, err := netip.ParseAddrPort(at)
		if err != nil {
			return err
		}
		return w.judge(addr.Addr().Unmap(), port, named)
	}}
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	from, okFrom := conn.LocalAddr().(*net.TCPAddr)
	to, okTo := conn.RemoteAddr().(*net.TCPAddr)
	if okFrom && okTo && from.IP.Equal(to.IP) && !w.holds(to.AddrPort().Addr().Unmap(), port) {
		_ = conn.Close()
		return nil, refuse("%s is this machine; health.hosts of the daemon's configuration can allow it", to.IP)
	}
	return conn, nil
}

func (w *way) holds(addr netip.Addr, port string) bool {
	return slices.ContainsFunc(w.hosts, func(h Host) bool { return h.holds(addr, port) })
}

// judge says whether an address may be asked, by a name that is allowed or not.
func (w *way) judge(addr netip.Addr, port string, named bool) error {
	if w.holds(addr, port) {
		return nil
	}
	if why := inner(addr); why != "" {
		return refuse("%s %s; health.hosts of the daemon's configuration can allow it", addr, why)
	}
	if len(w.hosts) > 0 && !named {
		return refuse("health.hosts of the daemon's configuration does not allow %s", addr)
	}
	return nil
}
