package awssim

import (
	"bufio"
	"crypto/md5" //nolint:gosec // ETags are MD5
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A bucket holds objects. Buckets have one name space, as in AWS.
type bucket struct {
	Account, Region string
	Objects         map[string]object
	Settings        map[string]string // as they were put
	Uploads         map[string]*upload
}

var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

type object struct {
	Data, Type, ETag string
	At               time.Time
	Meta             map[string]string
}

// serveS3 answers a call with the bucket in the path, or before the host.
func (c *call) serveS3(w http.ResponseWriter, r *http.Request, err error) {
	where := strings.TrimPrefix(r.URL.Path, "/")
	host, _, _ := strings.Cut(r.Host, ":")
	if before, ok := strings.CutSuffix(host, ".localhost"); ok {
		where = strings.TrimSuffix(before, ".s3") + "/" + where
	}
	name, k, _ := strings.Cut(where, "/")
	if err == nil {
		err = c.wireFault("s3", r.Method).refusal()
	}
	if err == nil {
		err = c.object(w, r, name, k)
	}
	if err == nil && r.Method != http.MethodGet && r.Method != http.MethodHead {
		c.changed("s3", r.Method[:1]+strings.ToLower(r.Method[1:])+map[bool]string{true: "Bucket", false: "Object"}[k == ""])
	}
	if err == nil {
		return
	}
	api := asAPI(err)
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(api.Status)
	if r.Method != http.MethodHead {
		var b strings.Builder
		write(&b, "Error", obj{{"Code", api.Code}, {"Message", api.Message}, {"Resource", r.URL.Path}, {"RequestId", c.id}})
		_, _ = io.WriteString(w, xml.Header+b.String())
	}
}

func (c *call) object(w http.ResponseWriter, r *http.Request, name, k string) error {
	b := c.w.Buckets[name]
	if err := notSimulatedOf(r.URL.Query().Has, k != ""); err != nil {
		return err
	}
	switch {
	case name == "":
		return c.buckets(w)
	case r.Method == http.MethodPut && k == "" && !settingOf(r.URL.Query()):
		return c.makeBucket(w, name, b)
	case b == nil:
		return &apiError{404, "NoSuchBucket", "The specified bucket does not exist"}
	case b.Account != c.region.Account:
		return &apiError{403, "AccessDenied", "Access Denied"}
	case k == "":
		return c.bucket(w, r, name, b)
	}
	if v := r.URL.Query().Get("versionId"); v != "" && v != "null" {
		return &apiError{404, "NoSuchVersion", "The specified version does not exist."}
	}
	switch {
	case r.URL.Query().Has("uploads") || r.URL.Query().Has("uploadId"):
		return c.upload(w, r, name, b, k)
	case r.Method == http.MethodPut && r.Header.Get("X-Amz-Copy-Source") != "":
		return c.copy(w, r, b, k)
	case r.Method == http.MethodPut:
		return c.put(w, r, b, k)
	case r.Method == http.MethodDelete:
		delete(b.Objects, k)
		w.WriteHeader(http.StatusNoContent)
		return nil
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		return &apiError{405, "MethodNotAllowed", "The specified method is not allowed against this resource."}
	}
	return get(w, r, b, k)
}

func (c *call) put(w http.ResponseWriter, r *http.Request, b *bucket, k string) error {
	old, there := b.Objects[k]
	if there && r.Header.Get("If-None-Match") == "*" || r.Header.Get("If-Match") != "" && old.ETag != r.Header.Get("If-Match") {
		return &apiError{412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold"}
	}
	data, err := payload(r)
	if err != nil {
		return &apiError{400, "IncompleteBody", err.Error()}
	}
	o := c.newObject(data, r.Header)
	b.Objects[k] = o
	w.Header().Set("ETag", o.ETag)
	return nil
}

func (c *call) newObject(data string, header http.Header) object {
	sum := md5.Sum([]byte(data))
	o := object{Data: data, Type: header.Get("Content-Type"), ETag: `"` + hex.EncodeToString(sum[:]) + `"`, At: c.now}
	if o.Type == "" {
		o.Type = "binary/octet-stream"
	}
	for name := range header {
		if strings.HasPrefix(name, "X-Amz-Meta-") {
			if o.Meta == nil {
				o.Meta = map[string]string{}
			}
			o.Meta[name] = header.Get(name)
		}
	}
	return o
}

// copy makes an object out of another.
func (c *call) copy(w http.ResponseWriter, r *http.Request, b *bucket, k string) error {
	source, err := url.PathUnescape(strings.TrimPrefix(r.Header.Get("X-Amz-Copy-Source"), "/"))
	if err != nil {
		return &apiError{400, "InvalidArgument", "Invalid copy source encoding."}
	}
	name, from, _ := strings.Cut(source, "/")
	other := c.w.Buckets[name]
	if other == nil {
		return &apiError{404, "NoSuchBucket", "The specified bucket does not exist"}
	}
	o, ok := other.Objects[from]
	if !ok {
		return &apiError{404, "NoSuchKey", "The specified key does not exist."}
	}
	o.At = c.now
	b.Objects[k] = o
	return answer(w, "CopyObjectResult", obj{{"ETag", o.ETag}, {"LastModified", o.At}})
}

func get(w http.ResponseWriter, r *http.Request, b *bucket, k string) error {
	o, ok := b.Objects[k]
	if !ok {
		return &apiError{404, "NoSuchKey", "The specified key does not exist."}
	}
	for name, v := range o.Meta {
		w.Header().Set(name, v)
	}
	w.Header().Set("ETag", o.ETag)
	w.Header().Set("Content-Type", o.Type)
	http.ServeContent(w, r, "", o.At, strings.NewReader(o.Data)) // ranges and conditions
	return nil
}

// answer writes a document.
func answer(w http.ResponseWriter, name string, v obj) error {
	var b strings.Builder
	write(&b, name, v)
	w.Header().Set("Content-Type", "application/xml")
	_, err := io.WriteString(w, xml.Header+b.String())
	return err
}

// payload reads a body, in chunks where the client sent it so.
func payload(r *http.Request) (string, error) {
	if !strings.Contains(r.Header.Get("Content-Encoding"), "aws-chunked") && !strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		data, err := io.ReadAll(r.Body)
		return string(data), err
	}
	in := bufio.NewReader(r.Body)
	var out strings.Builder
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return "", err
		}
		size, _, _ := strings.Cut(strings.TrimSpace(line), ";")
		n, err := strconv.ParseInt(size, 16, 64)
		if err != nil || n > maxBody {
			return "", errors.New("a chunk of unknown size")
		}
		if n == 0 {
			return out.String(), nil
		}
		if _, err := io.CopyN(&out, in, n); err != nil {
			return "", err
		}
		_, _ = in.ReadString('\n')
	}
}

var virtualHost = regexp.MustCompile(`^(?:(.+)\.)?s3[.-](?:[a-z0-9-]+\.)?amazonaws\.com`)

// fetch reads a template from the simulated S3.
func (c *call) fetch(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return "", invalid("TemplateURL must be a supported URL.")
	}
	path := strings.TrimPrefix(u.Path, "/")
	host := virtualHost.FindStringSubmatch(u.Hostname())
	switch {
	case host != nil && host[1] != "":
		path = host[1] + "/" + path
	case host == nil && u.Hostname() != "127.0.0.1" && u.Hostname() != "localhost":
		return "", invalid("S3 error: Domain name specified in " + strings.Split(path, "/")[0] + " is not a valid S3 domain")
	}
	name, k, _ := strings.Cut(path, "/")
	b := c.w.Buckets[name]
	if b == nil || b.Account != c.region.Account {
		return "", invalid("S3 error: Access Denied")
	}
	o, ok := b.Objects[k]
	switch {
	case !ok:
		return "", invalid("S3 error: The specified key does not exist.")
	case len(o.Data) > 1<<20:
		return "", invalid(fmt.Sprintf("Template may not exceed %d bytes in size.", 1<<20))
	}
	return o.Data, nil
}

// included reads what AWS::Include names, or says why it can't.
func (w *world) included(r *region, location string) (text, why string) {
	name, k, _ := strings.Cut(strings.TrimPrefix(location, "s3://"), "/")
	b := w.Buckets[name]
	switch {
	case b == nil:
		return "", "S3 bucket [" + name + "] does not exist."
	case b.Account != r.Account:
		return "", "Access Denied"
	}
	if o, ok := b.Objects[k]; ok {
		return o.Data, ""
	}
	return "", "The specified key does not exist."
}
