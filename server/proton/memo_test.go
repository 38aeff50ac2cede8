package proton

import (
	"strconv"
	"testing"
)

func TestMemo(t *testing.T) {
	t.Parallel()
	m := memo{limit: 1000}
	made := 0
	ask := func(parts ...string) string {
		return m.text(func() string { made++; return parts[0] + "!" + parts[1] }, parts...)
	}
	for range 3 {
		if got := ask("ab", "c"); got != "ab!c" {
			t.Errorf("got %q", got)
		}
		if got := ask("a", "bc"); got != "a!bc" {
			t.Errorf("parts that join to the same text: got %q", got)
		}
	}
	if made != 2 {
		t.Errorf("made %d times, want 2", made)
	}
	for i := range 1000 {
		ask("ab", "c") // stays, being asked for
		ask(strconv.Itoa(i), "")
	}
	if made != 2+1000 {
		t.Errorf("made %d times, want 1002", made)
	}
	if n := len(m.young) + len(m.old); n > 100 {
		t.Errorf("remembers %d texts of 1000 bytes in all", n)
	}
}
