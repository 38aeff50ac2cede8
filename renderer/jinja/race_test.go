//go:build race

package jinja_test

// slower is how many times slower code runs under the race detector.
const slower = 10
