package jinja

// A Trace is a rendered text with the origin of every byte.
type Trace struct {
	Text     string
	Segments []Segment // in order, without gaps, covering Text
}

// A Segment is a run of output bytes with one origin.
type Segment struct {
	Start, End   int      // bytes of Trace.Text
	Line, Column int      // of the template: the first byte, or the expression
	Literal      bool     // template text, copied byte for byte
	Inputs       []string // paths of the values that made it, sorted: service_instance.inputs.size
	Conditions   []string // paths the surrounding if and for tags looked at, sorted
}

// At returns the segment of the byte at offset.
func (t *Trace) At(offset int) (Segment, bool) {
	for _, s := range t.Segments {
		if offset >= s.Start && offset < s.End {
			return s, true
		}
	}
	return Segment{}, false
}
