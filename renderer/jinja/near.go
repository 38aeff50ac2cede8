package jinja

import (
	"iter"
	"slices"
	"strings"
)

func keys(sequences ...iter.Seq[string]) []string {
	var list []string
	for _, seq := range sequences {
		for k := range seq {
			list = append(list, k)
		}
	}
	return list
}

// maxNear is how many names an error offers, maxNearLength how long a name
// may be to be compared at all.
const (
	maxNear       = 3
	maxNearLength = 64
	maxNearNames  = 2000
)

// near picks the names that look most like the one that was not found.
func near(name string, from []string) []string {
	if len(name) > maxNearLength || len(from) > maxNearNames {
		return nil
	}
	type match struct {
		name     string
		distance int
	}
	var matches []match
	for _, other := range from {
		if other == name || len(other) > maxNearLength {
			continue
		}
		d := distance(strings.ToLower(name), strings.ToLower(other))
		if d <= 1+max(len(name), len(other))/4 {
			matches = append(matches, match{other, d})
		}
	}
	slices.SortStableFunc(matches, func(a, b match) int {
		if a.distance != b.distance {
			return a.distance - b.distance
		}
		return strings.Compare(a.name, b.name)
	})
	var list []string
	for _, m := range matches {
		if len(list) < maxNear && !slices.Contains(list, m.name) {
			list = append(list, m.name)
		}
	}
	return list
}

// distance counts the insertions, deletions, replacements and swaps of
// neighbours that turn a into b.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	before, last := make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row := make([]int, len(y)+1)
		row[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(y)]
}
