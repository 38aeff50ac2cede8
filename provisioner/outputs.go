package provisioner

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"unicode/utf8"
)

// Proton's limits on outputs.
const (
	outputsName   = "proton-outputs.json"
	maxOutputs    = 50
	maxOutputLen  = 1024
	maxOutputFile = 1 << 20
	outputsWanted = `want [{"key": "NAME", "valueString": "VALUE"}, …]`
)

// readOutputs reads the outputs that the commands left in the folder dir. No
// file means none. An error names everything that is wrong with the file.
func readOutputs(dir string, secrets map[string]string) (map[string]string, error) {
	// The commands made the file: it may be anything.
	file, err := os.OpenFile(filepath.Join(dir, outputsName), os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case errors.Is(err, syscall.ELOOP):
		return nil, errors.New(outputsName + " is a symbolic link, want a regular file; write the outputs into the file itself")
	case err != nil:
		return nil, fmt.Errorf("%s: %w", outputsName, errors.Unwrap(err))
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", outputsName, err)
	}
	if !info.Mode().IsRegular() {
		kind := "folder"
		if !info.IsDir() {
			kind = kindOf(info.Mode())
		}
		return nil, fmt.Errorf("%s is a %s, want a regular file", outputsName, kind)
	}
	text, err := io.ReadAll(io.LimitReader(file, maxOutputFile+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", outputsName, err)
	}
	if len(text) > maxOutputFile {
		return nil, fmt.Errorf("%s is larger than %d bytes; put large results elsewhere and hand out their address", outputsName, maxOutputFile)
	}
	outputs, problems := parseOutputs(text)
	for _, key := range slices.Sorted(maps.Keys(outputs)) {
		if m := newMask(secrets); m.all(key+outputs[key]) != key+outputs[key] {
			problems = append(problems, fmt.Sprintf("output %q holds the value of a secret; outputs are kept and shown, hand out a reference instead", key))
		}
	}
	if len(problems) > 0 {
		return nil, errors.New(outputsName + ": " + strings.Join(problems, "\n"+outputsName+": "))
	}
	return outputs, nil
}

// A pair is one output and where it stands in the file.
type pair struct{ where, key, value string }

// parseOutputs reads Proton's list of outputs, or what the CDK writes with
// --outputs-file, an object of stacks.
func parseOutputs(text []byte) (outputs map[string]string, problems []string) {
	var pairs []pair
	switch trimmed := bytes.TrimSpace(text); {
	case len(trimmed) == 0:
		return nil, []string{"is empty; " + outputsWanted + ", or no file at all"}
	case trimmed[0] == '{':
		pairs, problems = cdkOutputs(text)
	default:
		pairs, problems = listedOutputs(text)
	}
	if len(pairs) > maxOutputs {
		problems = append(problems, fmt.Sprintf("has %d outputs, want at most %d; join some", len(pairs), maxOutputs))
	}
	outputs = map[string]string{}
	first := map[string]string{}
	for _, p := range pairs {
		for _, part := range []struct{ name, text string }{{"key", p.key}, {"value", p.value}} {
			if n := utf8.RuneCountInString(part.text); n < 1 || n > maxOutputLen {
				problems = append(problems, fmt.Sprintf("%s: the %s of output %q has %d characters, want 1 to %d", p.where, part.name, shorten(p.key), n, maxOutputLen))
			}
		}
		if where, twice := first[p.key]; twice {
			problems = append(problems, fmt.Sprintf("%s: output %q was given in %s already; give each key once", p.where, shorten(p.key), where))
			continue
		}
		first[p.key] = p.where
		outputs[p.key] = p.value
	}
	return outputs, problems
}

func listedOutputs(text []byte) (pairs []pair, problems []string) {
	var list []any
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, []string{jsonProblem(text, err)}
	}
	for i, element := range list {
		where := fmt.Sprintf("entry %d", i+1)
		entry, ok := element.(map[string]any)
		if !ok {
			problems = append(problems, fmt.Sprintf("%s is %s, %s", where, kindOfJSON(element), outputsWanted))
			continue
		}
		p, before := pair{where: where}, len(problems)
		for _, member := range []struct {
			name string
			to   *string
		}{{"key", &p.key}, {"valueString", &p.value}} {
			value, given := entry[member.name]
			if text, ok := value.(string); ok {
				*member.to = text
			} else if given {
				problems = append(problems, fmt.Sprintf("%s: %s is %s, want a string (turn it into JSON text if need be)", where, member.name, kindOfJSON(value)))
			} else {
				problems = append(problems, fmt.Sprintf("%s: %s is missing, %s", where, member.name, outputsWanted))
			}
		}
		if len(problems) == before {
			pairs = append(pairs, p)
		}
	}
	return pairs, problems
}

func cdkOutputs(text []byte) (pairs []pair, problems []string) {
	var stacks map[string]any
	if err := json.Unmarshal(text, &stacks); err != nil {
		return nil, []string{jsonProblem(text, err)}
	}
	for _, stack := range slices.Sorted(maps.Keys(stacks)) {
		where := fmt.Sprintf("stack %q", shorten(stack))
		entries, ok := stacks[stack].(map[string]any)
		if !ok {
			problems = append(problems, fmt.Sprintf("%q is %s; %s, or the CDK's {\"STACK\": {\"NAME\": \"VALUE\"}}", shorten(stack), kindOfJSON(stacks[stack]), outputsWanted))
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(entries)) {
			value, ok := entries[key].(string)
			if !ok {
				problems = append(problems, fmt.Sprintf("%s: output %q is %s, want a string", where, shorten(key), kindOfJSON(entries[key])))
				continue
			}
			pairs = append(pairs, pair{where, key, value})
		}
	}
	return pairs, problems
}

// jsonProblem says where text stops being what it should be.
func jsonProblem(text []byte, err error) string {
	at := int64(len(text))
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		at = syntax.Offset
	case errors.As(err, &kind):
		return "holds " + kind.Value + "; " + outputsWanted
	}
	before := text[:max(0, at-1)]
	line := bytes.Count(before, []byte("\n")) + 1
	column := len(before) - bytes.LastIndexByte(before, '\n')
	return fmt.Sprintf("%d:%d: not JSON: %v; %s", line, column, err, outputsWanted)
}

func kindOfJSON(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case float64:
		return "a number"
	case string:
		return "a string"
	case []any:
		return "a list"
	}
	return "an object"
}

// shorten keeps a name from a file bearable in a message.
func shorten(name string) string {
	if runes := []rune(name); len(runes) > 60 {
		return string(runes[:60]) + "…"
	}
	return name
}
