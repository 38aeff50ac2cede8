package provisioner

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
)

// tailSize is how much of the newest output a failure message can draw on.
const tailSize = 8 << 10

// An output is the log of a job while it is written.
type output struct {
	mu     sync.Mutex
	file   *os.File
	mask   *mask
	reader *reader // nil: the log is what is printed
	size   int64
	max    int64
	cut    bool   // nothing more goes to the file
	bare   bool   // the log ends within a line
	dirty  bool   // since the last sync
	tail   []byte // the newest output, also of what is cut
	err    error  // the first that kept something from the file
}

// openOutput goes on with the log of earlier attempts, if there is one.
func openOutput(name string, limit int64, m *mask) (*output, error) {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, err
	}
	return &output{file: file, mask: m, size: info.Size(), max: limit, bare: info.Size() > 0}, nil
}

// copy takes all that r gives. It never stops reading, also when nothing more
// can be kept: that would stop the commands.
func (o *output) copy(r io.Reader) {
	buf := make([]byte, 64<<10)
	for {
		n, err := r.Read(buf)
		o.mu.Lock()
		printed := buf[:n]
		if o.reader != nil {
			printed = o.reader.feed(printed)
		}
		o.add(o.mask.feed(printed))
		o.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// add keeps text, which is masked, as far as the limit allows.
func (o *output) add(text []byte) {
	if len(text) == 0 {
		return
	}
	o.tail = append(o.tail, text[max(0, len(text)-tailSize):]...)
	if len(o.tail) > 4*tailSize {
		o.tail = append(o.tail[:0], o.tail[len(o.tail)-tailSize:]...)
	}
	if o.cut {
		return
	}
	left := max(0, o.max-o.size)
	if int64(len(text)) <= left {
		o.write(text)
		return
	}
	o.write(text[:left])
	o.remark(fmt.Sprintf("the output limit of %d bytes is reached, the rest is left out", o.max))
	o.cut = true
}

func (o *output) write(text []byte) {
	if len(text) == 0 || o.err != nil {
		return
	}
	n, err := o.file.Write(text)
	o.size += int64(n)
	o.dirty = true
	o.bare = text[len(text)-1] != '\n'
	if err != nil {
		o.err, o.cut = err, true
	}
}

// remark writes a line of our own.
func (o *output) remark(line string) {
	if o.bare {
		line = "\n==> " + line
	} else {
		line = "==> " + line
	}
	o.write([]byte(line + "\n"))
}

// note adds a line that the commands did not print.
func (o *output) note(line string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.remark(line)
}

// flush adds what was held back as the possible beginning of a secret.
func (o *output) flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.reader != nil {
		o.add(o.mask.feed(o.reader.flush()))
	}
	o.add(o.mask.flush())
}

// sync makes the log durable so far.
func (o *output) sync() {
	o.mu.Lock()
	dirty := o.dirty
	o.dirty = false
	o.mu.Unlock()
	if dirty {
		// An error comes again when the log is closed.
		_ = o.file.Sync()
	}
}

// close makes the log durable and gives the first error of all that was kept.
func (o *output) close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, err := range []error{o.file.Sync(), o.file.Close()} {
		if o.err == nil {
			o.err = err
		}
	}
	return o.err
}

// lastLines are the last lines that command k of n printed.
func (o *output) lastLines(k, n int) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	printed := string(o.tail)
	if i := strings.LastIndex(printed, fmt.Sprintf("==> command %d of %d: ", k, n)); i >= 0 {
		_, printed, _ = strings.Cut(printed[i:], "\n")
	}
	return lastLines(printed)
}
