package proton

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"baryon/state"
)

// A connection is Proton's environment account connection. One daemon stands
// for both of its sides.
type connection struct {
	ID                  string    `json:"id"`
	EnvironmentName     string    `json:"environmentName"`
	ManagementAccountID string    `json:"managementAccountId"`
	AccountID           string    `json:"environmentAccountId"`
	Role                string    `json:"roleArn,omitempty"`
	CodebuildRole       string    `json:"codebuildRoleArn,omitempty"`
	ComponentRole       string    `json:"componentRoleArn,omitempty"`
	Status              string    `json:"status"`
	RequestedAt         time.Time `json:"requestedAt"`
	ModifiedAt          time.Time `json:"modifiedAt"`
}

const (
	connectionPending   = "PENDING"
	connectionConnected = "CONNECTED"
	connectionRejected  = "REJECTED"
)

func (h *Handler) connectionView(v connection, summary bool) object {
	o := object{
		"id": v.ID, "arn": h.arn("environment-account-connection/" + v.ID), "environmentName": v.EnvironmentName,
		"managementAccountId": v.ManagementAccountID, "environmentAccountId": v.AccountID, "roleArn": v.Role, "status": v.Status,
	}.set("requestedAt", v.RequestedAt).set("lastModifiedAt", v.ModifiedAt).set("componentRoleArn", v.ComponentRole)
	if !summary {
		o.set("codebuildRoleArn", v.CodebuildRole)
	}
	return o
}

type createConnectionInput struct {
	ClientToken         string `json:"clientToken"`
	EnvironmentName     string `json:"environmentName"`
	ManagementAccountID string `json:"managementAccountId"`
	roles
	Tags []tag `json:"tags"`
}

type roles struct {
	Role          *string `json:"roleArn"`
	CodebuildRole *string `json:"codebuildRoleArn"`
	ComponentRole *string `json:"componentRoleArn"`
}

func textOf(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

func (h *Handler) createConnection(ctx context.Context, c caller, in createConnectionInput) (any, error) {
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	there, err := h.cfg.Store.NumberOfRecords(ctx, connectionRecords)
	if err := h.room("environment account connections", there, err); err != nil {
		return nil, err
	}
	token := in.ClientToken
	in.ClientToken = ""
	id, err := h.once(ctx, "CreateEnvironmentAccountConnection", token, in, uuid.NewString())
	if err != nil {
		return nil, err
	}
	now := h.cfg.Now().UTC()
	made := connection{
		ID: id, EnvironmentName: in.EnvironmentName, ManagementAccountID: in.ManagementAccountID, AccountID: h.account(),
		Role: textOf(in.Role), CodebuildRole: textOf(in.CodebuildRole), ComponentRole: textOf(in.ComponentRole),
		Status: connectionPending, RequestedAt: now, ModifiedAt: now,
	}
	// The account is that of the roles: whoever asks is not known by account here.
	for _, role := range []string{made.Role, made.CodebuildRole, made.ComponentRole} {
		if parts := strings.Split(role, ":"); len(parts) > 5 {
			made.AccountID = parts[4]
			break
		}
	}
	tail := "environment-account-connection/" + id
	err = change(ctx, h, c, connectionRecords, id, "request-connection", tail, func(v connection, found bool) (*connection, error) {
		if found {
			made = v
		}
		return &made, nil
	})
	if err != nil {
		return nil, err
	}
	if err := h.setTags(ctx, tail, in.Tags); err != nil {
		return nil, err
	}
	return object{"environmentAccountConnection": h.connectionView(made, false)}, nil
}

type idInput struct {
	ID string `json:"id"`
}

func (h *Handler) findConnection(ctx context.Context, id string) (connection, error) {
	v, found, err := read[connection](ctx, h, connectionRecords, id)
	if err == nil && !found {
		err = missing("environment account connection %s does not exist", id)
	}
	return v, err
}

func (h *Handler) getConnection(ctx context.Context, _ caller, in idInput) (any, error) {
	v, err := h.findConnection(ctx, in.ID)
	return object{"environmentAccountConnection": h.connectionView(v, false)}, err
}

type listConnectionsInput struct {
	paging
	RequestedBy     string   `json:"requestedBy"`
	EnvironmentName string   `json:"environmentName"`
	Statuses        []string `json:"statuses"`
}

func (h *Handler) listConnections(ctx context.Context, _ caller, in listConnectionsInput) (any, error) {
	all, err := readAll[connection](ctx, h, connectionRecords)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(v connection) bool {
		return in.EnvironmentName != "" && v.EnvironmentName != in.EnvironmentName || len(in.Statuses) > 0 && !slices.Contains(in.Statuses, v.Status)
	})
	list := listOf("ListEnvironmentAccountConnections", []any{in.RequestedBy, in.EnvironmentName, in.Statuses})
	return answerAll(in.paging, list, "environmentAccountConnections", all, func(v connection) string { return v.ID },
		func(v connection) (object, error) { return h.connectionView(v, true), nil })
}

// changeConnection changes one connection and answers it.
func (h *Handler) changeConnection(ctx context.Context, c caller, id, verb string, fn func(*connection) error) (any, error) {
	var out connection
	err := change(ctx, h, c, connectionRecords, id, verb, "environment-account-connection/"+id, func(v connection, found bool) (*connection, error) {
		if !found {
			return nil, missing("environment account connection %s does not exist", id)
		}
		if err := fn(&v); err != nil {
			return nil, err
		}
		v.ModifiedAt = h.cfg.Now().UTC()
		out = v
		return &v, nil
	})
	return object{"environmentAccountConnection": h.connectionView(out, false)}, err
}

func (h *Handler) acceptConnection(ctx context.Context, c caller, in idInput) (any, error) {
	return h.changeConnection(ctx, c, in.ID, "accept-connection", func(v *connection) error {
		if v.Status == connectionRejected {
			return conflict("environment account connection %s was rejected, which is final; request another one", v.ID)
		}
		v.Status = connectionConnected
		return nil
	})
}

func (h *Handler) rejectConnection(ctx context.Context, c caller, in idInput) (any, error) {
	user, err := h.environmentOn(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return h.changeConnection(ctx, c, in.ID, "reject-connection", func(v *connection) error {
		if user != "" {
			return conflict("environment account connection %s is used by the environment %s; delete that first", v.ID, user)
		}
		v.Status = connectionRejected
		return nil
	})
}

// environmentOn is the environment that uses a connection, if there is one.
func (h *Handler) environmentOn(ctx context.Context, id string) (user string, err error) {
	err = h.eachTarget(ctx, state.KindEnvironment, func(t state.Target) error {
		if t.Desired.Connection == id {
			user = t.Ref.Name
		}
		return nil
	})
	return user, err
}

type updateConnectionInput struct {
	idInput
	roles
}

// updateConnection changes the roles of a connection, and with them those of the
// environment that uses it.
func (h *Handler) updateConnection(ctx context.Context, c caller, in updateConnectionInput) (any, error) {
	user, err := h.environmentOn(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	var now connection
	out, err := h.changeConnection(ctx, c, in.ID, "update-connection", func(v *connection) error {
		for to, given := range map[*string]*string{&v.Role: in.Role, &v.CodebuildRole: in.CodebuildRole, &v.ComponentRole: in.ComponentRole} {
			if given != nil {
				*to = *given
			}
		}
		now = *v
		return nil
	})
	if err != nil || user == "" {
		return out, err
	}
	return out, h.cfg.Store.Update(ctx, state.Fence{}, func(tx *state.Tx) error {
		return tx.Change(state.EnvironmentRef(user), func(t *state.Target) error {
			if t.Desired.Connection == now.ID {
				t.Desired.Role, t.Desired.CodebuildRole, t.Desired.ComponentRole = now.Role, now.CodebuildRole, now.ComponentRole
			}
			return nil
		})
	})
}

func (h *Handler) deleteConnection(ctx context.Context, c caller, in idInput) (any, error) {
	v, found, err := read[connection](ctx, h, connectionRecords, in.ID)
	if err != nil || !found {
		return object{}, err
	}
	tail := "environment-account-connection/" + in.ID
	err = change(ctx, h, c, connectionRecords, in.ID, "delete-connection", tail, func(connection, bool) (*connection, error) { return nil, nil })
	if err != nil {
		return nil, err
	}
	return object{"environmentAccountConnection": h.connectionView(v, false)}, h.dropTags(ctx, tail)
}
