package renderer

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"baryon/renderer/jinja"
)

// prettyJSON writes a value the way AWS Proton's files are written: two spaces
// for each object, a space before and after the colon, lists on the line they
// begin on, "{ }" and "[ ]" for empty ones, no newline at the end.
func prettyJSON(v any) []byte {
	var b strings.Builder
	writePretty(&b, v, "")
	return []byte(b.String())
}

func writePretty(b *strings.Builder, v any, indent string) {
	switch v := v.(type) {
	case *jinja.Dict:
		if v.Len() == 0 {
			b.WriteString("{ }")
			return
		}
		b.WriteString("{")
		for i, k := range v.Keys() {
			if i > 0 {
				b.WriteString(",")
			}
			b.WriteString("\n" + indent + "  ")
			writeText(b, k)
			b.WriteString(" : ")
			item, _ := v.Get(k)
			writePretty(b, item, indent+"  ")
		}
		b.WriteString("\n" + indent + "}")
	case []any:
		b.WriteString("[ ")
		for i, item := range v {
			if i > 0 {
				b.WriteString(", ")
			}
			writePretty(b, item, indent)
		}
		if len(v) > 0 {
			b.WriteString(" ")
		}
		b.WriteString("]")
	case string:
		writeText(b, v)
	default:
		b.WriteString(literal(v))
	}
}

// literal writes null, booleans and numbers, which JSON and HCL share.
func literal(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(v)
	case *big.Int:
		return v.String()
	case float64:
		text, err := json.Marshal(v)
		if err != nil {
			return "null"
		}
		if s := string(text); !strings.ContainsAny(s, ".e") {
			return s + ".0"
		}
		return string(text)
	}
	return fmt.Sprint(v)
}

// writeText quotes a string with no more escapes than JSON needs.
func writeText(b *strings.Builder, s string) {
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\b':
			b.WriteString(`\b`)
		case r == '\f':
			b.WriteString(`\f`)
		case r < 0x20:
			fmt.Fprintf(b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
}
