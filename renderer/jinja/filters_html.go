package jinja

import (
	"html"
	"net/url"
	"slices"
	"strings"
)

var htmlFilters = []*builtin{
	def("escape", func(r *run, v any, _ *bound) (any, error) { return r.escaped(v) }),
	def("forceescape", func(r *run, v any, _ *bound) (any, error) {
		s, err := r.softText(v)
		if err != nil {
			return nil, err
		}
		return r.escaped(s)
	}),
	def("safe", func(r *run, v any, _ *bound) (any, error) {
		s, err := r.softText(v)
		return markup(s), err
	}),
	def("striptags", func(r *run, v any, _ *bound) (any, error) {
		s, err := r.softText(v)
		if err != nil {
			return nil, err
		}
		return r.stripTags(s)
	}),
	def("xmlattr", xmlattrFilter, opt("autospace", true)),
	def("urlencode", func(r *run, v any, _ *bound) (any, error) { return r.urlencode(v) }),
	def("urlize", urlizeFilter, opt("trim_url_limit", nil), opt("nofollow", false),
		opt("target", nil), opt("rel", nil), opt("extra_schemes", nil)),
}

// unescapeHTML replaces character references.
func unescapeHTML(s string) string { return html.UnescapeString(s) }

// stripTags drops comments and tags, folds white space and unescapes.
func (r *run) stripTags(s string) (string, error) {
	for {
		start := strings.Index(s, "<!--")
		if start < 0 {
			break
		}
		end := strings.Index(s[start:], "-->")
		if end < 0 {
			break
		}
		if err := r.hold(len(s)); err != nil {
			return "", err
		}
		s = s[:start] + s[start+end+3:]
	}
	if err := r.hold(3 * len(s)); err != nil {
		return "", err
	}
	var b strings.Builder
	for {
		start := strings.IndexByte(s, '<')
		if start < 0 {
			break
		}
		end := strings.IndexByte(s[start:], '>')
		if end < 0 {
			break
		}
		b.WriteString(s[:start])
		s = s[start+end+1:]
	}
	b.WriteString(s)
	return unescapeHTML(strings.Join(strings.FieldsFunc(b.String(), isSpace), " ")), nil
}

func xmlattrFilter(r *run, v any, a *bound) (any, error) {
	d, ok := v.(*Dict)
	if !ok {
		return nil, attributeError(v, "items")
	}
	space, err := r.truth(a.args[0])
	if err != nil {
		return nil, err
	}
	var parts []string
	for _, e := range d.entries {
		if _, missing := e.value.(*undefined); missing || e.value == nil {
			continue
		}
		name, ok := textOf(e.key)
		if !ok {
			return nil, failf(TypeError, "expected string or bytes-like object, got '%s'", typeName(e.key))
		}
		if strings.ContainsAny(name, " \t\n\r\f\v/>=") {
			return nil, failf(ValueError, "Invalid character in attribute name: %s", strRepr(name))
		}
		key, err := r.escaped(e.key)
		if err != nil {
			return nil, err
		}
		value, err := r.escaped(e.value)
		if err != nil {
			return nil, err
		}
		parts = append(parts, string(key)+`="`+string(value)+`"`)
	}
	text, err := r.joinTexts(parts, " ")
	if space && text != "" {
		text = " " + text
	}
	if r.escape {
		return markup(text), err
	}
	return text, err
}

// quoteURL escapes a text for a path, or for a query, where a slash is
// escaped too and a blank is a plus.
func (r *run) quoteURL(v any, query bool) (string, error) {
	s, ok := textOf(v)
	if b, isBytes := v.(byteString); isBytes {
		s, ok = string(b), true
	}
	if !ok {
		var err error
		if s, err = r.str(v); err != nil {
			return "", err
		}
	}
	if err := r.hold(3 * len(s)); err != nil {
		return "", err
	}
	const digits = "0123456789ABCDEF"
	out := make([]byte, 0, len(s))
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("_.-~", c) >= 0:
			out = append(out, c)
		case c == '/' && !query:
			out = append(out, c)
		case c == ' ' && query:
			out = append(out, '+')
		default:
			out = append(out, '%', digits[c>>4], digits[c&15])
		}
	}
	return string(out), nil
}

func (r *run) urlencode(v any) (any, error) {
	if err := checkStrict(v); err != nil {
		return nil, err
	}
	if _, ok := textOf(v); ok {
		return r.quoteURL(v, false)
	}
	if d, ok := v.(*Dict); ok {
		v = &dictView{d, "dict_items"}
	}
	it, err := r.iterate(v)
	if err != nil {
		return r.quoteURL(v, false)
	}
	var parts []string
	for {
		pair, ok, err := it.next()
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		kv, err := r.items(pair)
		if err != nil {
			return nil, err
		}
		if len(kv) != 2 {
			return nil, failf(ValueError, "not enough values to unpack (expected 2, got %d)", len(kv))
		}
		key, err := r.quoteURL(kv[0], true)
		if err != nil {
			return nil, err
		}
		value, err := r.quoteURL(kv[1], true)
		if err != nil {
			return nil, err
		}
		parts = append(parts, key+"="+value)
	}
	return r.joinTexts(parts, "&")
}

func urlizeFilter(r *run, v any, a *bound) (any, error) {
	u := &urlizer{limit: -1}
	if a.args[0] != nil {
		n, err := a.int(0)
		if err != nil {
			return nil, err
		}
		u.limit = n
	}
	nofollow, err := r.truth(a.args[1])
	if err != nil {
		return nil, err
	}
	target, _, err := a.optText(2)
	if err != nil {
		return nil, err
	}
	rel, _, err := a.optText(3)
	if err != nil {
		return nil, err
	}
	parts := append(strings.FieldsFunc(rel, isSpace), "noopener")
	if nofollow {
		parts = append(parts, "nofollow")
	}
	slices.Sort(parts)
	u.attrs = ` rel="` + escapeHTML(strings.Join(slices.Compact(parts), " ")) + `"`
	if target != "" {
		u.attrs += ` target="` + escapeHTML(target) + `"`
	}
	if a.args[4] != nil {
		schemes, err := r.items(a.args[4])
		if err != nil {
			return nil, err
		}
		for _, s := range schemes {
			scheme, _ := textOf(s)
			if !isScheme(scheme) {
				return nil, failf(FilterError, "%s is not a valid URI scheme prefix.", strRepr(scheme))
			}
			u.schemes = append(u.schemes, scheme)
		}
	}
	m, err := r.escaped(v)
	if err != nil {
		return nil, err
	}
	text, err := u.text(r, string(m))
	if r.escape {
		return markup(text), err
	}
	return text, err
}

// isScheme says whether s is like "ftp:" or "tel://".
func isScheme(s string) bool {
	name, slashes, ok := strings.Cut(s, ":")
	if !ok || len(slashes) > 2 || strings.Trim(slashes, "/") != "" || runeCount(name) < 2 {
		return false
	}
	for _, c := range name {
		if !isWordChar(c) && !strings.ContainsRune(".+-", c) {
			return false
		}
	}
	_, err := url.Parse(name + ":x")
	return err == nil
}
