package proton

import (
	"context"

	"go.uber.org/zap"

	"baryon/state"
)

const notifyOperation = "NotifyResourceDeploymentStatusChange"

type output struct {
	Key         string `json:"key"`
	ValueString string `json:"valueString"`
}

type notifyInput struct {
	ResourceARN   string   `json:"resourceArn"`
	DeploymentID  string   `json:"deploymentId"`
	Status        string   `json:"status"`
	StatusMessage string   `json:"statusMessage"`
	Outputs       []output `json:"outputs"`
}

// notify takes what the outside reports of a deployment. For one that runs
// commands the outputs count and the end of the commands is what the deployment
// ends as, whatever status they reported.
func (h *Handler) notify(ctx context.Context, c caller, in notifyInput) (any, error) {
	ref, err := h.target(in.ResourceARN)
	if err != nil {
		return nil, err
	}
	outputs, err := outputsOf(in.Outputs)
	if err != nil {
		return nil, err
	}
	if c.deployment != "" {
		if in.DeploymentID == "" {
			in.DeploymentID = c.deployment
		}
		if in.DeploymentID != c.deployment {
			return nil, forbidden("the commands of deployment %s report about it alone", c.deployment)
		}
	}
	n := state.Notice{Status: state.Status(in.Status), Message: in.StatusMessage, Outputs: outputs}
	if err := h.cfg.Store.Notify(ctx, c.actor, ref, in.DeploymentID, n); err != nil {
		return nil, err
	}
	h.cfg.Wake()
	h.log.Info("deployment reported on", zap.Stringer("ref", ref), zap.String("deployment", in.DeploymentID),
		zap.String("status", in.Status), zap.Int("outputs", len(outputs)), zap.String("actor", string(c.actor)))
	return object{}, nil
}

const maxOutputs = 50

// outputsOf reads outputs as Proton bounds them.
func outputsOf(list []output) (map[string]string, error) {
	if len(list) > maxOutputs {
		return nil, invalid("%d outputs are given; at most %d are taken in one call", len(list), maxOutputs)
	}
	outputs := make(map[string]string, len(list))
	for i, o := range list {
		if o.Key == "" || o.ValueString == "" {
			return nil, invalid("output %d needs a key and a valueString, both of them not empty", i+1)
		}
		if _, twice := outputs[o.Key]; twice {
			return nil, invalid("the output %s is given twice; give each key once", clip(o.Key))
		}
		outputs[o.Key] = o.ValueString
	}
	return outputs, nil
}
