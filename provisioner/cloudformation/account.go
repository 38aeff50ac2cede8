package cloudformation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// An account is one identity in one region: its clients, the pace at which they
// may call, and one view of what is under way there for all jobs.
type account struct {
	cfg Config
	cfn *cloudformation.Client
	s3  *s3.Client
	sts *sts.Client

	mu   sync.Mutex
	id   string    // the account's number, once it is known
	left float64   // calls that may be made now
	when time.Time // left was counted

	poll  sync.Mutex // held while one asks for all
	busy  map[string]types.StackSummary
	known time.Time // busy was asked for
}

// account returns the clients for a role, or for the daemon's own credentials.
func (e *Engine) account(ctx context.Context, role string) (*account, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if a := e.accounts[role]; a != nil {
		return a, nil
	}
	options := []func(*config.LoadOptions) error{config.WithRegion(e.cfg.Region)}
	if e.cfg.Endpoint != "" {
		options = append(options, config.WithBaseEndpoint(e.cfg.Endpoint))
	}
	c, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, err
	}
	if role != "" {
		c.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(c), role, func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName = "baryon"
			if e.cfg.ExternalID != "" {
				o.ExternalID = &e.cfg.ExternalID
			}
		}))
	}
	a := &account{
		cfg: e.cfg, cfn: cloudformation.NewFromConfig(c), sts: sts.NewFromConfig(c), left: e.cfg.Rate,
		s3: s3.NewFromConfig(c, func(o *s3.Options) { o.UsePathStyle = e.cfg.Endpoint != "" }),
	}
	e.accounts[role] = a
	return a, nil
}

// check refuses to work in another account than the one that is meant.
func (a *account) check(ctx context.Context, role string) (refusal string, err error) {
	a.mu.Lock()
	id := a.id
	a.mu.Unlock()
	if id == "" {
		out, err := a.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
		if err != nil {
			return "", err
		}
		id = aws.ToString(out.Account)
		a.mu.Lock()
		a.id = id
		a.mu.Unlock()
	}
	want := a.cfg.Account
	if parts := strings.Split(role, ":"); len(parts) > 4 {
		want = parts[4]
	}
	if want != "" && want != id {
		return fmt.Sprintf("wrong account: the credentials are of %s, and %s is meant; nothing was changed. Correct account: in the configuration, or the credentials", id, want), nil
	}
	return "", nil
}

// wait takes one call from the pool of the account and region.
func (a *account) wait(ctx context.Context) error {
	a.mu.Lock()
	now := time.Now()
	if !a.when.IsZero() {
		a.left = min(a.cfg.Rate, a.left+now.Sub(a.when).Seconds()*a.cfg.Rate)
	}
	a.when = now
	a.left--
	pause := time.Duration(0)
	if a.left < 0 {
		pause = time.Duration(-a.left / a.cfg.Rate * float64(time.Second))
	}
	a.mu.Unlock()
	if pause == 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// moving are the states of stacks that are under way.
var moving = []types.StackStatus{
	types.StackStatusCreateInProgress, types.StackStatusRollbackInProgress, types.StackStatusDeleteInProgress, types.StackStatusUpdateInProgress,
	types.StackStatusUpdateCompleteCleanupInProgress, types.StackStatusUpdateRollbackInProgress, types.StackStatusUpdateRollbackCompleteCleanupInProgress,
	types.StackStatusImportInProgress, types.StackStatusImportRollbackInProgress,
}

// moves says whether a stack was under way when all were asked for last. One
// call answers for all jobs; what is not in it is looked at by itself.
func (a *account) moves(ctx context.Context, stackID string) (types.StackSummary, bool, error) {
	a.poll.Lock()
	defer a.poll.Unlock()
	if time.Since(a.known) > a.cfg.Poll {
		busy := map[string]types.StackSummary{}
		pages := cloudformation.NewListStacksPaginator(a.cfn, &cloudformation.ListStacksInput{StackStatusFilter: moving})
		for pages.HasMorePages() {
			if err := a.wait(ctx); err != nil {
				return types.StackSummary{}, false, err
			}
			page, err := pages.NextPage(ctx)
			if err != nil {
				return types.StackSummary{}, false, err
			}
			for _, s := range page.StackSummaries {
				busy[aws.ToString(s.StackId)] = s
			}
		}
		a.busy, a.known = busy, time.Now()
	}
	s, ok := a.busy[stackID]
	return s, ok, nil
}

// stack reads a stack. Nil is one that does not exist; only the service's own
// words prove that.
func (a *account) stack(ctx context.Context, nameOrID string) (*types.Stack, error) {
	if err := a.wait(ctx); err != nil {
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
	if err := a.wait(ctx); err != nil {
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

// transient says whether an error tells nothing about the stack.
func transient(err error) bool {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		switch api.ErrorCode() {
		case "Throttling", "ThrottlingException", "RequestLimitExceeded", "ExpiredToken", "ExpiredTokenException", "RequestExpired",
			"InternalFailure", "ServiceUnavailable", "UnknownError":
			return true
		}
		return api.ErrorFault() == smithy.FaultServer
	}
	_, network := errors.AsType[net.Error](err)
	return network
}
