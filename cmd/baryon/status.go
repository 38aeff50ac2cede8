package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	v1 "baryon/server/v1"
)

func statusCommand() *cobra.Command {
	var c connection
	var out format
	var watch bool
	cmd := &cobra.Command{
		Use: "status", Short: "Show everything as a tree",
		Long: `Shows repositories, environments with the instances and components in them,
services with their instances and pipelines, and what is wrong with files: for each
its version, state, last change and why. With --watch it is shown again whenever it
changes, until Ctrl-C. It is as wide as the terminal, or as COLUMNS says; colours
are for terminals alone, and not where NO_COLOR is set.`,
		Example: "  baryon status\n  baryon status --watch\n  baryon status -o json | jq .counts", Args: upTo(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			if watch {
				return watchStatus(cmd.Context(), client, &out, cmd.OutOrStdout())
			}
			text, err := statusText(cmd.Context(), client, &out, paperOf(cmd.OutOrStdout()))
			if err != nil {
				return asked(err)
			}
			_, err = cmd.OutOrStdout().Write(text)
			return err
		},
	}
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "show it again whenever it changes")
	c.flags(cmd)
	out.flag(cmd)
	return cmd
}

func statusText(ctx context.Context, c *v1.Client, out *format, look paper) ([]byte, error) {
	var s v1.Status
	if err := c.Get(ctx, "status", nil, &s); err != nil {
		return nil, err
	}
	var text bytes.Buffer
	err := out.print(&text, s, func() { printStatus(&text, s, look) })
	return text.Bytes(), err
}

// lookEvery is how often watch asks.
const lookEvery = time.Second

// watchStatus shows the status when it has changed: in place on a terminal, one
// after the other elsewhere.
func watchStatus(ctx context.Context, c *v1.Client, out *format, w io.Writer) error {
	before := ""
	if terminal(w) {
		before = "\x1b[H\x1b[2J"
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var last []byte
	for {
		text, err := statusText(ctx, c, out, paperOf(w))
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && last == nil:
			return asked(err)
		case err != nil:
			text = []byte(asked(err).Error() + "\n")
		}
		if !bytes.Equal(text, last) {
			if _, err := fmt.Fprintf(w, "%s%s", before, text); err != nil {
				return err
			}
			last = text
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// terminal reports whether somebody looks at w.
func terminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func printStatus(w io.Writer, s v1.Status, look paper) {
	if c := s.Setup.Configuration; c != nil {
		for _, p := range c.Problems {
			fmt.Fprintf(w, "configuration ignored: %s\n", firstLine(p))
		}
		for _, p := range c.Pending {
			fmt.Fprintf(w, "configuration: %s\n", p)
		}
	}
	for _, r := range s.Repositories {
		fmt.Fprintf(w, "repository/%s  %s  %s %s\n", r.Name, r.State, shortCommit(r.Commit), firstLine(r.Subject))
		if r.Error != "" {
			fmt.Fprintf(w, "    %s\n", firstLine(r.Error))
		}
		if r.Degraded != "" {
			fmt.Fprintf(w, "    nothing is deleted: %s\n", firstLine(r.Degraded))
		}
	}
	if rows := tree(s); len(rows) > 0 {
		fmt.Fprintln(w)
		look.rows(w, rows)
	} else {
		fmt.Fprintln(w, "nothing is declared yet; push a document to a configured repository")
	}
	if len(s.Problems) > 0 {
		fmt.Fprintln(w)
	}
	for _, p := range s.Problems {
		fmt.Fprintf(w, "problem in %s: %s\n", p.Repository, v1.Plain([]byte(p.Problem.String())))
	}
}
