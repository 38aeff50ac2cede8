package awssim

import (
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"crypto/sha256"
)

// args are the arguments of a call of the Query protocol.
type args url.Values

func (a args) get(name string) string { return url.Values(a).Get(name) }
func (a args) yes(name string) bool   { return a.get(name) == "true" }
func (a args) has(name string) bool   { return len(a[name]) > 0 }

// given tells a list that was sent, even empty, from one that was not.
func (a args) given(name string) bool {
	if a.has(name) {
		return true
	}
	for k := range a {
		if strings.HasPrefix(k, name+".member.") {
			return true
		}
	}
	return false
}

// strings reads a list.
func (a args) strings(name string) []string {
	var out []string
	for i := 1; a.has(name + ".member." + strconv.Itoa(i)); i++ {
		out = append(out, a.get(name+".member."+strconv.Itoa(i)))
	}
	return out
}

// structs reads a list of structures.
func (a args) structs(name string) []args {
	var out []args
	for i := 1; ; i++ {
		prefix := name + ".member." + strconv.Itoa(i) + "."
		one := args{}
		for k, v := range a {
			if rest, ok := strings.CutPrefix(k, prefix); ok {
				one[rest] = v
			}
		}
		if len(one) == 0 {
			return out
		}
		out = append(out, one)
	}
}

// entries reads a map.
func (a args) entries(name string) map[string]string {
	out := map[string]string{}
	for i := 1; a.has(fmt.Sprintf("%s.entry.%d.key", name, i)); i++ {
		out[a.get(fmt.Sprintf("%s.entry.%d.key", name, i))] = a.get(fmt.Sprintf("%s.entry.%d.value", name, i))
	}
	return out
}

// digest tells one request from another; the token itself does not count.
func (a args) digest() string {
	h := sha256.New()
	for _, k := range slices.Sorted(maps.Keys(a)) {
		fmt.Fprintf(h, "%q=%q\n", k, a[k])
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// An obj is an XML element's content, in order. Values are text, numbers,
// booleans, times, objs, and lists of these, which become members. Nil values
// and zero times are left out.
type obj []field

type field struct {
	Name  string
	Value any
}

type list []any

// text puts a string in only where there is one.
func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func wire(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func write(b *strings.Builder, name string, v any) {
	if v == nil {
		return
	}
	if t, ok := v.(time.Time); ok && t.IsZero() {
		return
	}
	b.WriteString("<" + name + ">")
	switch v := v.(type) {
	case obj:
		for _, f := range v {
			write(b, f.Name, f.Value)
		}
	case list:
		for _, item := range v {
			write(b, "member", item)
		}
	case time.Time:
		b.WriteString(wire(v))
	default:
		_ = xml.EscapeText(b, []byte(fmt.Sprint(v)))
	}
	b.WriteString("</" + name + ">")
}

// An action answers a call. Those that bare is true for have no result element.
type action struct {
	do   func(c *call, a args) (obj, error)
	bare bool
	rule []string // arguments that have to be there
}

// serveQuery answers a call of CloudFormation or STS.
func (c *call) serveQuery(w http.ResponseWriter, r *http.Request, service string, err error) {
	ns := "http://cloudformation.amazonaws.com/doc/2010-05-15/"
	version, table := "2010-05-15", actions
	if service == "sts" {
		ns, version, table = "https://sts.amazonaws.com/doc/2011-06-15/", "2011-06-15", stsActions
	}
	if parseErr := r.ParseForm(); parseErr != nil && err == nil {
		err = &apiError{400, "MalformedQueryString", "The query string contains a syntax error"}
	}
	a := args(r.PostForm)
	name := a.get("Action")
	act, known := table[name]
	if err == nil && (!known || a.get("Version") != version) {
		err = &apiError{400, "InvalidAction", "Could not find operation " + name + " for version " + a.get("Version")}
		if service == "cloudformation" && slices.Contains(strings.Fields(notSimulated), name) {
			err = &apiError{400, "InvalidAction", name + " is an operation of CloudFormation that this simulator does not have"}
		}
	}
	if err != nil {
		c.refuse(w, ns, err)
		return
	}
	c.w.Calls[service+":"+name]++
	fault := c.wireFault(service, name)
	if fault.before(w, c) {
		return
	}
	if service == "cloudformation" && !c.permit() {
		c.refuse(w, ns, &apiError{400, "Throttling", "Rate exceeded"})
		return
	}
	result, err := c.perform(name, act, a)
	if fault.after(w) {
		return
	}
	if err != nil {
		c.refuse(w, ns, err)
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<%sResponse xmlns="%s">`, name, ns)
	b.WriteString(result)
	write(&b, "ResponseMetadata", obj{{"RequestId", c.id}})
	fmt.Fprintf(&b, `</%sResponse>`, name)
	w.Header().Set("Content-Type", "text/xml")
	out := b.String()
	if fault.Kind == Truncate {
		out = out[:len(out)/2]
	}
	_, _ = w.Write([]byte(out))
}

// perform runs an action once for each client request token.
func (c *call) perform(name string, act action, a args) (string, error) {
	var problems []string
	for _, name := range act.rule {
		if !a.has(name) {
			problems = append(problems, "Value null at '"+member(name)+"' failed to satisfy constraint: Member must not be null")
		}
	}
	problems = append(problems, a.problems(name)...)
	if len(problems) > 0 {
		plural := map[bool]string{true: "", false: "s"}[len(problems) == 1]
		return "", invalid(fmt.Sprintf("%d validation error%s detected: %s", len(problems), plural, strings.Join(problems, "; ")))
	}
	token := a.get("ClientRequestToken") + a.get("ClientToken")
	if token != "" {
		if use, again := c.region.Tokens[token+"/"+name]; again {
			if use.Digest != a.digest() {
				return "", &apiError{400, "TokenAlreadyExistsException", "Token " + token + " already exists with different input"}
			}
			return use.Result, nil
		}
	}
	result, err := act.do(c, a)
	if err != nil {
		return "", err
	}
	c.changed("cloudformation", name)
	var b strings.Builder
	if !act.bare {
		write(&b, name+"Result", result)
	}
	if token != "" {
		c.region.Tokens[token+"/"+name] = tokenUse{a.digest(), b.String()}
	}
	return b.String(), nil
}

// changed counts a call that was done, if it is one that changes something.
func (c *call) changed(service, action string) {
	for _, verb := range []string{
		"Create", "Update", "Delete", "Execute", "Set", "Cancel", "Continue", "Rollback", "Signal", "Put", "Post", "Label", "Restore",
	} {
		if strings.HasPrefix(action, verb) {
			c.w.Changed[service+":"+action]++
			return
		}
	}
}

func (c *call) refuse(w http.ResponseWriter, ns string, err error) {
	api := asAPI(err)
	kind := "Sender"
	if api.Status >= 500 {
		kind = "Receiver"
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<ErrorResponse xmlns="%s">`, ns)
	write(&b, "Error", obj{{"Type", kind}, {"Code", api.Code}, {"Message", api.Message}})
	write(&b, "RequestId", c.id)
	b.WriteString("</ErrorResponse>")
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(api.Status)
	_, _ = w.Write([]byte(b.String()))
}
