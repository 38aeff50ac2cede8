//go:build !linux

package jinja_test

import (
	"testing"
	"time"
)

// spent is the time on the wall where threads can't be measured alone.
func spent(*testing.T) time.Duration { return time.Since(began) }

var began = time.Now()
