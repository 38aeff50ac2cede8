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
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"baryon/provisioner"
)

// An identity is as whom, and where, a job works.
type identity struct{ role, externalID, region string }

// identityOf is the identity of a job: what it says, or the engine's own. What was
// deployed is looked for and removed where it is.
func (e *Engine) identityOf(job provisioner.Job) identity {
	who := identity{role: job.Role, externalID: job.ExternalID, region: job.Region}
	if _, region, ok := strings.Cut(job.Place, "/"); ok && job.Action == provisioner.Deprovision {
		who.region = region
	}
	if who.region == "" {
		who.region = e.cfg.Region
	}
	if who.externalID == "" {
		who.externalID = e.cfg.ExternalID
	}
	return who
}

// An account is one identity: its clients, and the place where it works.
type account struct {
	cfg    Config
	cfn    *cloudformation.Client
	s3     *s3.Client
	sts    *sts.Client
	id     string // the account's number
	region string
	keys   *aws.CredentialsCache // of a role; nil of the daemon's own
	place  *place
}

// where is the account and region, as Progress says it.
func (a *account) where() string { return a.id + "/" + a.region }

// account returns the clients of an identity, once it is certain whose account
// they lead to.
func (e *Engine) account(ctx context.Context, who identity) (*account, error) {
	e.asking.Lock() // of many that begin at once, one asks
	defer e.asking.Unlock()
	e.mu.Lock()
	a := e.accounts[who]
	e.mu.Unlock()
	if a != nil {
		return a, nil
	}
	a, err := e.clients(ctx, who)
	if err != nil {
		return nil, err
	}
	out, err := a.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return nil, err
	}
	if a.id = aws.ToString(out.Account); a.id == "" {
		return nil, errors.New("GetCallerIdentity answered without an account")
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.places[a.where()] == nil {
		e.places[a.where()] = newPlace(e.cfg)
	}
	a.place = e.places[a.where()]
	e.accounts[who] = a
	return a, nil
}

// enter finds the account of a job, and refuses another than the one that is
// meant: by the role, by the job, by the configuration, and by what was done there
// before.
func (w *work) enter(ctx context.Context, stackID string) (refusal string, err error) {
	want := w.e.cfg.Account
	of := accountOf(w.job.Role)
	switch {
	case of != "" && w.job.Account != "" && of != w.job.Account:
		return fmt.Sprintf("the role %s is of another account than %s, where this is to be deployed; nothing was changed. Correct one of the two", w.job.Role, w.job.Account), nil
	case of != "":
		want = of
	case w.job.Account != "":
		want = w.job.Account
	}
	a, err := w.e.account(ctx, w.who)
	if err != nil {
		return "", err
	}
	is, moves := accountOf(stackID), w.job.Force && w.job.Action == provisioner.Provision
	switch {
	case want != "" && want != a.id:
		refusal = fmt.Sprintf("wrong account: the credentials are of %s, and %s is meant; nothing was changed. "+
			"Correct account: in the configuration or the document, or the credentials", a.id, want)
	case is != "" && is != a.id:
		refusal = fmt.Sprintf("wrong account: the credentials are of %s, and the stack is in %s; nothing was changed", a.id, is)
	case w.job.Place != "" && w.job.Place != a.where() && !moves:
		refusal = fmt.Sprintf("wrong place: it was deployed to %s, and this leads to %s; nothing was changed. Correct the role, the region or the credentials; "+
			"or delete it there first; or make a new one here and leave that as it is: baryon force NAME --why REASON", w.job.Place, a.where())
	default:
		w.a = a
		return "", nil
	}
	w.e.forget(w.who) // the credentials may be put right meanwhile
	return refusal, nil
}

// accountOf is the account that an ARN names; empty when it is none.
func accountOf(arn string) string {
	if parts := strings.Split(arn, ":"); len(parts) > 5 {
		return parts[4]
	}
	return ""
}

// forget makes the next call look for credentials anew.
func (e *Engine) forget(who identity) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.accounts, who)
}

// clients makes the clients of an identity.
func (e *Engine) clients(ctx context.Context, who identity) (*account, error) {
	c, keys, err := e.enlist(ctx, who)
	if err != nil {
		return nil, err
	}
	return &account{
		cfg: e.cfg, region: who.region, keys: keys, sts: sts.NewFromConfig(c),
		cfn: cloudformation.NewFromConfig(c, func(o *cloudformation.Options) { o.Retryer = newRetryer() }),
		s3:  s3.NewFromConfig(c, func(o *s3.Options) { o.UsePathStyle = e.cfg.Endpoint != "" }),
	}, nil
}

// Identity is how services of AWS are called as a role, or with the daemon's own
// credentials.
func (e *Engine) Identity(ctx context.Context, role string) (aws.Config, error) {
	c, _, err := e.enlist(ctx, e.identityOf(provisioner.Job{Role: role}))
	return c, err
}

// enlist is the configuration of clients of an identity, with its credentials where
// they are those of a role.
func (e *Engine) enlist(ctx context.Context, who identity) (aws.Config, *aws.CredentialsCache, error) {
	options := []func(*config.LoadOptions) error{config.WithRegion(who.region)}
	if e.cfg.Endpoint != "" {
		options = append(options, config.WithBaseEndpoint(e.cfg.Endpoint))
	}
	if e.cfg.Simulated {
		options = append(options, config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(e.cfg.Account, "simulated", "")))
	}
	c, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil || who.role == "" {
		return c, nil, err
	}
	keys := aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(c), who.role, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = "baryon"
		if who.externalID != "" {
			o.ExternalID = &who.externalID
		}
	}), func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = 5 * time.Minute }) // renewed before they run out
	c.Credentials = keys
	return c, keys, nil
}

// newRetryer lets the SDK try again where a connection broke. Where AWS asks for
// patience the pace of the place decides when it is asked again.
func newRetryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts, o.MaxBackoff = 2, 200*time.Millisecond
		o.RateLimiter = ratelimit.None
		o.Retryables = []retry.IsErrorRetryable{retry.NoRetryCanceledError{}, retry.RetryableConnectionError{}}
	})
}

// lasting is how long the credentials of a role are good at least when something is
// begun with them: CloudFormation goes on with those.
const lasting = 50 * time.Minute

// last sees to it that what is begun now does not run out of credentials soon.
func (a *account) last(ctx context.Context) {
	if a.keys == nil {
		return
	}
	if keys, err := a.keys.Retrieve(ctx); err == nil && keys.CanExpire && time.Until(keys.Expires) < lasting {
		a.keys.Invalidate()
	}
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
	bucket := a.bucket()
	if _, err = a.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(body)}); err != nil {
		return "", fmt.Errorf("template to s3://%s/%s: %w", bucket, key, err)
	}
	if a.cfg.Endpoint != "" {
		return strings.TrimSuffix(a.cfg.Endpoint, "/") + "/" + bucket + "/" + key, nil
	}
	return "https://" + bucket + ".s3." + a.region + "." + suffix(a.region) + "/" + key, nil
}

// bucket takes the templates of this account and region.
func (a *account) bucket() string { return BucketOf(a.cfg.Bucket, a.id, a.region) }

// BucketOf is the bucket of an account and region, by what Config.Bucket says.
func BucketOf(pattern, account, region string) string {
	return strings.NewReplacer("{account}", account, "{region}", region).Replace(pattern)
}

// suffix is what the names of AWS end in, in a region.
func suffix(region string) string {
	if strings.HasPrefix(region, "cn-") {
		return "amazonaws.com.cn"
	}
	return "amazonaws.com"
}

// refusedWith says whether an error is the service's, of a code and a text.
func refusedWith(err error, code, text string) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && api.ErrorCode() == code && strings.Contains(api.ErrorMessage(), text)
}

// errorOf is the service's own error in another.
func errorOf(err error) (smithy.APIError, bool) { return errors.AsType[smithy.APIError](err) }

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
