package reconciler

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"baryon/gitsource"
	"baryon/state"
)

// A branch takes commits into the world's folder. Before the first ones somebody
// else pushes.
type branch struct {
	w      *world
	others []string // what net's dev.yaml is before each push that so comes too late
	pushed []gitsource.Change
}

func (b *branch) Push(_ context.Context, _ gitsource.Repo, c gitsource.Change) (string, error) {
	if len(b.others) > 0 {
		b.w.environment("dev", b.others[0], "small")
		b.others = b.others[1:]
		b.w.loop.cfg.Source = commitOf{folderSource{gitsource.NewFolder(b.w.files)}, "another"}
		return "", &gitsource.Error{Op: "push", Kind: gitsource.KindMoved}
	}
	b.pushed = append(b.pushed, c)
	for _, f := range c.Files {
		if b.w.files[f.Path] = (&fstest.MapFile{Data: f.Data}); f.Gone {
			delete(b.w.files, f.Path)
		}
	}
	b.w.loop.cfg.Source = commitOf{folderSource{gitsource.NewFolder(b.w.files)}, "written"}
	return "written", nil
}

func TestWriteBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Settings{})
	w.loop.settings.Repositories[0].OwnerConflict = ConflictWriteBack
	b := &branch{w: w, others: []string{", labels: {by: other}"}}
	w.loop.cfg.Writer = b
	dev, prod := w.environment("dev", "", "small"), w.environment("prod", "", "small")
	w.commit()
	write := func(ref state.Ref, size string) error {
		spec := "proton: EnvironmentSpec\nspec: {size: " + size + "}\n"
		problems, err := w.loop.WriteBack(t.Context(), Amendment{Ref: ref, Actor: "ann", Call: "UpdateEnvironment", Spec: &spec}, Terms{})
		return errors.Join(problems.Err(), err)
	}

	// Somebody was first: both changes hold.
	w.do(write(dev, "wide"))
	const both = "proton: EnvironmentSpec\nbaryon: {environment: dev, template: net, version: \"1\", labels: {by: other}}\nspec: {size: wide}\n"
	if len(b.pushed) != 1 || string(b.pushed[0].Files[0].Data) != both || b.pushed[0].Author != "ann" || b.pushed[0].Parent != "another" {
		t.Fatalf("pushed was %+v", b.pushed)
	}
	if got := w.target(dev); got.Generation != 2 || got.Desired.Origin.Commit != "written" || got.Desired.Labels["by"] != "other" {
		t.Errorf("before the next look it is %+v", got.Desired)
	}
	w.pass()
	if got := w.target(dev); got.Generation != 2 || !strings.Contains(got.Deployed.Spec, "size: wide") || got.Owner.Repository != "main" {
		t.Errorf("after it, generation %d and deployed %q", got.Generation, got.Deployed.Spec)
	}

	// What is so already needs no commit; what the schema refuses makes none.
	w.do(write(dev, "wide"))
	if err := write(dev, "[1]"); err == nil || !strings.Contains(err.Error(), "dev.yaml:3") {
		t.Errorf("a wrong spec: %v", err)
	}
	// Too late again and again is a conflict.
	var clash *state.ConflictError
	b.others = []string{"", ", labels: {by: other}", "", ", labels: {by: other}"}
	if err := write(dev, "huge"); !errors.As(err, &clash) || !strings.Contains(err.Error(), string(gitsource.KindMoved)) {
		t.Errorf("always too late: %v", err)
	}
	// Whoever changes the target in between leaves the commit to the next look.
	calls := 0
	_, err := w.loop.WriteBack(t.Context(), Amendment{Ref: dev, Actor: "ann", Call: "UpdateEnvironment", Header: map[string]string{"description": "d"}}, Terms{
		Check: func(*state.Tx) error {
			if calls++; calls == 2 {
				return errors.New("it is changing")
			}
			return nil
		}})
	if !errors.As(err, &clash) || !strings.Contains(err.Error(), "was written as commit written") {
		t.Errorf("changed in between: %v", err)
	}
	// A blocker goes first.
	w.byHand(prod, "huge")
	if err := write(prod, "wide"); !errors.As(err, &clash) || !strings.Contains(err.Error(), "baryon unblock") {
		t.Errorf("behind a blocker: %v", err)
	}
	// So does a repository that says nothing of it any more.
	w.write("dev.yaml", "nothing: here\n")
	w.loop.cfg.Source = commitOf{folderSource{gitsource.NewFolder(w.files)}, "empty"}
	if err := write(dev, "huge"); !errors.As(err, &clash) || !strings.Contains(err.Error(), "declares environment/dev any more") {
		t.Errorf("without its document: %v", err)
	}
	if len(b.pushed) != 2 {
		t.Errorf("%d commits were pushed, want 2", len(b.pushed))
	}
}
