package proton

// table is every operation that is answered. One that AWS Proton had and that
// is not here is refused with a message that says so.
func (h *Handler) table() map[string]operation {
	return map[string]operation{
		notifyOperation: on(h.notify),
	}
}
