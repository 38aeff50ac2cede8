// Command gen rewrites model.json from the published model of the AWS Proton
// API, which the AWS CLI carries (botocore/data/proton/2020-07-20, Apache-2.0).
// It knows which parts of that model are needed and drops its prose. It refuses
// to know what the operations do.
//
//	go run ./server/proton/model/gen [FOLDER]
package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"baryon/server/proton/model"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "gen: "+err.Error())
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	var dir string
	switch len(args) {
	case 0:
		found, err := folder(ctx)
		if err != nil {
			return err
		}
		dir = found
	case 1:
		dir = args[0]
	default:
		return errors.New("usage: gen [FOLDER], where FOLDER holds service-2.json, paginators-1.json and waiters-2.json")
	}
	text, err := build(dir)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join("server", "proton", "model", "model.json"), text, 0o644)
}

// folder is where the botocore that python3 finds keeps the model.
func folder(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "python3", "-c", "import botocore; print(botocore.__path__[0])").Output()
	if err != nil {
		return "", fmt.Errorf("python3 has no botocore: %w; name the folder of the model", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "data", "proton", "2020-07-20"), nil
}

// published is the part of botocore's files that is read.
type published struct {
	Metadata struct {
		TargetPrefix string `json:"targetPrefix"`
	} `json:"metadata"`
	Operations map[string]struct {
		Input      reference   `json:"input"`
		Output     reference   `json:"output"`
		Errors     []reference `json:"errors"`
		Idempotent bool        `json:"idempotent"`
	} `json:"operations"`
	Shapes map[string]struct {
		Type    string          `json:"type"`
		Members map[string]user `json:"members"`
		Member  reference       `json:"member"`

		Required  []string `json:"required"`
		Enum      []string `json:"enum"`
		Pattern   string   `json:"pattern"`
		Min       *int     `json:"min"`
		Max       *int     `json:"max"`
		Sensitive bool     `json:"sensitive"`
		Union     bool     `json:"union"`
	} `json:"shapes"`
}

type reference struct {
	Shape string `json:"shape"`
}

type user struct {
	Shape string `json:"shape"`
	Token bool   `json:"idempotencyToken"`
}

// build is the text of model.json for the model in a folder.
func build(dir string) ([]byte, error) {
	var in published
	var pages struct {
		Pagination map[string]model.Paginator `json:"pagination"`
	}
	var waits struct {
		Waiters map[string]model.Waiter `json:"waiters"`
	}
	for name, into := range map[string]any{"service-2.json": &in, "paginators-1.json": &pages, "waiters-2.json": &waits} {
		if err := read(filepath.Join(dir, name), into); err != nil {
			return nil, err
		}
	}
	out := model.Model{
		Target: in.Metadata.TargetPrefix, Operations: map[string]model.Operation{}, Shapes: map[string]*model.Shape{},
		Paginators: pages.Pagination, Waiters: waits.Waiters,
	}
	for name, op := range in.Operations {
		kept := model.Operation{Input: op.Input.Shape, Output: op.Output.Shape, Idempotent: op.Idempotent}
		for _, e := range op.Errors {
			kept.Errors = append(kept.Errors, e.Shape)
		}
		out.Operations[name] = kept
	}
	for name, s := range in.Shapes {
		kept := &model.Shape{
			Type: s.Type, Required: s.Required, Enum: s.Enum, Pattern: s.Pattern, Min: s.Min, Max: s.Max,
			Sensitive: s.Sensitive, Union: s.Union, Element: s.Member.Shape,
		}
		for member, m := range s.Members {
			if kept.Members == nil {
				kept.Members = map[string]model.Member{}
			}
			kept.Members[member] = model.Member{Shape: m.Shape, Token: m.Token}
		}
		out.Shapes[name] = kept
	}
	return layOut(out)
}

// layOut writes one line for each operation and shape, so that a difference
// between two models reads as one.
func layOut(m model.Model) ([]byte, error) {
	whole, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(whole, &parts); err != nil {
		return nil, err
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, "{\"target\": %s", parts["target"])
	for _, part := range []string{"operations", "paginators", "waiters", "shapes"} {
		fmt.Fprintf(&text, ",\n%q: {", part)
		dec := json.NewDecoder(bytes.NewReader(parts[part]))
		if _, err := dec.Token(); err != nil {
			return nil, err
		}
		for first := true; dec.More(); first = false {
			name, err := dec.Token()
			if err != nil {
				return nil, err
			}
			var value json.RawMessage
			if err := dec.Decode(&value); err != nil {
				return nil, err
			}
			if !first {
				text.WriteString(",")
			}
			fmt.Fprintf(&text, "\n %q: %s", name, value)
		}
		text.WriteString("\n}")
	}
	text.WriteString("}\n")
	return text.Bytes(), nil
}

// read decodes a file, or the same compressed.
func read(path string, into any) error {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		file, err = os.Open(path + ".gz")
	}
	if err != nil {
		return err
	}
	defer file.Close()
	var r io.Reader = file
	if strings.HasSuffix(file.Name(), ".gz") {
		if r, err = gzip.NewReader(file); err != nil {
			return fmt.Errorf("%s: %w", file.Name(), err)
		}
	}
	if err := json.NewDecoder(r).Decode(into); err != nil {
		return fmt.Errorf("%s: %w", file.Name(), err)
	}
	return nil
}
