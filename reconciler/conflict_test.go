package reconciler

import (
	"errors"
	"strings"
	"testing"

	"baryon/gitsource"
	"baryon/reconciler/declare"
	"baryon/state"
)

// commit takes over what the files are now, as a commit of its own.
func (w *world) commit() {
	w.t.Helper()
	w.now = w.now.Add(1e9)
	w.loop.cfg.Source = commitOf{folderSource{gitsource.NewFolder(w.files)}, w.now.String()}
	w.do(w.store.Wake(w.t.Context(), state.RepositoryRef("main")))
	w.pass()
}

// byHand changes an environment that the repository declares, as the API does.
func (w *world) byHand(ref state.Ref, size string) {
	w.t.Helper()
	doc, problems := declare.FromSpec(ref, declare.Header{Template: "net", Version: "1"}, "proton: EnvironmentSpec\nspec: {size: "+size+"}\n")
	w.do(problems.Err())
	problems, err := w.loop.Declare(w.t.Context(), Statement{Document: doc, Actor: "ann", Only: []state.Ref{ref}})
	w.do(errors.Join(problems.Err(), err))
	w.pass()
}

func TestBlockerKeepsWhatSomebodyChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Settings{})
	dev, prod := w.environment("dev", "", "small"), w.environment("prod", "", "small")
	w.commit()
	size := func(ref state.Ref, want string) {
		t.Helper()
		if got := w.target(ref); !strings.Contains(got.Deployed.Spec, "size: "+want) || got.Owner.Repository != "main" {
			t.Errorf("%s is deployed with %q and is %s's, want size %s and main", ref, got.Deployed.Spec, got.Owner.Repository, want)
		}
	}
	w.byHand(dev, "huge")
	size(dev, "huge")
	b, err := w.store.BlockerOf(t.Context(), dev)
	if err != nil || b == nil || b.Ref() != dev || !strings.Contains(b.CreatedReason, "ann") {
		t.Fatalf("the blocker is %+v, %v", b, err)
	}

	// Pushes pass it by, and a second change by hand adds no second blocker.
	w.environment("dev", "", "wide")
	w.environment("prod", "", "wide")
	w.commit()
	size(dev, "huge")
	size(prod, "wide")
	w.byHand(dev, "vast")
	size(dev, "vast")
	if all, err := w.store.Blockers(t.Context(), "", "", "", 10); err != nil || len(all) != 1 {
		t.Errorf("blockers %+v, %v", all, err)
	}

	// Not even its deletion in Git reaches it.
	delete(w.files, "dev.yaml")
	w.commit()
	if got := w.target(dev); got.Desired.Deleted {
		t.Error("what a blocker protects is deleted")
	}
	w.environment("dev", "", "wide")
	w.commit()

	// Resolving it puts back what Git says, without a new push.
	if _, err := w.store.Resolve(t.Context(), "bob", b.ID, "pushed"); err != nil {
		t.Fatal(err)
	}
	w.pass()
	size(dev, "wide")

	// What the API says of something else than the one target does not count.
	doc, problems := declare.FromSpec(prod, declare.Header{Template: "net", Version: "1"}, "proton: EnvironmentSpec\nspec: {size: huge}\n")
	w.do(problems.Err())
	if _, err := w.loop.Declare(t.Context(), Statement{Document: doc, Actor: "ann"}); !errors.As(err, new(*state.ConflictError)) {
		t.Errorf("without Only: %v", err)
	}
}

func TestOwnerConflict(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Settings{})
	for conflict, want := range map[string]string{"": ConflictBlocker, ConflictBlocker: ConflictBlocker, ConflictRefuse: ConflictRefuse, ConflictWriteBack: ConflictWriteBack} {
		w.loop.settings.Repositories[0].OwnerConflict = conflict
		if got, err := w.loop.Conflict(t.Context(), "main"); err != nil || got != want {
			t.Errorf("owner_conflict %q: %v, %v", conflict, got, err)
		}
	}
	if got, err := w.loop.Conflict(t.Context(), "gone"); err != nil || got != ConflictRefuse {
		t.Errorf("of a repository that is not configured: %v, %v", got, err)
	}
}
