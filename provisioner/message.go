package provisioner

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

const (
	maxNameRunes = 200 // of a command in a message
	maxTailLines = 15  // of output in a message
	maxTailBytes = 2000
)

// commandName names command k of a job for people: "command 2 of 3: npm install".
func commandName(k int, commands []string) string {
	if k < 1 || k > len(commands) {
		return fmt.Sprintf("command %d of %d", k, len(commands))
	}
	return fmt.Sprintf("command %d of %d: %s", k, len(commands), firstLine(commands[k-1]))
}

// firstLine is the first line of text that says something, cut to a bearable
// length.
func firstLine(text string) string {
	line, rest, more := strings.Cut(strings.TrimSpace(plain(text)), "\n")
	runes := []rune(line)
	if len(runes) > maxNameRunes {
		runes, more, rest = runes[:maxNameRunes], true, "cut"
	}
	if more && rest != "" {
		return string(runes) + " …"
	}
	return string(runes)
}

// escapes are the terminal's: CSI, OSC with its text, and the short ones.
var escapes = regexp.MustCompile(`\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(\x07|\x1b\\|$)|\x1b[PX^_][^\x1b]*(\x1b\\|$)|\x1b[ -/]*[0-~]`)

// plain makes text from a program safe to show: no escape sequences, no control
// characters but newlines, nothing that reorders or hides what is beside it.
func plain(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = escapes.ReplaceAllString(text, "")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r':
			return '\n' // progress bars return without going on
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsPrint(r):
			return r
		}
		return -1
	}, text)
}

// lastLines are the last lines of output that say something, as many as fit
// into a message.
func lastLines(output string) string {
	var lines []string
	size := 0
	all := strings.Split(plain(output), "\n")
	for i := len(all) - 1; i >= 0 && len(lines) < maxTailLines; i-- {
		line := strings.TrimRight(all[i], " ")
		if line == "" {
			continue
		}
		if size += len(line) + 1; size > maxTailBytes {
			if len(lines) == 0 {
				lines = append(lines, "… "+strings.ToValidUTF8(line[len(line)-maxTailBytes:], ""))
			}
			break
		}
		lines = append(lines, line)
	}
	slices.Reverse(lines)
	return strings.Join(lines, "\n")
}
