package state

import (
	"strconv"
	"time"
)

// mapRows turns generated rows into nouns, stopping at the first that cannot be read.
func mapRows[R, N any](rows []R, noun func(R) (N, error)) ([]N, error) {
	out := make([]N, 0, len(rows))
	for _, row := range rows {
		n, err := noun(row)
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}

// micros and fromMicros convert between Go's times and the database's, where 0 is never.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

func itoa(n int) string { return strconv.Itoa(n) }
