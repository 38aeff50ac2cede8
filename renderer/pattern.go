package renderer

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
)

// ecmaUnicode matches the one escape that ECMA-262 writes differently.
var ecmaUnicode = regexp.MustCompile(`\\u([0-9A-Fa-f]{4})`)

// compilePattern compiles a pattern of a schema, which is written for ECMA-262
// and matches anywhere in a text.
func compilePattern(pattern string) (*regexp.Regexp, error) {
	return regexp.Compile(ecmaUnicode.ReplaceAllString(pattern, `\x{$1}`))
}

// explainPattern names the limit that a pattern ran into. Patterns are matched
// in linear time, which is why some constructs of other engines are missing.
func explainPattern(err error, pattern string) (rule, next string) {
	for _, look := range []string{"(?=", "(?!", "(?<=", "(?<!"} {
		if strings.Contains(pattern, look) {
			return "the pattern uses look-around (" + look + "), which patterns that run in linear time (RE2) do not have",
				"write it without, or split it into enum, minLength and a simpler pattern"
		}
	}
	if e, ok := errors.AsType[*syntax.Error](err); ok {
		switch e.Code {
		case syntax.ErrInvalidEscape:
			if len(e.Expr) == 2 && e.Expr[1] >= '1' && e.Expr[1] <= '9' {
				return "the pattern uses a back-reference (" + e.Expr + "), which patterns that run in linear time (RE2) do not have", "write the repeated part out"
			}
			return "the pattern has an unknown escape " + e.Expr, ""
		case syntax.ErrInvalidRepeatSize, syntax.ErrLarge:
			return "the pattern repeats more than 1000 times, the limit of patterns that run in linear time (RE2)", "use maxLength for long repetitions"
		}
		return fmt.Sprintf("the pattern is not a regular expression (RE2): %s near %s", e.Code, shorten(e.Expr)), ""
	}
	return "the pattern is not a regular expression (RE2): " + err.Error(), ""
}
