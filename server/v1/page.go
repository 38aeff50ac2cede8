package v1

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// A Page is a part of a list.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"` // what ?after= takes for the page after this one
}

const (
	defaultLimit = 100
	maxLimit     = 1000
)

// allowQuery refuses query parameters that a resource does not know, so that a
// misspelt filter is not mistaken for one that matched everything.
func allowQuery(r *http.Request, known ...string) error {
	for name, values := range r.URL.Query() {
		if !slices.Contains(known, name) {
			want := "it takes none"
			if len(known) > 0 {
				want = "it takes " + strings.Join(known, ", ")
			}
			return invalid(fmt.Sprintf("%s has no query parameter %q", r.URL.Path, name), want)
		}
		if len(values) > 1 {
			return invalid(fmt.Sprintf("the query parameter %q is given twice", name), "give it once")
		}
	}
	return nil
}

// paging reads limit and after, which come with the filters of a list.
func paging(r *http.Request, filters ...string) (limit int, after string, err error) {
	if err := allowQuery(r, append([]string{"limit", "after"}, filters...)...); err != nil {
		return 0, "", err
	}
	q := r.URL.Query()
	limit = defaultLimit
	if text := q.Get("limit"); text != "" {
		limit, err = strconv.Atoi(text)
		if err != nil || limit < 1 || limit > maxLimit {
			return 0, "", invalid(fmt.Sprintf("limit is %q", text), fmt.Sprintf("give a number from 1 to %d", maxLimit))
		}
	}
	return limit, q.Get("after"), nil
}

// cut makes a page of what was read with one item more than wanted; key names
// the last item of the page.
func cut[T any](items []T, limit int, key func(T) string) Page[T] {
	if items == nil {
		items = []T{}
	}
	if len(items) <= limit {
		return Page[T]{Items: items}
	}
	return Page[T]{Items: items[:limit], Next: key(items[limit-1])}
}

// pageOf makes a page of a whole list.
func pageOf[T any](all []T, limit int, after string, key func(T) string) Page[T] {
	if after != "" {
		at := slices.IndexFunc(all, func(item T) bool { return key(item) == after })
		all = all[at+1:]
	}
	return cut(all[:min(len(all), limit+1)], limit, key)
}
