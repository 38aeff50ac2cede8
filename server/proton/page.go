package proton

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"slices"
)

// paging is what the input of a list says about pages.
type paging struct {
	MaxResults int    `json:"maxResults"`
	NextToken  string `json:"nextToken"`
}

const defaultPage = 100

func (p paging) limit() int {
	if p.MaxResults == 0 {
		return defaultPage
	}
	return p.MaxResults
}

// A token names the last item of a page, so that what comes or goes meanwhile
// moves no other item to another page. It is good for the list it came from alone.
type token struct {
	List  string `json:"l"` // what was asked for, apart from the page
	After string `json:"a"`
}

// listOf identifies a list by its operation and everything that selects or orders.
func listOf(operation string, selects any) string {
	text, err := json.Marshal(selects)
	if err != nil {
		panic(err) // inputs are plain data
	}
	sum := sha256.Sum256(append([]byte(operation+"\n"), text...))
	return hex.EncodeToString(sum[:8])
}

// after is the item after which the page begins that a token asks for.
func (p paging) after(list string) (string, error) {
	if p.NextToken == "" {
		return "", nil
	}
	var t token
	text, err := base64.StdEncoding.DecodeString(p.NextToken)
	if err == nil {
		err = json.Unmarshal(text, &t)
	}
	if err != nil || t.List != list {
		return "", notOfThisList()
	}
	return t.After, nil
}

func notOfThisList() error {
	return invalid("the nextToken is not of this list; begin again without one, and keep all other arguments the same from page to page")
}

func (p paging) token(list, after string) string {
	text, err := json.Marshal(token{List: list, After: after})
	if err != nil {
		panic(err) // two texts
	}
	return base64.StdEncoding.EncodeToString(text)
}

// answer makes the body of a page. Items are those after the one that the token
// names, at least one more than the page holds when there are more; key names one.
func answer[T any](p paging, list, member string, items []T, key func(T) string, view func(T) (object, error)) (object, error) {
	more := len(items) > p.limit()
	if more {
		items = items[:p.limit()]
	}
	views := make([]object, 0, len(items))
	for _, item := range items {
		v, err := view(item)
		if err != nil {
			return nil, err
		}
		views = append(views, v)
	}
	out := object{member: views}
	if more {
		out["nextToken"] = p.token(list, key(items[len(items)-1]))
	}
	return out, nil
}

// answerAll makes a page of a list that is there as a whole, in the order of
// its keys. An item that has gone meanwhile leaves its place to the next.
func answerAll[T any](p paging, list, member string, items []T, key func(T) string, view func(T) (object, error)) (object, error) {
	after, err := p.after(list)
	if err != nil {
		return nil, err
	}
	if after != "" {
		at := slices.IndexFunc(items, func(item T) bool { return key(item) > after })
		if at < 0 {
			at = len(items)
		}
		items = items[at:]
	}
	return answer(p, list, member, items, key, view)
}
