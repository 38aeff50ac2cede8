package awssim

import (
	"crypto/md5" //nolint:gosec // G501: what S3 uses
	"encoding/hex"
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

func (c *call) makeBucket(w http.ResponseWriter, name string, old *bucket) error {
	switch {
	case old != nil && old.Account != c.region.Account:
		return &apiError{409, "BucketAlreadyExists", "The requested bucket name is not available. The bucket namespace is shared by all users of the system." +
			" Please select a different name and try again."}
	case old != nil:
		return &apiError{409, "BucketAlreadyOwnedByYou", "Your previous request to create the named bucket succeeded and you already own it."}
	case !bucketName.MatchString(name):
		return &apiError{400, "InvalidBucketName", "The specified bucket is not valid."}
	}
	c.w.Buckets[name] = &bucket{Account: c.region.Account, Region: c.region.Name, Objects: map[string]object{}}
	c.region.known("AWS::S3::Bucket", name, name, map[string]any{"BucketName": name})
	w.Header().Set("Location", "/"+name)
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
	w.Header().Set("Content-Type", "application/xml")
	_, err := io.WriteString(w, xml.Header+b.String())
	return err
}

// kept are the settings of a bucket that are read back as they were written.
var kept = map[string]string{
	"versioning": "", "tagging": "NoSuchTagSet", "policy": "NoSuchBucketPolicy", "encryption": "ServerSideEncryptionConfigurationNotFoundError",
	"lifecycle": "NoSuchLifecycleConfiguration", "cors": "NoSuchCORSConfiguration", "website": "NoSuchWebsiteConfiguration",
	"publicAccessBlock": "NoSuchPublicAccessBlockConfiguration", "ownershipControls": "OwnershipControlsNotFoundError", "notification": "", "logging": "",
}

// settingOf says whether a request is about a setting of a bucket.
func settingOf(q url.Values) bool {
	for k := range q {
		if _, ok := kept[k]; ok {
			return true
		}
	}
	return false
}

// bucket answers for the bucket itself: head, list, settings and delete.
func (c *call) bucket(w http.ResponseWriter, r *http.Request, name string, b *bucket) error {
	q := r.URL.Query()
	for setting, absent := range kept {
		if q.Has(setting) {
			return b.setting(w, r, setting, absent)
		}
	}
	switch {
	case r.Method == http.MethodHead:
		w.Header().Set("X-Amz-Bucket-Region", b.Region)
		return nil
	case r.Method == http.MethodDelete:
		if len(b.Objects) > 0 {
			return &apiError{409, "BucketNotEmpty", "The bucket you tried to delete is not empty"}
		}
		c.w.region(b.Account, b.Region).vanish(&c.w, key("AWS::S3::Bucket", name))
		delete(c.w.Buckets, name)
		w.WriteHeader(http.StatusNoContent)
		return nil
	case r.Method == http.MethodPost && q.Has("delete"):
		return deleteAll(w, r, b)
	case r.Method == http.MethodGet && q.Has("location"):
		at := b.Region
		if at == "us-east-1" {
			at = ""
		}
		_, err := io.WriteString(w, xml.Header+`<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">`+at+"</LocationConstraint>")
		return err
	case r.Method == http.MethodGet && q.Has("uploads"):
		out := obj{{"Bucket", name}, {"IsTruncated", false}}
		for _, id := range sorted(b.Uploads) {
			out = append(out, field{"Upload", obj{{"Key", b.Uploads[id].Key}, {"UploadId", id}, {"Initiated", b.Uploads[id].Object.At}}})
		}
		return answer(w, "ListMultipartUploadsResult", out)
	case r.Method == http.MethodGet && q.Has("versions"):
		return listVersions(w, name, b, q.Get("prefix"))
	case r.Method == http.MethodGet:
		return listObjects(w, name, b, q)
	}
	return &apiError{405, "MethodNotAllowed", "The specified method is not allowed against this resource."}
}

func (b *bucket) setting(w http.ResponseWriter, r *http.Request, name, absent string) error {
	switch r.Method {
	case http.MethodPut:
		text, err := payload(r)
		if err != nil {
			return &apiError{400, "IncompleteBody", err.Error()}
		}
		if b.Settings == nil {
			b.Settings = map[string]string{}
		}
		b.Settings[name] = text
		return nil
	case http.MethodDelete:
		delete(b.Settings, name)
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	text, ok := b.Settings[name]
	switch {
	case !ok && absent != "":
		return &apiError{404, absent, "The specified configuration does not exist."}
	case !ok:
		text = xml.Header + "<" + strings.ToUpper(name[:1]) + name[1:] + "Configuration/>"
	}
	_, err := io.WriteString(w, text)
	return err
}

// deleteAll deletes the objects that the request lists.
func deleteAll(w http.ResponseWriter, r *http.Request, b *bucket) error {
	text, err := payload(r)
	var in struct {
		Quiet   bool
		Objects []struct{ Key string } `xml:"Object"`
	}
	if err != nil || xml.Unmarshal([]byte(text), &in) != nil {
		return &apiError{400, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema"}
	}
	var out obj
	for _, o := range in.Objects {
		delete(b.Objects, o.Key)
		if !in.Quiet {
			out = append(out, field{"Deleted", obj{{"Key", o.Key}}})
		}
	}
	return answer(w, "DeleteResult", out)
}

// listObjects lists objects page by page; what is below a delimiter becomes one
// common prefix.
func listObjects(w http.ResponseWriter, name string, b *bucket, q url.Values) error {
	most := 1000
	if n, err := strconv.Atoi(q.Get("max-keys")); err == nil && n >= 0 && n < most {
		most = n
	}
	prefix, delimiter := q.Get("prefix"), q.Get("delimiter")
	after := max(q.Get("marker"), q.Get("start-after"), q.Get("continuation-token"))
	out := obj{{"Name", name}, {"Prefix", prefix}, {"MaxKeys", most}}
	if delimiter != "" {
		out = append(out, field{"Delimiter", delimiter})
	}
	count, last, more := 0, "", false
	var contents, common obj
	for _, k := range sorted(b.Objects) {
		rest, below := strings.CutPrefix(k, prefix)
		if !below || k <= after || last != "" && strings.HasSuffix(last, delimiter) && delimiter != "" && strings.HasPrefix(k, last) {
			continue
		}
		if delimiter != "" && strings.HasSuffix(after, delimiter) && strings.HasPrefix(k, after) && after != "" && len(after) > len(prefix) {
			continue // that prefix was on the page before
		}
		if count == most {
			more = true
			break
		}
		count++
		if i := strings.Index(rest, delimiter); delimiter != "" && i >= 0 {
			last = prefix + rest[:i+len(delimiter)]
			common = append(common, field{"CommonPrefixes", obj{{"Prefix", last}}})
			continue
		}
		last = k
		o := b.Objects[k]
		contents = append(contents, field{"Contents", obj{{"Key", k}, {"LastModified", o.At}, {"ETag", o.ETag}, {"Size", len(o.Data)}, {"StorageClass", "STANDARD"}}})
	}
	out = append(out, field{"KeyCount", count}, field{"IsTruncated", more})
	if more {
		out = append(out, field{"NextContinuationToken", last}, field{"NextMarker", last})
	}
	return answer(w, "ListBucketResult", slices.Concat(out, contents, common))
}

// listVersions lists the one version of each object that there is: what is written
// over is gone, whatever the bucket's settings say.
func listVersions(w http.ResponseWriter, name string, b *bucket, prefix string) error {
	out := obj{{"Name", name}, {"Prefix", prefix}, {"IsTruncated", false}}
	for _, k := range sorted(b.Objects) {
		if o := b.Objects[k]; strings.HasPrefix(k, prefix) {
			out = append(out, field{"Version", obj{
				{"Key", k}, {"VersionId", "null"}, {"IsLatest", true}, {"LastModified", o.At}, {"ETag", o.ETag}, {"Size", len(o.Data)}, {"StorageClass", "STANDARD"},
			}})
		}
	}
	return answer(w, "ListVersionsResult", out)
}

// An upload is an object that comes in parts.
type upload struct {
	Key    string
	Object object
	Parts  map[int]string
}

// upload answers for uploads in parts.
func (c *call) upload(w http.ResponseWriter, r *http.Request, name string, b *bucket, k string) error {
	q := r.URL.Query()
	if r.Method == http.MethodPost && q.Has("uploads") {
		id := c.w.uuid()
		if b.Uploads == nil {
			b.Uploads = map[string]*upload{}
		}
		b.Uploads[id] = &upload{Key: k, Object: c.newObject("", r.Header), Parts: map[int]string{}}
		return answer(w, "InitiateMultipartUploadResult", obj{{"Bucket", name}, {"Key", k}, {"UploadId", id}})
	}
	id := q.Get("uploadId")
	u := b.Uploads[id]
	if u == nil {
		return &apiError{404, "NoSuchUpload", "The specified multipart upload does not exist. The upload ID might be invalid," +
			" or the multipart upload might have been aborted or completed."}
	}
	switch r.Method {
	case http.MethodPut:
		data, err := payload(r)
		n, numberErr := strconv.Atoi(q.Get("partNumber"))
		if err != nil || numberErr != nil {
			return &apiError{400, "InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive"}
		}
		u.Parts[n] = data
		sum := md5.Sum([]byte(data))
		w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:])+`"`)
	case http.MethodPost:
		var all strings.Builder
		numbers := make([]int, 0, len(u.Parts))
		for n := range u.Parts {
			numbers = append(numbers, n)
		}
		slices.Sort(numbers)
		for _, n := range numbers {
			all.WriteString(u.Parts[n])
		}
		o := c.newObject(all.String(), http.Header{"Content-Type": {u.Object.Type}})
		o.Meta = u.Object.Meta
		b.Objects[k] = o
		delete(b.Uploads, id)
		return answer(w, "CompleteMultipartUploadResult", obj{{"Bucket", name}, {"Key", k}, {"ETag", o.ETag}})
	case http.MethodDelete:
		delete(b.Uploads, id)
		w.WriteHeader(http.StatusNoContent)
	}
	return nil
}
