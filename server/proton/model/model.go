// Package model is the published model of the AWS Proton API, as a table:
// which operations there are, the shapes of what goes in and comes out, and
// the constraints of each. It knows how to tell whether a value has a shape.
//
// It refuses to know what the operations mean, who calls them, and HTTP.
//
// The table is model.json, made by the program in gen from what the AWS CLI
// carries.
package model

import (
	_ "embed" // model.json
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

//go:generate go run ./gen

//go:embed model.json
var table []byte

// A Model is the whole table.
type Model struct {
	Target     string               `json:"target"` // what X-Amz-Target begins with, without the dot
	Operations map[string]Operation `json:"operations"`
	Paginators map[string]Paginator `json:"paginators"`
	Waiters    map[string]Waiter    `json:"waiters"`
	Shapes     map[string]*Shape    `json:"shapes"`
}

// An Operation names its shapes.
type Operation struct {
	Input      string   `json:"input"`
	Output     string   `json:"output"`
	Idempotent bool     `json:"idempotent,omitempty"`
	Errors     []string `json:"errors,omitempty"`
}

// A Shape is what a value must look like. Type is structure, list, string,
// integer, boolean or timestamp.
type Shape struct {
	Type      string            `json:"type"`
	Members   map[string]Member `json:"members,omitempty"`  // of a structure
	Required  []string          `json:"required,omitempty"` // of a structure
	Union     bool              `json:"union,omitempty"`    // exactly one member is given
	Element   string            `json:"element,omitempty"`  // of a list
	Enum      []string          `json:"enum,omitempty"`
	Pattern   string            `json:"pattern,omitempty"`
	Min       *int              `json:"min,omitempty"` // of a length or a number
	Max       *int              `json:"max,omitempty"`
	Sensitive bool              `json:"sensitive,omitempty"` // never shown or logged

	pattern *regexp.Regexp
}

// A Member is one field of a structure. Clients fill in a Token by themselves.
type Member struct {
	Shape string `json:"shape"`
	Token bool   `json:"token,omitempty"`
}

// A Paginator tells how the pages of a list are asked for.
type Paginator struct {
	In     string `json:"input_token"`
	Out    string `json:"output_token"`
	Limit  string `json:"limit_key,omitempty"`
	Result string `json:"result_key"`
}

// A Waiter asks an operation again and again until something is so.
type Waiter struct {
	Operation string     `json:"operation"`
	Delay     int        `json:"delay"` // seconds
	Attempts  int        `json:"maxAttempts"`
	Acceptors []Acceptor `json:"acceptors"`
}

// An Acceptor ends a wait, as a success or a failure.
type Acceptor struct {
	Matcher  string `json:"matcher"` // path or error
	Argument string `json:"argument,omitempty"`
	Expected string `json:"expected"`
	State    string `json:"state"`
}

// Load reads the table.
func Load() (*Model, error) {
	m := &Model{}
	if err := json.Unmarshal(table, m); err != nil {
		return nil, fmt.Errorf("model of the API: %w", err)
	}
	for name, s := range m.Shapes {
		if s.Pattern == "" {
			continue
		}
		var err error
		if s.pattern, err = regexp.Compile(s.Pattern); err != nil {
			return nil, fmt.Errorf("model of the API: shape %s: %w", name, err)
		}
	}
	return m, nil
}

// Named finds the operation or the waiter that the AWS CLI calls by a name such
// as get-service; the answer is its own name, such as GetService.
func Named[T any](table map[string]T, name string) (string, bool) {
	for proper := range table {
		if Hyphenated(proper) == name {
			return proper, true
		}
	}
	return "", false
}

// Hyphenated is how the AWS CLI writes a name: get-service for GetService,
// service-instance-name for serviceInstanceName.
func Hyphenated(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
