package v1

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"baryon/state"
)

// A Client asks a daemon. Its errors are *Error for what the daemon says and
// *UnreachableError when none answers.
type Client struct {
	server *url.URL
	token  string
	actor  string
	http   *http.Client
}

// NewClient returns a Client of the daemon at an address such as
// http://127.0.0.1:8080. The token, if any, and the actor go with each request.
func NewClient(server, token, actor string) (*Client, error) {
	if !strings.Contains(server, "://") {
		server = "http://" + server
	}
	u, err := url.Parse(server)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("the server address %q is not a URL such as http://127.0.0.1:8080", server)
	}
	if u.User != nil {
		return nil, errors.New("the server address holds a user name or password; give the token in BARYON_TOKEN or a file instead")
	}
	u.Path, u.RawQuery, u.Fragment = strings.TrimSuffix(u.Path, "/"), "", ""
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // documented to be one
	return &Client{server: u, token: token, actor: actor, http: &http.Client{
		Transport: transport,
		// A redirect would take the token to another place.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// UnreachableError says that no daemon answers at an address.
type UnreachableError struct {
	Server string
	Err    error
}

func (e *UnreachableError) Error() string {
	if errors.Is(e.Err, syscall.ECONNREFUSED) {
		return "no daemon answers at " + e.Server
	}
	var timeout net.Error
	if errors.As(e.Err, &timeout) && timeout.Timeout() {
		return "the daemon at " + e.Server + " does not answer in time"
	}
	if inner, ok := errors.AsType[*url.Error](e.Err); ok {
		return "no daemon answers at " + e.Server + ": " + inner.Err.Error()
	}
	return "no daemon answers at " + e.Server + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *UnreachableError) Unwrap() error { return e.Err }

// answerWithin bounds everything but streams.
const answerWithin = 30 * time.Second

// Get reads a resource, such as "status" or "deployments", into v. Names in the
// path are escaped by the caller where they need it.
func (c *Client) Get(ctx context.Context, path string, query url.Values, v any) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	return c.do(ctx, http.MethodGet, path, query, nil, v)
}

// Post asks for something and reads the answer into v.
func (c *Client) Post(ctx context.Context, path string, body Request, v any) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return c.do(ctx, http.MethodPost, path, nil, &content{"application/json", text}, v)
}

// content is the body of a request.
type content struct {
	media string
	data  []byte
}

func (c *Client) do(ctx context.Context, method, path string, query url.Values, body *content, v any) error {
	response, err := c.send(ctx, method, path, query, body)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(v); err != nil {
		return fmt.Errorf("the answer of %s cannot be read: %w", c.server.Redacted(), err)
	}
	return nil
}

// send makes a request and turns every answer but success into an error.
func (c *Client) send(ctx context.Context, method, path string, query url.Values, body *content) (*http.Response, error) {
	u := *c.server
	u.RawPath = u.EscapedPath() + "/v1/" + path
	var err error
	if u.Path, err = url.PathUnescape(u.RawPath); err != nil {
		return nil, err
	}
	u.RawQuery = query.Encode()
	var data io.Reader
	if body != nil {
		data = bytes.NewReader(body.data)
	}
	request, err := http.NewRequestWithContext(ctx, method, u.String(), data)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	if body != nil {
		request.Header.Set("Content-Type", body.media)
		request.Header.Set(ActorHeader, c.actor)
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, &UnreachableError{Server: c.server.String(), Err: err}
	}
	if response.StatusCode/100 == 2 {
		return response, nil
	}
	defer response.Body.Close()
	return nil, c.refused(response)
}

// refused reads the error in an answer.
func (c *Client) refused(response *http.Response) error {
	data, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return &UnreachableError{Server: c.server.String(), Err: err}
	}
	var answer struct {
		Error *Error `json:"error"`
	}
	if json.Unmarshal(data, &answer) != nil || answer.Error == nil {
		return &Error{
			Code: CodeInternal, Message: fmt.Sprintf("%s answered %s, and not as a Baryon daemon does", c.server, response.Status),
			Next: "check the address",
		}
	}
	return answer.Error
}

// List reads all pages of a list.
func List[T any](ctx context.Context, c *Client, path string, query url.Values) ([]T, error) {
	all := []T{}
	q := url.Values{}
	maps.Copy(q, query)
	q.Set("limit", strconv.Itoa(maxLimit))
	for {
		var page Page[T]
		if err := c.Get(ctx, path, q, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if page.Next == "" {
			return all, nil
		}
		q.Set("after", page.Next)
	}
}

// Target reads one target.
func (c *Client) Target(ctx context.Context, ref state.Ref) (t Target, err error) {
	err = c.Get(ctx, Path(ref), nil, &t)
	return t, err
}

// Ask asks for a verb on a target.
func (c *Client) Ask(ctx context.Context, ref state.Ref, verb string, body Request) (t Target, err error) {
	err = c.Post(ctx, Path(ref)+"/"+verb, body, &t)
	return t, err
}

// Log copies the log of a deployment to w and returns the offset after it. With
// follow it goes on until the deployment has ended or the daemon stops; the
// caller looks at the deployment to know which, and asks again from there.
func (c *Client) Log(ctx context.Context, id string, from int64, follow bool, w io.Writer) (next int64, err error) {
	query := url.Values{"from": {strconv.FormatInt(from, 10)}}
	if follow {
		query.Set("follow", "1")
	}
	response, err := c.send(ctx, http.MethodGet, "deployments/"+url.PathEscape(id)+"/log", query, nil)
	if err != nil {
		return from, err
	}
	defer response.Body.Close()
	n, err := io.Copy(w, response.Body)
	return from + n, err
}
