package proton

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"unicode/utf8"
)

// readBody reads a body of bounded size.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, &Error{Type: "RequestEntityTooLargeException", status: http.StatusRequestEntityTooLarge,
			Message: fmt.Sprintf("the body is larger than %d bytes", maxBody)}
	}
	if err != nil {
		return nil, malformed("the body could not be read: %v", err)
	}
	return body, nil
}

// parse reads a body as encoding/json would, and refuses what that lets pass:
// members given twice, text after the end, bytes that are not UTF-8, and depth
// that no request needs.
func parse(body []byte) (map[string]any, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return map[string]any{}, nil
	}
	if !utf8.Valid(body) {
		return nil, malformed("the body is not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	value, err := parseValue(dec, 0)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, malformed("text follows the JSON object")
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, malformed("the body is no JSON object")
	}
	return object, nil
}

func parseValue(dec *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, malformed("the body is nested deeper than %d levels", maxDepth)
	}
	token, err := dec.Token()
	if err != nil {
		return nil, badJSON(dec, err)
	}
	switch token {
	case json.Delim('{'):
		return parseObject(dec, depth)
	case json.Delim('['):
		list := []any{}
		for dec.More() {
			item, err := parseValue(dec, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, item)
		}
		_, err := dec.Token()
		return list, badJSON(dec, err)
	}
	return token, nil
}

func parseObject(dec *json.Decoder, depth int) (any, error) {
	object := map[string]any{}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return nil, badJSON(dec, err)
		}
		name, _ := token.(string) // the decoder accepts no other name
		if _, twice := object[name]; twice {
			return nil, malformed("the member %q is given twice", clip(name))
		}
		if object[name], err = parseValue(dec, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := dec.Token()
	return object, badJSON(dec, err)
}

func badJSON(dec *json.Decoder, err error) error {
	if err == nil {
		return nil
	}
	return malformed("the body is not JSON at byte %d: %v", dec.InputOffset(), err)
}

func malformed(format string, args ...any) *Error {
	return &Error{Type: "SerializationException", status: http.StatusBadRequest, Message: fmt.Sprintf(format, args...)}
}

// clip keeps what a client sent bearable in a message.
func clip(text string) string {
	if r := []rune(text); len(r) > 100 {
		return string(r[:100]) + "…"
	}
	return text
}
