package shim

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"strconv"

	"baryon/server/proton/model"
)

// A resume is where a list that was cut goes on, in the form of the AWS CLI: the
// token of a page, and how many elements of that page were shown.
type resume struct {
	Token *string `json:"nextToken"`
	Shown int     `json:"boto_truncate_amount,omitempty"`
}

func (r resume) String() string {
	token := "null"
	if r.Token != nil {
		token = strconv.Quote(*r.Token)
	}
	text := `{"nextToken": ` + token
	if r.Shown > 0 {
		text += `, "boto_truncate_amount": ` + strconv.Itoa(r.Shown)
	}
	return base64.StdEncoding.EncodeToString([]byte(text + "}"))
}

// readResume reads such a token; what is none is taken for one of the API.
func readResume(text string) resume {
	var r resume
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || json.Unmarshal(raw, &r) != nil || !bytes.Contains(raw, []byte(`"nextToken"`)) {
		return resume{Token: &text}
	}
	return r
}

// page reads the elements of a page, as they are written, and the token of the next one.
func (r result) page(p model.Paginator) (list []json.RawMessage, token *string, err error) {
	page := map[string]json.RawMessage{}
	if err := json.Unmarshal(r, &page); err != nil {
		return nil, nil, err
	}
	for member, into := range map[string]any{p.Result: &list, p.Out: &token} {
		if raw := page[member]; raw != nil {
			if err := json.Unmarshal(raw, into); err != nil {
				return nil, nil, err
			}
		}
	}
	return list, token, nil
}

// pages calls an operation, and for a list as often as it has pages, or until
// --max-items are there.
func (s *session) pages(ctx context.Context, name string, in map[string]any) (result, error) {
	p, paged := s.model.Paginators[name]
	most, from := s.global.maxItems, s.global.startingToken
	if !paged && (most > 0 || from != "") {
		return nil, usagef("--max-items and --starting-token are for lists")
	}
	if !paged || s.global.noPaginate || in[p.In] != nil {
		return s.call(ctx, name, in)
	}
	var at resume
	if from != "" {
		at = readResume(from)
	}
	items, skip, next := []json.RawMessage{}, at.Shown, (*resume)(nil)
	for {
		delete(in, p.In)
		if at.Token != nil {
			in[p.In] = *at.Token
		}
		answer, err := s.call(ctx, name, in)
		if err != nil {
			return nil, err
		}
		list, token, err := answer.page(p)
		if err != nil {
			return nil, err
		}
		if token == nil && len(items) == 0 && skip == 0 && (most == 0 || len(list) <= most) {
			return answer, nil
		}
		list = list[min(skip, len(list)):]
		if most > 0 && len(items)+len(list) > most {
			keep := most - len(items)
			next = &resume{Token: at.Token, Shown: keep + skip}
			items = append(items, list[:keep]...)
			break
		}
		items, skip = append(items, list...), 0
		if token == nil {
			break
		}
		at = resume{Token: token}
		if most > 0 && len(items) == most {
			next = &at
			break
		}
	}
	all, err := json.Marshal(items)
	if err != nil {
		return nil, err
	}
	text := `{"` + p.Result + `":` + string(all)
	if next != nil {
		text += `,"NextToken":"` + next.String() + `"`
	}
	return result(text + "}"), nil
}
