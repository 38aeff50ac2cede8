package jinja

// Limits bound what one template may cost. A zero field means its default.
type Limits struct {
	Source int // bytes of template text; 1 MiB
	Depth  int // nesting of the source, and of calls while it runs; 200
	Steps  int // operations; 1,000,000
	Memory int // bytes of values made while rendering, kept or not; 16 MiB
	Output int // bytes of output; 4 MiB
}

func (l Limits) withDefaults() Limits {
	for _, f := range []struct {
		field *int
		value int
	}{
		{&l.Source, 1 << 20},
		{&l.Depth, 200},
		{&l.Steps, 1_000_000},
		{&l.Memory, 16 << 20},
		{&l.Output, 4 << 20},
	} {
		if *f.field <= 0 {
			*f.field = f.value
		}
	}
	return l
}
