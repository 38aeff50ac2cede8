package shim

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"maps"
	"strconv"
	"strings"

	"baryon/server/proton/model"
)

// A resume is where a list that was cut goes on, in the form of the AWS CLI: the
// token of a page, and how many elements of that page were shown where it was
// cut within a page.
type resume struct {
	Token *string `json:"nextToken"`
	Shown *int    `json:"boto_truncate_amount,omitempty"`
}

func (r resume) String() string {
	token := "null"
	if r.Token != nil {
		token = strconv.Quote(*r.Token)
	}
	text := `{"nextToken": ` + token
	if r.Shown != nil {
		text += `, "boto_truncate_amount": ` + strconv.Itoa(*r.Shown)
	}
	return base64.StdEncoding.EncodeToString([]byte(text + "}"))
}

// readResume reads such a token; what is none is taken for one of the API.
func readResume(text string) (r resume, skip int) {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || json.Unmarshal(raw, &r) != nil || !strings.Contains(string(raw), `"nextToken"`) {
		return resume{Token: &text}, 0
	}
	if r.Shown != nil {
		skip = *r.Shown
	}
	return resume{Token: r.Token}, skip
}

// resumeToken is the member under which the AWS CLI tells that.
const resumeToken = "NextToken"

// of is an answer that is one body.
func of(body any) answer { return answer{pages: []any{body}, raw: []any{body}, whole: body} }

// single is the answer of an operation that is called once.
func (s *session) single(ctx context.Context, name string, in map[string]any) (answer, error) {
	r, err := s.call(ctx, name, in)
	if err != nil {
		return answer{}, err
	}
	body, err := r.object()
	if err != nil {
		return answer{}, err
	}
	shown := s.response(s.model.Operations[name].Output, body)
	return of(shown), nil
}

// answer calls an operation, and for a list as often as it has pages, or until
// --max-items are there.
func (s *session) answer(ctx context.Context, name string, in map[string]any) (answer, error) {
	p, paged := s.model.Paginators[name]
	if !paged || s.global.noPaginate || in[p.In] != nil {
		return s.single(ctx, name, in)
	}
	cut := &cutter{most: s.global.maxItems, result: p.Result}
	if s.global.startingToken != "" {
		cut.at, cut.skip = readResume(s.global.startingToken)
	}
	var out answer
	for done := false; !done; {
		delete(in, p.In)
		if cut.at.Token != nil {
			in[p.In] = *cut.at.Token
		}
		r, err := s.call(ctx, name, in)
		if err != nil {
			return answer{}, err
		}
		body, err := r.object()
		if err != nil {
			return answer{}, err
		}
		page, _ := s.response(s.model.Operations[name].Output, body).(map[string]any)
		var shown map[string]any
		shown, done = cut.take(page, nextToken(page, p))
		maps.Copy(page, shown)
		out.pages, out.raw = append(out.pages, shown), append(out.raw, page)
	}
	whole := map[string]any{}
	for _, page := range out.pages {
		list, given := page.(map[string]any)[p.Result].([]any)
		if before, again := whole[p.Result].([]any); again {
			list = append(before, list...)
		} else if !given {
			continue
		}
		whole[p.Result] = list
	}
	if cut.next != nil {
		out.next = cut.next.String()
		whole[resumeToken] = out.next
	}
	out.whole = whole
	return out, nil
}

func nextToken(page map[string]any, p model.Paginator) *string {
	if token, ok := page[p.Out].(string); ok {
		return &token
	}
	return nil
}

// A cutter takes pages up to a number of elements.
type cutter struct {
	result string
	most   *int
	at     resume // of the page that comes
	skip   int    // elements of it that were shown before
	taken  int
	next   *resume
}

// take is what is shown of a page, and whether it is the last that is asked for.
func (c *cutter) take(page map[string]any, token *string) (map[string]any, bool) {
	out := map[string]any{}
	list, given := page[c.result].([]any)
	skipped := min(c.skip, len(list))
	list = list[skipped:]
	if c.most != nil && c.taken+len(list) > *c.most {
		keep := *c.most - c.taken
		shown := keep + c.skip
		c.next = &resume{Token: c.at.Token, Shown: &shown}
		out[c.result] = list[:keep]
		return out, true
	}
	if given {
		out[c.result] = list
	}
	c.taken, c.skip, c.at = c.taken+len(list), 0, resume{Token: token}
	switch {
	case token == nil:
		return out, true
	case c.most != nil && c.taken == *c.most:
		c.next = &c.at
		return out, true
	}
	return out, false
}
