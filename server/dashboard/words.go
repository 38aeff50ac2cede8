package dashboard

import (
	"encoding/json"
	"fmt"
	"html/template"
	"strings"
	"time"

	v1 "baryon/server/v1"
	"baryon/state"
)

// functions are what the pages call.
func (d *Dashboard) functions() template.FuncMap {
	return template.FuncMap{
		"ago":     d.ago,
		"iso":     func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"full":    func(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04:05 UTC") },
		"took":    took,
		"path":    path,
		"plain":   func(text string) string { return v1.Plain([]byte(text)) },
		"first":   first,
		"short":   func(text string) string { return text[:min(len(text), 8)] },
		"isLink":  isLink,
		"look":    look,
		"lower":   func(text string) string { return strings.ToLower(strings.ReplaceAll(text, "_", " ")) },
		"origin":  origin,
		"isShown": func(t time.Time) bool { return !t.IsZero() },
		"raw":     func(raw json.RawMessage) string { return string(raw) },
		"dict":    dict,
	}
}

// dict makes the argument of a part that needs more than one.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("dict takes names and values, got %d", len(pairs))
	}
	out := make(map[string]any, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("dict: %v is no name", pairs[i])
		}
		out[name] = pairs[i+1]
	}
	return out, nil
}

// ago is how long ago something was, in the largest unit that fits.
func (d *Dashboard) ago(t time.Time) string {
	span, suffix := d.now().Sub(t), " ago"
	if span < 0 {
		span, suffix = -span, " from now"
	}
	switch {
	case span < 2*time.Second:
		return "now"
	case span < 2*time.Minute:
		return fmt.Sprintf("%d s", int(span.Seconds())) + suffix
	case span < 2*time.Hour:
		return fmt.Sprintf("%d min", int(span.Minutes())) + suffix
	case span < 48*time.Hour:
		return fmt.Sprintf("%d h", int(span.Hours())) + suffix
	default:
		return fmt.Sprintf("%d days", int(span.Hours()/24)) + suffix
	}
}

// took is how long a deployment ran, or has been running.
func took(from, to time.Time) string {
	if to.IsZero() || from.IsZero() {
		return ""
	}
	return to.Sub(from).Round(100 * time.Millisecond).String()
}

// path is the page of what a ref names, or "" when there is none.
func path(text string) string {
	ref, err := state.ParseRef(text)
	if err != nil || ref.Kind == state.KindRepository {
		return ""
	}
	return "/" + v1.Path(ref)
}

// first is the first line of a text.
func first(text string) string {
	line, rest, more := strings.Cut(strings.TrimSpace(v1.Plain([]byte(text))), "\n")
	if more && rest != "" {
		return line + " …"
	}
	return line
}

func isLink(text string) bool {
	return strings.HasPrefix(text, "https://") || strings.HasPrefix(text, "http://")
}

func origin(o *v1.Origin) string {
	if o == nil {
		return ""
	}
	return o.Change()
}

// A appearance is how a state looks: a colour, and a sign for those who do not
// see colours.
type appearance struct{ Class, Sign, Word string }

// look is the appearance of a state of a target, a status of Proton, or a
// verdict on a file.
func look(state string) appearance {
	a := appearance{Class: "idle", Sign: "·", Word: strings.ToLower(strings.ReplaceAll(state, "_", " "))}
	switch a.Word {
	case v1.Ready, "succeeded", "active", "published", "delete complete", "template", "document", "ops":
		a.Class, a.Sign = "good", "✓"
	case v1.Failed, "delete failed", "registration failed", v1.Refused:
		a.Class, a.Sign = "bad", "✕"
	case v1.Deploying, v1.Deleting, v1.Cancelling, v1.Pending, "in progress", "delete in progress":
		a.Class, a.Sign = "busy", "…"
	case v1.Waiting, v1.Suspended, "cancelled", "draft", "blocked":
		a.Class, a.Sign = "held", "‖"
	}
	if strings.Contains(a.Word, "failed") {
		a.Class, a.Sign = "bad", "✕"
	}
	return a
}
