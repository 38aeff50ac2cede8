package shim

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"baryon/server/proton/model"
)

// shorthand reads the AWS CLI's short form of structures:
//
//	key=Endpoint,valueString=http://x
//	s3={bucket=b,key=k}
//
// Values may be quoted with ' or ", and a backslash takes the next character
// as it is.
type shorthand struct {
	text  string
	at    int
	model *model.Model
}

func (p *shorthand) peek() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

// structure reads KEY=VALUE pairs up to the end character, or to the end of the
// text if that is empty.
func (p *shorthand) structure(shape, end string) (map[string]any, error) {
	sh := p.model.Shapes[shape]
	object := map[string]any{}
	for {
		equals := strings.IndexByte(p.text[p.at:], '=')
		if equals < 0 {
			return nil, errors.New("a = is missing")
		}
		key := strings.TrimSpace(p.text[p.at : p.at+equals])
		member, known := sh.Members[key]
		if !known {
			return nil, fmt.Errorf("%q is not one of %s", key, strings.Join(slices.Sorted(maps.Keys(sh.Members)), ", "))
		}
		if _, twice := object[key]; twice {
			return nil, fmt.Errorf("%q is given twice", key)
		}
		p.at += equals + 1
		value, err := p.value(member.Shape, end)
		if err != nil {
			return nil, err
		}
		object[key] = value
		switch c := p.peek(); {
		case c == ',':
			p.at++
		case c == 0 && end == "", end != "" && c == end[0]:
			return object, nil
		default:
			return nil, errors.New("a comma is missing")
		}
	}
}

func (p *shorthand) value(shape, end string) (any, error) {
	sh := p.model.Shapes[shape]
	switch {
	case sh.Type == "structure" && p.peek() == '{':
		p.at++
		object, err := p.structure(shape, "}")
		if err == nil {
			p.at++
		}
		return object, err
	case sh.Type == "structure", sh.Type == "list":
		return nil, errors.New("this is not understood in the short form here")
	case sh.Type == "integer":
		text, err := p.scalar(end)
		return json.Number(text), err
	}
	return p.scalar(end)
}

// scalar reads one value: quoted, or up to a comma or the end.
func (p *shorthand) scalar(end string) (string, error) {
	var b strings.Builder
	quote := p.peek()
	if quote == '\'' || quote == '"' {
		p.at++
	} else {
		quote = 0
	}
	for ; p.at < len(p.text); p.at++ {
		c := p.text[p.at]
		switch {
		case quote != 0 && c == quote:
			p.at++
			return b.String(), nil
		case c == '\\' && p.at+1 < len(p.text):
			p.at++
			b.WriteByte(p.text[p.at])
		case quote == 0 && (c == ',' || end != "" && c == end[0]):
			return fromFile(b.String())
		default:
			b.WriteByte(c)
		}
	}
	if quote != 0 {
		return "", fmt.Errorf("the closing %c is missing", quote)
	}
	return fromFile(b.String())
}
