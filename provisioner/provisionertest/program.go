package provisionertest

import (
	"os"
	"syscall"
)

// WriteProgram writes a script or a binary that is to be started. A process
// that some other test starts meanwhile would hold the file open for writing,
// and the system does not run such a file ("text file busy"); none is started
// while it is open here.
func WriteProgram(name, text string) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return os.WriteFile(name, []byte(text), 0o700)
}
