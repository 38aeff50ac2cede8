package proton

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"baryon/reconciler"
)

// S3 reads the bundles that CreateEnvironmentTemplateVersion and
// CreateServiceTemplateVersion name, with the credentials that the AWS SDK finds
// in the daemon's surroundings.
type S3 struct {
	Region   string
	Endpoint string // of another server than Amazon's; empty for that

	mu     sync.Mutex
	client *s3.Client
}

// Bundle reads an object of at most so many bytes. A bucket in another region is
// found there. The error is a *reconciler.RefusedError where S3 says no.
func (s *S3) Bundle(ctx context.Context, bucket, key string, most int64) ([]byte, error) {
	client, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	in := &s3.GetObjectInput{Bucket: &bucket, Key: &key}
	out, err := client.GetObject(ctx, in)
	if region := elsewhere(err); region != "" {
		out, err = client.GetObject(ctx, in, func(o *s3.Options) { o.Region = region })
	}
	if err != nil {
		return nil, refusedByS3(bucket, key, err)
	}
	defer out.Body.Close()
	data, err := io.ReadAll(io.LimitReader(out.Body, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > most {
		return nil, &reconciler.RefusedError{Why: fmt.Sprintf("s3://%s/%s has more than %d bytes, which is the most a bundle may have", bucket, key, most)}
	}
	return data, nil
}

// connect makes the client when it is first needed, so that a daemon without
// credentials starts.
func (s *S3) connect(ctx context.Context) (*s3.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil {
		return s.client, nil
	}
	options := []func(*config.LoadOptions) error{config.WithRegion(s.Region)}
	if s.Endpoint != "" {
		options = append(options, config.WithBaseEndpoint(s.Endpoint))
	}
	c, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, err
	}
	s.client = s3.NewFromConfig(c, func(o *s3.Options) {
		o.UsePathStyle = s.Endpoint != ""
		o.DisableLogOutputChecksumValidationSkipped = true                                               // the SDK's own log is none of ours
		o.Retryer = retry.NewStandard(func(r *retry.StandardOptions) { r.RateLimiter = ratelimit.None }) // the loop paces attempts
	})
	return s.client, nil
}

// elsewhere is the region that S3 sends a call to.
func elsewhere(err error) string {
	response, ok := errors.AsType[*smithyhttp.ResponseError](err)
	if !ok || response.HTTPStatusCode() != http.StatusMovedPermanently {
		return ""
	}
	return response.Response.Header.Get("X-Amz-Bucket-Region")
}

// refusedByS3 tells what S3 refuses from what may pass.
func refusedByS3(bucket, key string, err error) error {
	response, ok := errors.AsType[*smithyhttp.ResponseError](err)
	if !ok || response.HTTPStatusCode() < http.StatusBadRequest || response.HTTPStatusCode() >= http.StatusInternalServerError ||
		response.HTTPStatusCode() == http.StatusTooManyRequests { // without a status there was no answer
		return err
	}
	code, message := response.Response.Status, ""
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		code, message = api.ErrorCode(), api.ErrorMessage()
	}
	return &reconciler.RefusedError{Why: fmt.Sprintf("s3://%s/%s cannot be read: %s: %s; the daemon reads it with its own credentials", bucket, key, code, message)}
}
