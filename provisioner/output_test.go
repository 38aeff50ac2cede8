package provisioner

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestMask(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		secrets []string
		text    string
		want    string
	}{
		"none":                        {nil, "abcd", "abcd"},
		"one":                         {[]string{"abcd"}, "xabcdabcdx abc", "x********x abc"},
		"the longest wins":            {[]string{"abcd", "abcdef"}, "abcdef abcde", "**** ****e"},
		"one that overlaps itself":    {[]string{"abab"}, "abababab ababab", "******** ****ab"},
		"the beginning of another":    {[]string{"abcdX", "bcde"}, "abcde", "a****"},
		"each line of several":        {[]string{"line one\r\nline two\n"}, "line two, line one", "****, ****"},
		"short ones are left":         {[]string{"abc", ""}, "abc", "abc"},
		"bytes that are no character": {[]string{"\xff\xfe\x00\x01"}, "a\xff\xfe\x00\x01b", "a****b"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := newMask(secretMap(tt.secrets)).all(tt.text); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func secretMap(list []string) map[string]string {
	m := map[string]string{}
	for _, secret := range list {
		m[secret] = secret
	}
	return m
}

// TestMaskStream holds that it does not matter how the stream is cut, that
// nothing secret is left, and that nothing is lost.
func TestMaskStream(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		few := rapid.StringOfN(rapid.RuneFrom([]rune("ab\n")), 0, 8, -1)
		secrets := secretMap(rapid.SliceOfN(few, 0, 4).Draw(t, "secrets"))
		parts := rapid.SliceOfN(few, 0, 12).Draw(t, "parts")
		whole := strings.Join(parts, "")
		m := newMask(secrets)
		var got []byte
		for _, part := range parts {
			got = append(got, m.feed([]byte(part))...)
		}
		got = append(got, m.flush()...)
		if want := newMask(secrets).all(whole); string(got) != want {
			t.Fatalf("in parts %q, as a whole %q", got, want)
		}
		for _, secret := range m.secrets {
			if bytes.Contains(got, secret) {
				t.Fatalf("%q is left in %q", secret, got)
			}
		}
		if len(m.secrets) == 0 && string(got) != whole {
			t.Fatalf("without secrets: got %q, want %q", got, whole)
		}
	})
}

func TestPlain(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ text, want string }{
		"colours":              {"\x1b[1;31mred\x1b[0m", "red"},
		"a link":               {"\x1b]8;;http://evil\x1b\\text\x1b]8;;\x07", "text"},
		"a title, not ended":   {"a\x1b]0;title", "a"},
		"a device string":      {"a\x1bPq#0\x1b\\b", "ab"},
		"a lone escape":        {"a\x1b", "a"},
		"returns":              {"10%\r20%\r\nend", "10%\n20%\nend"},
		"tabs and the like":    {"a\tb\vc\u00a0d", "a b c d"},
		"what reorders":        {"a\u202eb\u2066c\u200bd", "abcd"},
		"no characters":        {"a\xff\xfeb", "a\ufffdb"},
		"NUL, bell, backspace": {"a\x00b\ac\bd", "abcd"},
		"letters of the world": {"grüße \u4e16\u754c 🚀", "grüße \u4e16\u754c 🚀"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := plain(tt.text); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// FuzzPlain holds that nothing gets into a message that is not printed, and
// that messages stay bearable.
func FuzzPlain(f *testing.F) {
	f.Add("a\x1b[31mb\r\n\tc\xff")
	f.Add("\x1b]0;t\x07 ü\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, got := range []string{plain(text), lastLines(text), firstLine(text)} {
			for _, r := range got {
				if r != '\n' && !unicode.IsPrint(r) {
					t.Fatalf("%q is in %q", r, got)
				}
			}
			if !utf8.ValidString(got) {
				t.Fatalf("%q is not valid", got)
			}
		}
		if got := lastLines(text); len(got) > maxTailBytes+20 || strings.Count(got, "\n") >= maxTailLines {
			t.Errorf("last lines: %d bytes", len(got))
		}
		if got := firstLine(text); utf8.RuneCountInString(got) > maxNameRunes+2 || strings.Contains(got, "\n") {
			t.Errorf("first line: %q", got)
		}
	})
}

func TestLines(t *testing.T) {
	t.Parallel()
	numbered := make([]string, 40)
	for i := range numbered {
		numbered[i] = strings.Repeat("x", i)
	}
	for name, tt := range map[string]struct{ got, want string }{
		"the last lines":          {lastLines("a\n\n b  \n\n"), "a\n b"},
		"no lines":                {lastLines("\n \n"), ""},
		"as many as are bearable": {lastLines(strings.Join(numbered, "\n")), strings.Join(numbered[25:], "\n")},
		"as long as is bearable":  {lastLines("first\n" + strings.Repeat("y", 1990) + "\nlast"), strings.Repeat("y", 1990) + "\nlast"},
		"one too long":            {lastLines(strings.Repeat("z", 5000)), "… " + strings.Repeat("z", maxTailBytes)},
		"a command":               {firstLine("\n  npm ci\n"), "npm ci"},
		"its first line":          {firstLine("if x; then\n  y\nfi"), "if x; then …"},
		"a long one":              {firstLine(strings.Repeat("ü", 300)), strings.Repeat("ü", maxNameRunes) + " …"},
		"its name":                {commandName(2, []string{"a", "b"}), "command 2 of 2: b"},
		"a name out of range":     {commandName(3, []string{"a", "b"}), "command 3 of 2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, tt.got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestOutputLimit holds the limit over several attempts, and that our own lines
// begin at a line's beginning.
func TestOutputLimit(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "log")
	for _, text := range []string{"12345", "678\n90", "never"} {
		o, err := openOutput(name, 10, newMask(nil))
		if err != nil {
			t.Fatal(err)
		}
		o.copy(strings.NewReader(text))
		if err := o.close(); err != nil {
			t.Error(err)
		}
	}
	o, err := openOutput(name, 10, newMask(nil))
	if err != nil {
		t.Fatal(err)
	}
	o.note("end")
	o.copy(strings.NewReader("==> command 2 of 3: x\nabc\ndef"))
	if got := o.lastLines(2, 3); got != "abc\ndef" {
		t.Errorf("last lines = %q, want those of the command although they are not in the log", got)
	}
	if err := o.close(); err != nil {
		t.Error(err)
	}
	const note = "==> the output limit of 10 bytes is reached, the rest is left out\n"
	log, rest, err := folder{filepath.Dir(name)}.readLog(0)
	if diff := cmp.Diff("12345678\n9\n"+note, string(log[:11+len(note)])); diff != "" || rest != 0 || err != nil {
		t.Errorf("log (-want +got):\n%s%d left, err %v", diff, rest, err)
	}
	if strings.Contains(string(log), "never") || strings.Contains(string(log), "abc") {
		t.Errorf("the log goes on after its limit:\n%s", log)
	}
}
