package proton

import (
	"context"
	"strings"

	"baryon/state"
)

// A link is Proton's Repository: a name for a repository that other things
// refer to. The connection is kept as it was given: this daemon reads Git with
// the credentials of its own configuration.
type link struct {
	Provider      string `json:"provider"`
	Name          string `json:"name"`
	ConnectionARN string `json:"connectionArn"`
	EncryptionKey string `json:"encryptionKey,omitempty"`
}

// repositoryTail is the name in the resource name of a link, such as github:acme/shop.
func repositoryTail(provider, name string) string { return strings.ToLower(provider) + ":" + name }

func (h *Handler) linkView(l link, summary bool) object {
	o := object{"arn": h.arn("repository/" + repositoryTail(l.Provider, l.Name)), "provider": l.Provider, "name": l.Name, "connectionArn": l.ConnectionARN}
	if !summary {
		o.set("encryptionKey", l.EncryptionKey)
	}
	return o
}

// linked refuses a repository that is not linked.
func (h *Handler) linked(ctx context.Context, b *repositoryBranch) error {
	if b == nil {
		return nil
	}
	_, found, err := read[link](ctx, h, linkRecords, repositoryTail(b.Provider, b.Name))
	if err == nil && !found {
		err = missing("repository %s of %s is not linked; link it with CreateRepository first", b.Name, b.Provider)
	}
	return err
}

type createRepositoryInput struct {
	link
	Tags []tag `json:"tags"`
}

func (h *Handler) createRepository(ctx context.Context, c caller, in createRepositoryInput) (any, error) {
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	key := repositoryTail(in.Provider, in.Name)
	err := change(ctx, h, c, linkRecords, key, "link-repository", "repository/"+key, func(old link, found bool) (*link, error) {
		if found && (old.ConnectionARN != in.ConnectionARN || old.EncryptionKey != in.EncryptionKey) {
			return nil, conflict("repository %s of %s is linked already, with the connection %s", in.Name, in.Provider, old.ConnectionARN)
		}
		return &in.link, nil
	})
	if err != nil {
		return nil, err
	}
	return object{"repository": h.linkView(in.link, false)}, h.setTags(ctx, "repository/"+key, in.Tags)
}

func (h *Handler) getRepository(ctx context.Context, _ caller, in link) (any, error) {
	l, found, err := read[link](ctx, h, linkRecords, repositoryTail(in.Provider, in.Name))
	if err == nil && !found {
		err = missing("repository %s of %s is not linked", in.Name, in.Provider)
	}
	return object{"repository": h.linkView(l, false)}, err
}

func (h *Handler) listRepositories(ctx context.Context, _ caller, in struct{ paging }) (any, error) {
	all, err := readAll[link](ctx, h, linkRecords)
	if err != nil {
		return nil, err
	}
	return answerAll(in.paging, listOf("ListRepositories", nil), "repositories", all,
		func(l link) string { return repositoryTail(l.Provider, l.Name) }, func(l link) (object, error) { return h.linkView(l, true), nil })
}

// deleteRepository takes a link away that nothing refers to.
func (h *Handler) deleteRepository(ctx context.Context, c caller, in link) (any, error) {
	key := repositoryTail(in.Provider, in.Name)
	l, found, err := read[link](ctx, h, linkRecords, key)
	if err != nil || !found {
		return object{}, err
	}
	user, err := h.userOfLink(ctx, l)
	if err != nil {
		return nil, err
	}
	if user != "" {
		return nil, conflict("repository %s is used by %s", in.Name, user)
	}
	err = change(ctx, h, c, linkRecords, key, "unlink-repository", "repository/"+key, func(link, bool) (*link, error) { return nil, nil })
	if err != nil {
		return nil, err
	}
	return object{"repository": h.linkView(l, false)}, h.dropTags(ctx, "repository/"+key)
}

// userOfLink is something that refers to a link, if there is anything.
func (h *Handler) userOfLink(ctx context.Context, l link) (user string, err error) {
	s, _, err := read[settings](ctx, h, settingsRecords, theAccount)
	if err != nil {
		return "", err
	}
	if r := s.Repository; r != nil && r.Name == l.Name && r.Provider == l.Provider {
		return "the account settings", nil
	}
	configs, err := h.cfg.Store.SyncConfigs(ctx)
	if err != nil {
		return "", err
	}
	for _, c := range configs {
		if c.Link == l.Name && c.Provider == l.Provider {
			return "the sync configuration of " + c.Name, nil
		}
	}
	err = h.eachTarget(ctx, state.KindEnvironment, func(t state.Target) error {
		if r := t.Desired.Repository; r.ID == l.Name && r.Provider == l.Provider {
			user = t.Ref.String()
		}
		return nil
	})
	return user, err
}
