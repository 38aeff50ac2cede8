package provisioner

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestParseOutputs(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ü", 1024)
	many := make([]string, 51)
	for i := range many {
		many[i] = fmt.Sprintf(`{"key": "k%d", "valueString": "v"}`, i)
	}
	for name, tt := range map[string]struct {
		text     string
		want     map[string]string
		problems string
	}{
		"one":               {`[{"key": "url", "valueString": "https://x"}]`, map[string]string{"url": "https://x"}, ""},
		"none":              {" [ ]\n", map[string]string{}, ""},
		"more members":      {`[{"key": "a", "valueString": "b", "exportName": "c"}]`, map[string]string{"a": "b"}, ""},
		"as long as can be": {`[{"key": "a", "valueString": "` + long + `"}]`, map[string]string{"a": long}, ""},
		"as many as can be": {"[" + strings.Join(many[:50], ",") + "]", nil, ""},
		"the CDK's":         {`{"S1": {"Url": "u", "Arn": "a"}, "S2": {"Id": "1"}}`, map[string]string{"Url": "u", "Arn": "a", "Id": "1"}, ""},
		"the CDK's empty":   {`{"S1": {}}`, map[string]string{}, ""},

		"nothing":         {"\n", nil, `is empty; want [{"key": "NAME", "valueString": "VALUE"}, …], or no file at all`},
		"no JSON":         {"[\n  {\"key\": nope}]", nil, `2:12: not JSON: invalid character 'o' in literal null (expecting 'u'); want [{"key": "NAME", "valueString": "VALUE"}, …]`},
		"cut off":         {`[{"key": "a"`, nil, `1:12: not JSON: unexpected end of JSON input; want [{"key": "NAME", "valueString": "VALUE"}, …]`},
		"more after it":   {`[] []`, nil, `1:4: not JSON: invalid character '[' after top-level value; want [{"key": "NAME", "valueString": "VALUE"}, …]`},
		"a string":        {`"x"`, nil, `holds string; want [{"key": "NAME", "valueString": "VALUE"}, …]`},
		"a flat object":   {`{"url": "x"}`, nil, `"url" is a string; want [{"key": "NAME", "valueString": "VALUE"}, …], or the CDK's {"STACK": {"NAME": "VALUE"}}`},
		"a list of lists": {`[["a", "b"]]`, nil, `entry 1 is a list, want [{"key": "NAME", "valueString": "VALUE"}, …]`},
		"all at once": {
			`[{"key": "a", "valueString": 3}, {"key": "b"}, {"Key": "c", "valueString": "d"}, null, {"key": "ok", "valueString": "v"}]`, nil,
			`entry 1: valueString is a number, want a string (turn it into JSON text if need be)
entry 2: valueString is missing, want [{"key": "NAME", "valueString": "VALUE"}, …]
entry 3: key is missing, want [{"key": "NAME", "valueString": "VALUE"}, …]
entry 4 is null, want [{"key": "NAME", "valueString": "VALUE"}, …]`,
		},
		"empty ones": {
			`[{"key": "", "valueString": "x"}, {"key": "a", "valueString": ""}]`, nil,
			"entry 1: the key of output \"\" has 0 characters, want 1 to 1024\nentry 2: the value of output \"a\" has 0 characters, want 1 to 1024",
		},
		"too long": {`[{"key": "a", "valueString": "` + long + `x"}]`, nil, `entry 1: the value of output "a" has 1025 characters, want 1 to 1024`},
		"too many": {"[" + strings.Join(many, ",") + "]", nil, `has 51 outputs, want at most 50; join some`},
		"twice": {
			`[{"key": "a", "valueString": "1"}, {"key": "b", "valueString": "1"}, {"key": "a", "valueString": "2"}]`, nil,
			`entry 3: output "a" was given in entry 1 already; give each key once`,
		},
		"the same key in two stacks": {`{"S2": {"Url": "2"}, "S1": {"Url": "1"}}`, nil, `stack "S2": output "Url" was given in stack "S1" already; give each key once`},
		"a number of the CDK's":      {`{"S1": {"Port": 80}}`, nil, `stack "S1": output "Port" is a number, want a string`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, problems := parseOutputs([]byte(tt.text))
			if diff := cmp.Diff(tt.problems, strings.Join(problems, "\n")); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			if tt.want == nil {
				return
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("outputs (-want +got):\n%s", diff)
			}
		})
	}
}

// TestReadOutputs reads what commands may leave under the name of the file.
func TestReadOutputs(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		make func(file string) error
		want string // in the error
	}{
		"no file":  {func(string) error { return nil }, ""},
		"a file":   {func(file string) error { return os.WriteFile(file, []byte("[]"), 0o600) }, ""},
		"a link":   {func(file string) error { return os.Symlink("/etc/passwd", file) }, "proton-outputs.json is a symbolic link, want a regular file"},
		"a folder": {func(file string) error { return os.Mkdir(file, 0o700) }, "proton-outputs.json is a folder, want a regular file"},
		"a pipe":   {func(file string) error { return syscall.Mkfifo(file, 0o600) }, "proton-outputs.json is a named pipe, want a regular file"},
		"a giant":  {func(file string) error { return os.WriteFile(file, make([]byte, 2<<20), 0o600) }, "proton-outputs.json is larger than 1048576 bytes"},
		"wrong":    {func(file string) error { return os.WriteFile(file, []byte("[3,\n4]"), 0o600) }, "proton-outputs.json: entry 1 is a number, want [{\"key\": \"NAME\", \"valueString\": \"VALUE\"}, …]\nproton-outputs.json: entry 2 is"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := tt.make(filepath.Join(dir, outputsName)); err != nil {
				t.Fatal(err)
			}
			_, err := readOutputs(dir, nil)
			if (err == nil) != (tt.want == "") || err != nil && !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("err = %v, want %q", err, tt.want)
			}
		})
	}
}

// FuzzParseOutputs holds that outputs without problems keep Proton's limits and
// can be written as Proton's list and read again.
func FuzzParseOutputs(f *testing.F) {
	for _, seed := range []string{`[{"key": "a", "valueString": "b"}]`, `{"S": {"k": "v"}}`, `[]`, `{}`, `[1`, "", "null", `{"a":1}`, `[{"key":1}]`, "{\"\\ud800\":{\"a\":\"\\u0000\"}}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		outputs, problems := parseOutputs(text)
		if len(problems) > 0 {
			return
		}
		var list []map[string]string
		for key, value := range outputs {
			for _, part := range []string{key, value} {
				if n := utf8.RuneCountInString(part); n < 1 || n > 1024 || !utf8.ValidString(part) {
					t.Fatalf("output %q = %q breaks the limits", key, value)
				}
			}
			list = append(list, map[string]string{"key": key, "valueString": value})
		}
		written, err := json.Marshal(list)
		if err != nil || len(list) > 50 {
			t.Fatalf("%d outputs, err %v", len(list), err)
		}
		if len(list) == 0 {
			return
		}
		again, problems := parseOutputs(written)
		if diff := cmp.Diff(outputs, again); diff != "" || len(problems) > 0 {
			t.Errorf("read again: %q (-first +again)\n%s", problems, diff)
		}
	})
}
