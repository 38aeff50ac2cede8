package jinja

import "strings"

var htmlEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "'", "&#39;", `"`, "&#34;")

// escapeHTML replaces the characters HTML gives a meaning.
func escapeHTML(s string) string { return htmlEscaper.Replace(s) }

// escaped is markupsafe.escape: the text of a value, safe in HTML.
func (r *run) escaped(v any) (markup, error) {
	if m, ok := v.(markup); ok {
		return m, nil
	}
	s, err := r.str(v)
	if err != nil {
		return "", err
	}
	if err := r.hold(len(s)); err != nil {
		return "", err
	}
	s = escapeHTML(s)
	return markup(s), r.hold(len(s))
}

// softText is the text of a value, made by str unless it is one already.
func (r *run) softText(v any) (string, error) {
	if err := checkStrict(v); err != nil {
		return "", err
	}
	return r.str(v)
}
