package state

import (
	"context"

	"baryon/state/db"
)

// A LogChunk is a piece of the output of a deployment.
type LogChunk struct {
	Begins int64 // the offset of its first byte
	Data   []byte
}

// AppendLog keeps output that begins at an offset. Writing the same chunk
// again changes nothing, so it may be repeated after a crash.
func (tx *Tx) AppendLog(deployment string, begins int64, data []byte) error {
	if len(data) == 0 {
		return nil
	}
	return tx.q.AppendLog(tx.ctx, db.AppendLogParams{
		Deployment: deployment, Begins: begins, Ends: begins + int64(len(data)), Data: data, Now: tx.now,
	})
}

// LogSize is how many bytes of a deployment's output are kept.
func (s *Store) LogSize(ctx context.Context, deployment string) (int64, error) {
	return s.queries().LogSize(ctx, deployment)
}

// logPage bounds what one reading of a log holds in memory.
const logPage = 64

// Log reads output from an offset on, some chunks at a time: an empty answer
// means that there is no more yet.
func (s *Store) Log(ctx context.Context, deployment string, from int64) ([]LogChunk, error) {
	rows, err := s.queries().Log(ctx, db.LogParams{Deployment: deployment, After: from, Most: logPage})
	if err != nil {
		return nil, err
	}
	chunks := make([]LogChunk, 0, len(rows))
	for _, row := range rows {
		c := LogChunk{Begins: row.Begins, Data: row.Data}
		if c.Begins < from {
			c.Data = c.Data[from-c.Begins:]
			c.Begins = from
		}
		chunks = append(chunks, c)
	}
	return chunks, nil
}
