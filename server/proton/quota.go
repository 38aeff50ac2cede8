package proton

import (
	"context"

	"baryon/state"
)

// Quotas bound what callers make, as those of AWS Proton did; what repositories
// declare is bounded by what they hold.

const (
	defaultQuota     = 1000
	defaultInstances = 20
)

// room refuses to make one more of what there are as many of as there may be.
func (h *Handler) room(what string, there int64, err error) error {
	quota := h.cfg.Settings().Quota
	if quota == 0 {
		quota = defaultQuota
	}
	if err == nil && there >= int64(quota) {
		err = exception(quotaExceeded, "there are %d %s, and the quota is %d; delete one, or raise quota in the configuration of the daemon", there, what, quota)
	}
	return err
}

// roomFor refuses to make one more environment, service or component.
func (h *Handler) roomFor(ctx context.Context, kind state.Kind) error {
	there, err := h.cfg.Store.Number(ctx, kind)
	return h.room(string(kind)+"s", there, err)
}

// roomInService refuses a service with more instances than there may be.
func (h *Handler) roomInService(instances int) error {
	quota := h.cfg.Settings().Instances
	if quota == 0 {
		quota = defaultInstances
	}
	if instances > quota {
		return exception(quotaExceeded, "the service would have %d instances, and the quota is %d; split it, or raise instances in the configuration of the daemon", instances, quota)
	}
	return nil
}
