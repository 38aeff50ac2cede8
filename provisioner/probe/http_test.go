package probe_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"baryon/provisioner"
	"baryon/provisioner/probe"
)

// asking returns a prober that may go where hosts say, and a way to wait for its
// answers.
func asking(t *testing.T, hosts ...string) func(provisioner.Probe) provisioner.Answer {
	t.Helper()
	allowed := make([]probe.Host, len(hosts))
	for i, text := range hosts {
		h, err := probe.ParseHost(text)
		if err != nil {
			t.Fatal(err)
		}
		allowed[i] = h
	}
	ended := make(chan string, 1)
	p, err := probe.New(probe.Config{Hosts: func() []probe.Host { return allowed }, Ended: func(id string) { ended <- id }, Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return func(q provisioner.Probe) provisioner.Answer {
		t.Helper()
		if q.Timeout == 0 {
			q.Timeout = 20 * time.Second
		}
		if a := p.Ask(ctx, "one", q); a != nil {
			t.Fatalf("the first call answered %+v", a)
		}
		<-ended
		a := p.Ask(ctx, "one", q)
		if a == nil {
			t.Fatal("there is no answer though one was told of")
		}
		return *a
	}
}

func get(url string) provisioner.Probe {
	return provisioner.Probe{HTTP: &provisioner.HTTPProbe{Method: http.MethodGet, URL: url}}
}

// app is what was deployed.
func app(t *testing.T) *httptest.Server {
	t.Helper()
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("another host was asked") }))
	t.Cleanup(other.Close)
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "hello %s %s %s %s", r.Header.Get("X-Who"), r.UserAgent(), r.Method, r.Host)
	})
	mux.HandleFunc("/down", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	mux.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) })
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, http.StatusFound) })
	mux.HandleFunc("/meta", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://169.254.169.254/latest/", http.StatusFound)
	})
	mux.HandleFunc("/ring", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/ring", http.StatusFound) })
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/endless", func(w http.ResponseWriter, _ *http.Request) {
		for range 1 << 10 {
			if _, err := w.Write(make([]byte, 1<<10)); err != nil {
				return
			}
		}
		fmt.Fprint(w, "end")
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func TestHTTP(t *testing.T) {
	t.Parallel()
	at := app(t).URL
	for name, tt := range map[string]struct {
		path   string
		change func(*provisioner.Probe)
		want   provisioner.Answer
	}{
		"200 is good":                 {"/", nil, provisioner.Answer{OK: true, Text: "answered 200"}},
		"503 is not":                  {"/down", nil, provisioner.Answer{Text: "answered 503, want 200 to 299"}},
		"the status that is wanted":   {"/down", func(q *provisioner.Probe) { q.HTTP.Status = []int{200, 503} }, provisioner.Answer{OK: true, Text: "answered 503"}},
		"another status than wanted":  {"/", func(q *provisioner.Probe) { q.HTTP.Status = []int{201, 204} }, provisioner.Answer{Text: "answered 200, want 201 or 204"}},
		"what is wanted is in it":     {"/", func(q *provisioner.Probe) { q.HTTP.Body = "baryon-health GET" }, provisioner.Answer{OK: true, Text: "answered 200 with what is wanted"}},
		"what is wanted is not in it": {"/", func(q *provisioner.Probe) { q.HTTP.Body = "good bye" }, provisioner.Answer{Text: `answered 200, and the answer does not hold "good bye"`}},
		"headers are sent": {"/", func(q *provisioner.Probe) {
			q.HTTP.Headers, q.HTTP.Body = map[string]string{"X-Who": "ada"}, "hello ada"
		}, provisioner.Answer{OK: true, Text: "answered 200 with what is wanted"}},
		"the host is sent": {"/", func(q *provisioner.Probe) {
			q.HTTP.Headers, q.HTTP.Body = map[string]string{"Host": "shop.test"}, "shop.test"
		}, provisioner.Answer{OK: true, Text: "answered 200 with what is wanted"}},
		"HEAD":                         {"/", func(q *provisioner.Probe) { q.HTTP.Method = http.MethodHead }, provisioner.Answer{OK: true, Text: "answered 200"}},
		"a redirect within the host":   {"/login", nil, provisioner.Answer{OK: true, Text: "answered 200"}},
		"a redirect to itself":         {"/ring", nil, provisioner.Answer{Text: "more than five redirects"}},
		"a long answer is cut":         {"/endless", func(q *provisioner.Probe) { q.HTTP.Body = "end" }, provisioner.Answer{Text: `answered 200, and the first 64 KiB do not hold "end"`}},
		"nothing in time":              {"/slow", func(q *provisioner.Probe) { q.Timeout = 50 * time.Millisecond }, provisioner.Answer{Text: "no answer within 50ms"}},
		"an address that makes no URL": {"/%zz", nil, provisioner.Answer{Final: true, Text: "the address cannot be read"}},
		"a redirect to metadata": {"/meta", nil, provisioner.Answer{Final: true,
			Text: "it leads on to http://169.254.169.254, and only redirects within one host are followed"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := get(at + tt.path)
			if tt.change != nil {
				tt.change(&q)
			}
			if got := asking(t, "127.0.0.1")(q); got != tt.want {
				t.Errorf("answer %+v, want %+v", got, tt.want)
			}
		})
	}
	t.Run("a redirect to another host", func(t *testing.T) {
		t.Parallel()
		if got := asking(t, "127.0.0.1")(get(at + "/away")); !got.Final || !strings.Contains(got.Text, "only redirects within one host") {
			t.Errorf("answer %+v", got)
		}
	})
	t.Run("nobody listens", func(t *testing.T) {
		t.Parallel()
		closed := httptest.NewServer(http.NotFoundHandler())
		closed.Close()
		if got := asking(t, "127.0.0.1")(get(closed.URL)); got != (provisioner.Answer{Text: "connection refused"}) {
			t.Errorf("answer %+v", got)
		}
	})
}

// What may not be asked is refused without a byte being sent, whatever leads there.
func TestHTTPRefused(t *testing.T) {
	t.Parallel()
	at := app(t).URL
	port := netip.MustParseAddrPort(strings.TrimPrefix(at, "http://")).Port()
	const allow = "; health.hosts of the daemon's configuration can allow it"
	for name, tt := range map[string]struct {
		hosts []string
		url   string
		want  string
	}{
		"this machine":                     {nil, at, "127.0.0.1 is this machine" + allow},
		"this machine by name":             {nil, fmt.Sprintf("http://localhost:%d/", port), "is this machine" + allow},
		"this machine by an allowed name":  {[]string{"localhost"}, fmt.Sprintf("http://localhost:%d/", port), "is this machine" + allow},
		"this machine in another writing":  {nil, fmt.Sprintf("http://[::ffff:127.0.0.1]:%d/", port), "127.0.0.1 is this machine" + allow},
		"everywhere is not this machine":   {[]string{"*"}, at, "127.0.0.1 is this machine" + allow},
		"another port":                     {[]string{"127.0.0.1:1"}, at, "127.0.0.1 is this machine" + allow},
		"metadata of Amazon":               {nil, "http://169.254.169.254/latest/meta-data/", "169.254.169.254 is link-local, where clouds tell machines their secrets" + allow},
		"metadata of tasks":                {nil, "http://169.254.170.2/v2/credentials/", "169.254.170.2 is link-local, where clouds tell machines their secrets" + allow},
		"metadata of Amazon by IPv6":       {nil, "http://[fd00:ec2::254]/", "fd00:ec2::254 is where a cloud tells machines their secrets" + allow},
		"metadata through NAT64":           {nil, "http://[64:ff9b::a9fe:a9fe]/", "64:ff9b::a9fe:a9fe is link-local, where clouds tell machines their secrets" + allow},
		"metadata of Alibaba":              {[]string{"*"}, "http://100.100.100.200/", "100.100.100.200 is where a cloud tells machines their secrets" + allow},
		"no address":                       {nil, "http://0.0.0.0/", "0.0.0.0 is no address of one machine" + allow},
		"a name that is not allowed":       {[]string{"*.example.com"}, "http://example.org/", "health.hosts of the daemon's configuration does not allow example.org"},
		"the domain is not below itself":   {[]string{"*.example.com"}, "http://example.com/", "health.hosts of the daemon's configuration does not allow example.com"},
		"an address that is not allowed":   {[]string{"10.0.0.0/8"}, "http://192.0.2.1/", "health.hosts of the daemon's configuration does not allow 192.0.2.1"},
		"an address where names are":       {[]string{"*.example.com"}, "http://192.0.2.1/", "health.hosts of the daemon's configuration does not allow 192.0.2.1"},
		"a name and a password":            {nil, "http://ada:secret@example.com/", "the address holds a name or a password"},
		"a file":                           {nil, "file:///etc/passwd", "the address is not one of http or https with a host"},
		"metadata by an address as number": {nil, "http://2852039166/", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := asking(t, tt.hosts...)(get(tt.url))
			if got.OK || tt.want != "" && !got.Final || !strings.Contains(got.Text, tt.want) || strings.Contains(got.Text, "secret@") {
				t.Errorf("answer %+v, want %q", got, tt.want)
			}
		})
	}
	t.Run("another host in the header", func(t *testing.T) {
		t.Parallel()
		q := get("http://app.example.com/")
		q.HTTP.Headers = map[string]string{"Host": "admin.internal"}
		if got := asking(t, "*.example.com")(q); got.Text != "health.hosts of the daemon's configuration does not allow admin.internal" {
			t.Errorf("answer %+v", got)
		}
	})
}

func TestHosts(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{
		"*": true, "example.com": true, "*.Example.com:8443": true, "10.0.0.0/8": true, "10.1.2.3:80": true, "::1": true, "[::1]:80": true, "fd00::/8": true,
		"localhost": true, "": false, "a b": false, "example.com:http": false, "example.com:0": false, "http://example.com": false, "*.": false, "a..b": false,
	} {
		if _, err := probe.ParseHost(text); (err == nil) != ok {
			t.Errorf("%q: %v, want good: %t", text, err, ok)
		}
	}
}

// At most so many are asked at once; what is forgotten makes room.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	s := app(t)
	host, err := probe.ParseHost("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan string, 2)
	p, err := probe.New(probe.Config{Hosts: func() []probe.Host { return []probe.Host{host} }, Ended: func(id string) { ended <- id }, AtOnce: 1, Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	slow := get(s.URL + "/slow")
	slow.Timeout = time.Minute
	quick := get(s.URL)
	quick.Timeout = time.Minute
	p.Ask(ctx, "slow", slow)
	p.Ask(t.Context(), "quick", quick)
	stop()
	if id := <-ended; id != "slow" {
		t.Fatalf("%s was answered, which had no room", id)
	}
	p.Forget("slow")
	p.Ask(t.Context(), "quick", quick)
	if id := <-ended; id != "quick" {
		t.Fatalf("%s was answered", id)
	}
	if a := p.Ask(t.Context(), "quick", quick); a == nil || !a.OK {
		t.Errorf("the answer is %+v", a)
	}
	if err := p.Run(ctx); err != nil {
		t.Error(err)
	}
}
