package cloudformation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// An account is one identity in one region: its clients, and the place where it
// works.
type account struct {
	cfg   Config
	cfn   *cloudformation.Client
	s3    *s3.Client
	sts   *sts.Client
	id    string // the account's number
	place *place
}

// account returns the clients for a role, or for the daemon's own credentials,
// once it is certain whose account they lead to. The refusal says that it is
// another than the one that is meant.
func (e *Engine) account(ctx context.Context, role string) (_ *account, refusal string, err error) {
	e.asking.Lock() // of many that begin at once, one asks
	defer e.asking.Unlock()
	e.mu.Lock()
	a := e.accounts[role]
	e.mu.Unlock()
	if a == nil {
		if a, err = e.identity(ctx, role); err != nil {
			return nil, "", err
		}
		out, err := a.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
		if err != nil {
			return nil, "", err
		}
		if a.id = aws.ToString(out.Account); a.id == "" {
			return nil, "", errors.New("GetCallerIdentity answered without an account")
		}
		e.mu.Lock()
		if e.places[a.id] == nil {
			e.places[a.id] = newPlace(e.cfg)
		}
		a.place = e.places[a.id]
		e.accounts[role] = a
		e.mu.Unlock()
	}
	want := e.cfg.Account
	if of := accountOf(role); of != "" {
		want = of
	}
	if want != "" && want != a.id {
		e.forget(role) // the credentials may be put right meanwhile
		return nil, fmt.Sprintf("wrong account: the credentials are of %s, and %s is meant; nothing was changed. "+
			"Correct account: in the configuration, or the credentials", a.id, want), nil
	}
	return a, "", nil
}

// accountOf is the account that an ARN names; empty when it is none.
func accountOf(arn string) string {
	if parts := strings.Split(arn, ":"); len(parts) > 5 {
		return parts[4]
	}
	return ""
}

// stranger says that a stack is in another account; empty when it is in this one
// or not known.
func (a *account) stranger(stackID string) string {
	if is := accountOf(stackID); is != "" && is != a.id {
		return fmt.Sprintf("wrong account: the credentials are of %s, and the stack is in %s; nothing was changed", a.id, is)
	}
	return ""
}

// forget makes the next call look for credentials anew.
func (e *Engine) forget(role string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.accounts, role)
}

// identity makes the clients of a role.
func (e *Engine) identity(ctx context.Context, role string) (*account, error) {
	c, err := e.Identity(ctx, role)
	if err != nil {
		return nil, err
	}
	return &account{
		cfg: e.cfg, cfn: cloudformation.NewFromConfig(c), sts: sts.NewFromConfig(c),
		s3: s3.NewFromConfig(c, func(o *s3.Options) { o.UsePathStyle = e.cfg.Endpoint != "" }),
	}, nil
}

// Identity is how services of AWS are called as a role, or with the daemon's own
// credentials.
func (e *Engine) Identity(ctx context.Context, role string) (aws.Config, error) {
	options := []func(*config.LoadOptions) error{config.WithRegion(e.cfg.Region)}
	if e.cfg.Endpoint != "" {
		options = append(options, config.WithBaseEndpoint(e.cfg.Endpoint))
	}
	if e.cfg.Simulated {
		options = append(options, config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(e.cfg.Account, "simulated", "")))
	}
	c, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return aws.Config{}, err
	}
	if role != "" {
		c.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(c), role, func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName = "baryon"
			if e.cfg.ExternalID != "" {
				o.ExternalID = &e.cfg.ExternalID
			}
		}), func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = 5 * time.Minute }) // renewed before they run out
	}
	return c, nil
}

// read waits for the turn of a call that looks, write of one that changes.
func (a *account) read(ctx context.Context) error  { return a.place.read(ctx) }
func (a *account) write(ctx context.Context) error { return a.place.write(ctx) }

// moving are the states of stacks that are under way.
var moving = []types.StackStatus{
	types.StackStatusCreateInProgress, types.StackStatusRollbackInProgress, types.StackStatusDeleteInProgress, types.StackStatusUpdateInProgress,
	types.StackStatusUpdateCompleteCleanupInProgress, types.StackStatusUpdateRollbackInProgress, types.StackStatusUpdateRollbackCompleteCleanupInProgress,
	types.StackStatusImportInProgress, types.StackStatusImportRollbackInProgress,
}

func inProgress(s types.StackStatus) bool { return strings.HasSuffix(string(s), "_IN_PROGRESS") }

// stack reads a stack. Nil is one that does not exist; only the service's own
// words prove that.
func (a *account) stack(ctx context.Context, nameOrID string) (*types.Stack, error) {
	if err := a.read(ctx); err != nil {
		return nil, err
	}
	out, err := a.cfn.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &nameOrID})
	switch {
	case refusedWith(err, "ValidationError", "does not exist"):
		return nil, nil
	case err != nil:
		return nil, err
	case len(out.Stacks) != 1:
		return nil, errors.New("DescribeStacks answered without the stack that was asked for")
	case out.Stacks[0].StackStatus == types.StackStatusDeleteComplete:
		return nil, nil
	}
	return &out.Stacks[0], nil
}

// upload puts a large template into the bucket.
func (a *account) upload(ctx context.Context, key string, body []byte) (url string, err error) {
	if err := a.write(ctx); err != nil {
		return "", err
	}
	if _, err = a.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: &a.cfg.Bucket, Key: &key, Body: bytes.NewReader(body)}); err != nil {
		return "", fmt.Errorf("template to s3://%s/%s: %w", a.cfg.Bucket, key, err)
	}
	if a.cfg.Endpoint != "" {
		return strings.TrimSuffix(a.cfg.Endpoint, "/") + "/" + a.cfg.Bucket + "/" + key, nil
	}
	return "https://" + a.cfg.Bucket + ".s3." + a.cfg.Region + ".amazonaws.com/" + key, nil
}

// refusedWith says whether an error is the service's, of a code and a text.
func refusedWith(err error, code, text string) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && api.ErrorCode() == code && strings.Contains(api.ErrorMessage(), text)
}

// throttled says whether AWS counts too many calls, and expired whether the
// credentials have run out.
func throttled(api smithy.APIError) bool {
	return slices.Contains([]string{
		"Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException", "RequestLimitExceeded", "RequestThrottled", "SlowDown",
	}, api.ErrorCode())
}

func expired(api smithy.APIError) bool { return strings.HasPrefix(api.ErrorCode(), "ExpiredToken") }

// transient says whether an error tells nothing about the stack.
func transient(err error) bool {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		switch api.ErrorCode() {
		case "RequestExpired", "RequestTimeout", "RequestTimeTooSkewed", "InternalFailure", "InternalError", "ServiceUnavailable", "UnknownError":
			return true
		}
		answer, _ := errors.AsType[*smithyhttp.ResponseError](err)
		return throttled(api) || expired(api) || api.ErrorFault() == smithy.FaultServer || answer != nil && answer.HTTPStatusCode() >= http.StatusInternalServerError
	}
	_, network := errors.AsType[net.Error](err)
	_, cut := errors.AsType[*smithy.DeserializationError](err)
	return network || cut
}
