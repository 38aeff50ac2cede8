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
}

type object struct {
	Data, Type, ETag string
	At               time.Time
}

// serveS3 answers a call with the bucket in the path.
func (c *call) serveS3(w http.ResponseWriter, r *http.Request, err error) {
	name, k, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if err == nil {
		err = c.wireFault("s3", r.Method).refusal()
	}
	if err == nil {
		err = c.object(w, r, name, k)
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
	switch {
	case r.Method == http.MethodPut && k == "":
		if b != nil {
			return &apiError{409, "BucketAlreadyOwnedByYou", "Your previous request to create the named bucket succeeded and you already own it."}
		}
		c.w.Buckets[name] = &bucket{Account: c.region.Account, Region: c.region.Name, Objects: map[string]object{}}
		w.Header().Set("Location", "/"+name)
		return nil
	case name == "":
		return c.buckets(w)
	case b == nil:
		return &apiError{404, "NoSuchBucket", "The specified bucket does not exist"}
	case b.Account != c.region.Account:
		return &apiError{403, "AccessDenied", "Access Denied"}
	case k == "":
		return c.bucket(w, r, name, b)
	}
	switch r.Method {
	case http.MethodPut:
		if _, there := b.Objects[k]; there && r.Header.Get("If-None-Match") == "*" {
			return &apiError{412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold"}
		}
		data, err := payload(r)
		if err != nil {
			return &apiError{400, "IncompleteBody", err.Error()}
		}
		sum := md5.Sum([]byte(data))
		o := object{Data: data, Type: r.Header.Get("Content-Type"), ETag: `"` + hex.EncodeToString(sum[:]) + `"`, At: c.now}
		b.Objects[k] = o
		w.Header().Set("ETag", o.ETag)
		return nil
	case http.MethodDelete:
		delete(b.Objects, k)
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	o, ok := b.Objects[k]
	if !ok {
		return &apiError{404, "NoSuchKey", "The specified key does not exist."}
	}
	w.Header().Set("ETag", o.ETag)
	w.Header().Set("Content-Type", o.Type)
	w.Header().Set("Content-Length", strconv.Itoa(len(o.Data)))
	w.Header().Set("Last-Modified", o.At.Format(http.TimeFormat))
	if r.Method == http.MethodGet {
		_, _ = io.WriteString(w, o.Data)
	}
	return nil
}

func (c *call) buckets(w http.ResponseWriter) error {
	var b strings.Builder
	b.WriteString("<ListAllMyBucketsResult><Buckets>")
	for _, name := range sorted(c.w.Buckets) {
		if c.w.Buckets[name].Account == c.region.Account {
			write(&b, "Bucket", obj{{"Name", name}, {"CreationDate", c.now}})
		}
	}
	b.WriteString("</Buckets></ListAllMyBucketsResult>")
	_, err := io.WriteString(w, xml.Header+b.String())
	return err
}

// bucket answers for the bucket itself: head, list and delete.
func (c *call) bucket(w http.ResponseWriter, r *http.Request, name string, b *bucket) error {
	switch r.Method {
	case http.MethodHead:
		w.Header().Set("X-Amz-Bucket-Region", b.Region)
		return nil
	case http.MethodDelete:
		if len(b.Objects) > 0 {
			return &apiError{409, "BucketNotEmpty", "The bucket you tried to delete is not empty"}
		}
		delete(c.w.Buckets, name)
		w.WriteHeader(http.StatusNoContent)
		return nil
	case http.MethodGet:
		var out strings.Builder
		out.WriteString("<ListBucketResult>")
		write(&out, "Name", name)
		write(&out, "IsTruncated", false)
		for _, k := range sorted(b.Objects) {
			if strings.HasPrefix(k, r.URL.Query().Get("prefix")) {
				o := b.Objects[k]
				write(&out, "Contents", obj{{"Key", k}, {"LastModified", o.At}, {"ETag", o.ETag}, {"Size", len(o.Data)}, {"StorageClass", "STANDARD"}})
			}
		}
		out.WriteString("</ListBucketResult>")
		w.Header().Set("Content-Type", "application/xml")
		_, err := io.WriteString(w, xml.Header+out.String())
		return err
	}
	return &apiError{405, "MethodNotAllowed", "The specified method is not allowed against this resource."}
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
