package v1

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strconv"

	"baryon/reconciler"
	"baryon/state"
)

// gzipType is the media type of an uploaded bundle: a tar archive compressed with gzip.
const gzipType = "application/gzip"

// NewMajor asks for a bundle to be the first of a new major.
const NewMajor = "new"

var (
	nameForm       = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z_-]{0,99}$`)
	compatibleForm = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z_-]{0,99}:[1-9][0-9]{0,17}$`)
)

// upload takes a bundle over as the next version of a template.
func (a *api) upload(w http.ResponseWriter, r *http.Request) (any, error) {
	if err := allowQuery(r, "major", "description", "compatible"); err != nil {
		return nil, err
	}
	if a.Loop == nil {
		return nil, noLoop()
	}
	q := r.URL.Query()
	u := reconciler.Upload{Actor: actorOf(r), Template: r.PathValue("name"), Description: q.Get("description"), Compatible: q["compatible"]}
	if !nameForm.MatchString(u.Template) {
		return nil, invalid(strconv.Quote(u.Template)+" is no name of a template", "use up to 100 letters, digits, - and _, beginning with a letter or digit")
	}
	for _, c := range u.Compatible {
		if !compatibleForm.MatchString(c) {
			return nil, invalid(strconv.Quote(c)+" names no environment template", "write it as NAME:MAJOR")
		}
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != gzipType {
		return nil, invalid("the content type is not "+gzipType, "send the bundle as a tar archive compressed with gzip")
	}
	var err error
	if u.Major, err = a.major(r.Context(), u.Template, q.Get("major")); err != nil {
		return nil, err
	}
	if u.Archive, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxFolder)); err != nil {
		return nil, err
	}
	v, err := a.Loop.Upload(r.Context(), u)
	if refused, ok := errors.AsType[*reconciler.RefusedError](err); ok {
		return nil, invalid(refused.Why, "")
	}
	if err != nil {
		return nil, err
	}
	return a.view.templateVersion(r.Context(), v, a.view.recommended())
}

// major is the major that an upload goes to: the highest there is unless one is
// named, 0 for a new one.
func (a *api) major(ctx context.Context, template, named string) (int64, error) {
	switch named {
	case NewMajor:
		return 0, nil
	case "":
	default:
		n, err := strconv.ParseInt(named, 10, 64)
		if err != nil || n <= 0 {
			return 0, invalid(fmt.Sprintf("major is %q", named), "name a major that there is, such as 1, or say new")
		}
		return n, nil
	}
	var highest int64
	for _, kind := range []state.Kind{state.KindEnvironment, state.KindService} {
		versions, err := a.Store.TemplateVersions(ctx, kind, template)
		if err != nil {
			return 0, err
		}
		for _, v := range versions {
			highest = max(highest, v.Version.Major)
		}
	}
	return highest, nil
}

// Upload hands a bundle over, as a tar archive compressed with gzip. Major is a
// number, NewMajor, or empty for the highest there is.
func (c *Client) Upload(ctx context.Context, template, major, description string, compatible []string, archive []byte) (v TemplateVersion, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*answerWithin)
	defer cancel()
	query := url.Values{}
	for key, text := range map[string]string{"major": major, "description": description} {
		if text != "" {
			query.Set(key, text)
		}
	}
	for _, one := range compatible {
		query.Add("compatible", one)
	}
	err = c.do(ctx, http.MethodPost, "templates/"+url.PathEscape(template)+"/versions", query, &content{gzipType, archive}, &v)
	return v, err
}
