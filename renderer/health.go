package renderer

import (
	"fmt"
	"net/http"
	"net/textproto"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A Health says how it is known that what was deployed works, and what happens
// when it does not. A zero field is one that nothing is said about.
type Health struct {
	Within    time.Duration `json:"within,omitempty"`    // of the end of applying
	OnFailure string        `json:"onFailure,omitempty"` // HealthFail or HealthReturn
	// Checks all have to be good at one time. Nil is that nothing is said, and an
	// empty list that nothing is checked.
	Checks []HealthCheck `json:"checks"`
}

// What happens when something is not healthy in time.
const (
	HealthFail   = "fail"   // the deployment has failed
	HealthReturn = "return" // that, and the last good generation is deployed again
)

// A HealthCheck is one question about what was deployed, asked again and again.
// Exactly one of HTTP, Command and ECS is set. Texts may hold ${outputs.NAME},
// which stands for an output of the deployment; see FillOutputs.
type HealthCheck struct {
	Name      string        `json:"name,omitempty"`
	HTTP      *HTTPCheck    `json:"http,omitempty"`
	Command   []string      `json:"command,omitempty"` // it is good when all of them succeed
	ECS       *ECSCheck     `json:"ecs,omitempty"`
	Interval  time.Duration `json:"interval"`
	Timeout   time.Duration `json:"timeout"`
	Successes int           `json:"successes"` // in a row
}

// An HTTPCheck is good when a request is answered as wanted.
type HTTPCheck struct {
	URL     string    `json:"url"`
	Method  string    `json:"method"`
	Status  []int     `json:"status,omitempty"` // any of them; none for 200 to 299
	Body    string    `json:"body,omitempty"`   // what the answer has to hold
	Headers []Setting `json:"headers,omitempty"`
}

// An ECSCheck is good when a service of Amazon ECS is steady: its deployment is
// completed, and as many tasks run as are wanted.
type ECSCheck struct {
	Cluster        string `json:"cluster"`
	Service        string `json:"service"`
	TaskDefinition string `json:"taskDefinition,omitempty"` // which has to be the one that runs
}

// What holds where a declaration says nothing.
const (
	healthWithin    = 10 * time.Minute
	healthInterval  = 5 * time.Second
	healthTimeout   = 5 * time.Second
	commandTimeout  = time.Minute
	healthSuccesses = 3
)

// The bounds of a declaration.
const (
	minHealthWithin   = time.Second
	maxHealthWithin   = 24 * time.Hour
	minHealthInterval = 100 * time.Millisecond
	maxHealthInterval = 10 * time.Minute
	maxHealthTimeout  = time.Minute
	maxCommandTimeout = 30 * time.Minute
	maxSuccesses      = 100
	maxHealthChecks   = 10
)

// Over is h with what another declaration says in its place. A nil Health says
// nothing.
func (h *Health) Over(base *Health) *Health {
	if h == nil || base == nil {
		if h == nil {
			return base
		}
		return h
	}
	out := *base
	if h.Within > 0 {
		out.Within = h.Within
	}
	if h.OnFailure != "" {
		out.OnFailure = h.OnFailure
	}
	if h.Checks != nil {
		out.Checks = h.Checks
	}
	return &out
}

// InForce is h with what holds where nothing is said; nil when nothing is checked.
func (h *Health) InForce() *Health {
	if h == nil || len(h.Checks) == 0 {
		return nil
	}
	out := *h
	if out.Within == 0 {
		out.Within = healthWithin
	}
	if out.OnFailure == "" {
		out.OnFailure = HealthFail
	}
	return &out
}

// A HealthReader reads declarations. One that stands in a template is read twice:
// as it is written, and when its expressions have been rendered.
type HealthReader struct {
	*Decoder

	// Written says that texts with expressions are not rendered yet, and are not
	// judged.
	Written bool
	// Document says that it stands in a document, where nothing is rendered.
	Document bool
}

// Read reads a declaration. Further keys are the caller's to read.
func (r HealthReader) Read(n *Node, what string, further ...string) *Health {
	if n.Null() {
		return nil
	}
	if !r.Mapping(n, what, append([]string{"within", "onFailure", "checks"}, further...)...) {
		return nil
	}
	h := &Health{
		Within:    r.duration(n.Get("within"), "within", minHealthWithin, maxHealthWithin, 0),
		OnFailure: r.oneOf(n.Get("onFailure"), "onFailure", HealthFail, HealthReturn),
	}
	if checks := n.Get("checks"); checks != nil {
		h.Checks = []HealthCheck{}
		items := r.List(checks, "checks")
		if len(items) > maxHealthChecks {
			r.Add(checks.Problem("there are too many checks", fmt.Sprint(len(items)), fmt.Sprintf("at most %d", maxHealthChecks), ""))
			return h
		}
		for _, item := range items {
			if c, ok := r.check(item); ok {
				h.Checks = append(h.Checks, c)
			}
		}
	}
	return h
}

func (r HealthReader) check(n *Node) (HealthCheck, bool) {
	const what = "a health check"
	var c HealthCheck
	if !r.Mapping(n, what, "name", "http", "command", "ecs", "interval", "timeout", "successes") {
		return c, false
	}
	var kinds []string
	for _, key := range []string{"http", "command", "ecs"} {
		if n.KeyNode(key) != nil {
			kinds = append(kinds, key)
		}
	}
	if len(kinds) != 1 {
		r.Add(n.Problem(what+" asks one thing", strings.Join(kinds, " and "), "one of http, command, ecs", ""))
		return c, false
	}
	c.Name = r.text(n.Get("name"), "name", 100)
	timeout, most, successes := healthTimeout, maxHealthTimeout, healthSuccesses
	before := len(r.Problems)
	switch at := n.Get(kinds[0]); kinds[0] {
	case "http":
		c.HTTP = r.http(at, n)
	case "ecs":
		c.ECS, successes = r.ecs(at, n), 1
	default:
		c.Command, timeout, most = r.command(at, n), commandTimeout, maxCommandTimeout
	}
	c.Interval = r.duration(n.Get("interval"), "interval", minHealthInterval, maxHealthInterval, healthInterval)
	c.Timeout = r.duration(n.Get("timeout"), "timeout", minHealthInterval, most, timeout)
	if c.Successes = successes; n.Get("successes") != nil && !r.open(n.Get("successes")) {
		c.Successes = int(r.Int(n.Get("successes"), "successes", 1, maxSuccesses))
	}
	return c, len(r.Problems) == before
}

func (r HealthReader) http(n, check *Node) *HTTPCheck {
	const what = "an HTTP check"
	if n.Null() || !r.Mapping(n, what, "url", "method", "status", "body", "headers") {
		r.missing(n, check, "http", "url")
		return nil
	}
	h := &HTTPCheck{
		URL: r.text(r.Require(n, what, "url"), "url", 2048), Method: r.oneOf(n.Get("method"), "method", http.MethodGet, http.MethodHead),
		Body: r.text(n.Get("body"), "body", 1024),
	}
	if h.Method == "" {
		h.Method = http.MethodGet
	}
	r.url(n.Get("url"), h.URL)
	if h.Method == http.MethodHead && h.Body != "" {
		r.Add(n.Get("body").Problem("an answer to HEAD has no body", "", "", "ask with GET"))
	}
	if status := n.Get("status"); status != nil {
		items := []*Node{status}
		if status.Kind == Sequence {
			items = status.Items
		}
		for _, item := range items {
			if r.open(item) {
				continue
			}
			h.Status = append(h.Status, int(r.Int(item, "status", 100, 599)))
		}
	}
	if headers := n.Get("headers"); headers != nil && r.names(headers) {
		for _, p := range headers.Pairs {
			h.Headers = append(h.Headers, Setting{Name: r.header(p.Key), Value: r.text(p.Value, "the value of a header", 2048)})
		}
	}
	return h
}

// url checks what can be known of an address before outputs are filled in.
func (r HealthReader) url(n *Node, text string) {
	if n == nil || !plainText(text) || text == "" || strings.HasPrefix(text, "${outputs.") {
		return // it is told of elsewhere, or not known yet
	}
	u, err := url.Parse(outputForm.ReplaceAllString(text, "x"))
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		r.Add(n.Problem("url cannot be asked", n.Describe(), "http:// or https://, a host and a path", ""))
	case u.User != nil:
		r.Add(n.Problem("url holds a name or a password", "", "an address without them", "a command can read a secret"))
	}
}

// refusedHeaders are for the connection to say, not for a check.
var refusedHeaders = []string{"Connection", "Content-Length", "Transfer-Encoding", "Upgrade", "Te", "Trailer", "Keep-Alive", "Proxy-Authorization", "Expect"}

var headerForm = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$")

func (r HealthReader) header(n *Node) string {
	name := textproto.CanonicalMIMEHeaderKey(n.Text)
	if !headerForm.MatchString(name) || slices.Contains(refusedHeaders, name) {
		r.Add(n.Problem("this header cannot be sent", quote(n.Text), "the name of a header of the request", ""))
	}
	return name
}

func (r HealthReader) names(n *Node) bool {
	if n.Kind != Mapping {
		r.Add(n.Problem("headers must be a mapping", n.Describe(), "names and texts", ""))
	}
	return n.Kind == Mapping
}

func (r HealthReader) ecs(n, check *Node) *ECSCheck {
	const what = "an ECS check"
	if n.Null() || !r.Mapping(n, what, "cluster", "service", "taskDefinition") {
		r.missing(n, check, "ecs", "cluster and service")
		return nil
	}
	return &ECSCheck{
		Cluster: r.text(r.Require(n, what, "cluster"), "cluster", 512), Service: r.text(r.Require(n, what, "service"), "service", 512),
		TaskDefinition: r.text(n.Get("taskDefinition"), "taskDefinition", 512),
	}
}

func (r HealthReader) command(n, check *Node) []string {
	items := []*Node{n}
	if n != nil && n.Kind == Sequence {
		items = n.Items
	}
	if n.Null() || len(items) == 0 {
		r.missing(nil, check, "command", "a command")
		return nil
	}
	out := make([]string, 0, len(items))
	for _, item := range items {
		if item.Kind == Scalar && strings.Contains(item.Text, "${outputs.") {
			r.Add(item.Problem("outputs are variables of a command, not part of its text", item.Describe(), `"$OUTPUT_NAME"`,
				"write \"$OUTPUT_\" and the name of the output, in double quotes"))
			continue
		}
		if r.Document && item.Kind == Scalar {
			out = append(out, item.Text) // {{ is the shell's
			continue
		}
		out = append(out, r.String(item, "a command"))
	}
	return out
}

// missing reports a check that says nothing of what it asks.
func (r HealthReader) missing(n, check *Node, key, want string) {
	if n.Null() {
		r.Add(check.KeyNode(key).Problem(key+" is empty", "", want, ""))
	}
}

// open tells texts that are not known yet.
func (r HealthReader) open(n *Node) bool {
	return r.Written && n != nil && n.Kind == Scalar && !plainText(n.Text)
}

func (r HealthReader) duration(n *Node, what string, low, high, def time.Duration) time.Duration {
	if n == nil || r.open(n) {
		return def
	}
	return r.Duration(n, what, low, high)
}

func (r HealthReader) oneOf(n *Node, what string, allowed ...string) string {
	if r.open(n) {
		return ""
	}
	return r.OneOf(n, what, allowed...)
}

// text reads a text in which outputs may be named.
func (r HealthReader) text(n *Node, what string, most int) string {
	s := r.String(n, what)
	switch {
	case n == nil || s == "" || r.open(n):
	case len(s) > most:
		r.Add(n.Problem(what+" is too long", fmt.Sprintf("%d bytes", len(s)), fmt.Sprintf("at most %d", most), ""))
	case strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c == 0x7f }):
		r.Add(n.Problem(what+" holds control characters", n.Describe(), "one line of text", ""))
	case r.Document && !plainText(s):
		r.Add(n.Problem("nothing is rendered in a document", n.Describe(), "a text, or ${outputs.NAME}", "expressions are for the health.yaml of a template"))
	case strings.Contains(outputForm.ReplaceAllString(s, ""), "${"):
		r.Add(n.Problem(what+" refers to something unknown", n.Describe(), "${outputs.NAME}", ""))
	}
	return s
}

// outputForm is how a text refers to an output.
var outputForm = regexp.MustCompile(`\$\{outputs\.([A-Za-z0-9_][A-Za-z0-9_.:-]*)\}`)

// FillOutputs puts outputs into a text. It names those that there are not.
func FillOutputs(text string, outputs map[string]string) (filled string, missing []string) {
	filled = outputForm.ReplaceAllStringFunc(text, func(at string) string {
		name := outputForm.FindStringSubmatch(at)[1]
		value, ok := outputs[name]
		if !ok && !slices.Contains(missing, name) {
			missing = append(missing, name)
		}
		return value
	})
	return filled, missing
}

// Outputs are the outputs that a declaration reads, sorted; those that commands
// read are not among them.
func (h *Health) Outputs() []string {
	var names []string
	if h == nil {
		return nil
	}
	for _, c := range h.Checks {
		for _, text := range c.Texts() {
			for _, m := range outputForm.FindAllStringSubmatch(*text, -1) {
				names = append(names, m[1])
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Commands are the commands of all checks.
func (h *Health) Commands() []string {
	var out []string
	if h != nil {
		for _, c := range h.Checks {
			out = append(out, c.Command...)
		}
	}
	return out
}

// Texts are the texts of a check in which outputs are filled in.
func (c *HealthCheck) Texts() []*string {
	texts := []*string{&c.Name}
	if c.HTTP != nil {
		texts = append(texts, &c.HTTP.URL, &c.HTTP.Body)
		for i := range c.HTTP.Headers {
			texts = append(texts, &c.HTTP.Headers[i].Value)
		}
	}
	if c.ECS != nil {
		texts = append(texts, &c.ECS.Cluster, &c.ECS.Service, &c.ECS.TaskDefinition)
	}
	return texts
}

// Filled is c with the outputs of a deployment in its texts, and the names of
// those that it has not.
func (c HealthCheck) Filled(outputs map[string]string) (HealthCheck, []string) {
	if c.HTTP != nil {
		h := *c.HTTP
		h.Headers = slices.Clone(h.Headers)
		c.HTTP = &h
	}
	if c.ECS != nil {
		e := *c.ECS
		c.ECS = &e
	}
	var missing []string
	for _, text := range c.Texts() {
		var gone []string
		*text, gone = FillOutputs(*text, outputs)
		missing = append(missing, gone...)
	}
	return c, missing
}
