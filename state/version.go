package state

import (
	"fmt"
	"strconv"
	"strings"
)

// A Version is the number of a template version. The zero Version means none.
type Version struct {
	Major int64 `json:"major"`
	Minor int64 `json:"minor"`
}

// String is MAJOR.MINOR, and empty for the zero Version: majors begin at 1.
func (v Version) String() string {
	if v.Major == 0 {
		return ""
	}
	return strconv.FormatInt(v.Major, 10) + "." + strconv.FormatInt(v.Minor, 10)
}

// Less orders versions.
func (v Version) Less(w Version) bool {
	return v.Major < w.Major || v.Major == w.Major && v.Minor < w.Minor
}

// A Follow says which version of a template something wants: a major ("1")
// follows its recommended minor, a full version ("1.10") stays on it. It is
// text, never a number: 1.10 is not 1.1.
type Follow string

// Parse splits f. Pinned tells whether a minor was given.
func (f Follow) Parse() (v Version, pinned bool, err error) {
	major, minor, pinned := strings.Cut(string(f), ".")
	if v.Major, err = versionNumber(major); err != nil || v.Major == 0 {
		return Version{}, false, f.err()
	}
	if pinned {
		if v.Minor, err = versionNumber(minor); err != nil {
			return Version{}, false, f.err()
		}
	}
	return v, pinned, nil
}

func (f Follow) err() error {
	return fmt.Errorf("version %q: want a major such as \"1\", or a version such as \"1.10\"", string(f))
}

// versionNumber reads Proton's version number pattern: no sign, no leading zero.
func versionNumber(s string) (int64, error) {
	if s == "" || len(s) > 1 && s[0] == '0' || strings.Trim(s, "0123456789") != "" {
		return 0, fmt.Errorf("%q is not a version number", s)
	}
	return strconv.ParseInt(s, 10, 64)
}
