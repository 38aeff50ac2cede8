package jinja

// A sliceValue is what stands between the brackets of x[a:b:c].
type sliceValue struct{ start, stop, step any }

func (e *sliceExpr) eval(r *run) (any, error) {
	s := &sliceValue{}
	for _, part := range []struct {
		to *any
		e  expr
	}{{&s.start, e.start}, {&s.stop, e.stop}, {&s.step, e.step}} {
		if part.e == nil {
			continue
		}
		v, err := part.e.eval(r)
		if err != nil {
			return nil, err
		}
		*part.to = v
	}
	return s, nil
}

// bounds gives the positions a slice picks: from start, count many, by step.
func (s *sliceValue) bounds(length int) (start, step, count int, err error) {
	from, to, by, err := s.indices(int64(length))
	if err != nil {
		return 0, 0, 0, err
	}
	switch n := countSteps(from, to, by); n {
	case 0:
		return 0, 1, 0, nil
	case 1:
		return int(from), 1, 1, nil // the step cannot overflow when it is used
	default:
		return int(from), int(by), int(n), nil
	}
}

// indices is Python's slice.indices.
func (s *sliceValue) indices(n int64) (from, to, step int64, err error) {
	step = 1
	if s.step != nil {
		if step, err = sliceInt(s.step); err != nil {
			return 0, 0, 1, err
		}
		if step == 0 {
			return 0, 0, 1, failf(ValueError, "slice step cannot be zero")
		}
	}
	low, high := int64(0), n
	if step < 0 {
		low, high = -1, n-1
	}
	clamp := func(v any, missing int64) (int64, error) {
		if v == nil {
			return missing, nil
		}
		i, err := sliceInt(v)
		if err != nil {
			return 0, err
		}
		if i < 0 {
			i = max(i+n, low)
		}
		return min(max(i, low), high), nil
	}
	first, last := low, high
	if step < 0 {
		first, last = high, low
	}
	if from, err = clamp(s.start, first); err != nil {
		return 0, 0, 1, err
	}
	to, err = clamp(s.stop, last)
	return from, to, step, err
}

// countSteps is how many numbers range(from, to, step) has.
func countSteps(from, to, step int64) int64 {
	switch {
	case step > 0 && from < to:
		return (to-from-1)/step + 1
	case step < 0 && to < from:
		return (from-to-1)/(-step) + 1
	}
	return 0
}

// sliceInt is an index that may be too large, which then means the end.
func sliceInt(v any) (int64, error) {
	const far = 1 << 61
	if n, ok := asInt(v); ok {
		return min(max(n, -far), far), nil
	}
	if b, ok := asBig(v); ok {
		if b.Sign() < 0 {
			return -far, nil
		}
		return far, nil
	}
	if err := check(v); err != nil {
		return 0, err
	}
	return 0, failf(TypeError, "slice indices must be integers or None or have an __index__ method")
}

// slice is obj[a:b:c]. Jinja leaves it to Python, so its errors stay errors.
func (r *run) slice(obj any, s *sliceValue) (any, error) {
	switch obj := obj.(type) {
	case *list:
		items, err := r.sliceItems(obj.items, s)
		return newList(items), err
	case *tuple:
		items, err := r.sliceItems(obj.items, s)
		return newTuple(items...), err
	case *intRange:
		from, to, step, err := s.indices(obj.length)
		by, ok := smallIntOp(opMul, obj.step, step)
		if err == nil && !ok {
			err = failf(OverflowError, "the step of a range is too large")
		}
		if err != nil {
			return nil, err
		}
		return &intRange{obj.start + from*obj.step, obj.start + to*obj.step, by.(int64), countSteps(from, to, step)}, nil
	case byteString:
		text, err := r.sliceBytes(string(obj), s)
		return byteString(text), err
	case *Dict:
		return nil, failf(TypeError, "unhashable type: 'slice'")
	}
	text, isText := textOf(obj)
	if !isText {
		return nil, failf(TypeError, "'%s' object is not subscriptable", typeName(obj))
	}
	text, err := r.sliceText(text, s)
	return retype(obj, text), err
}

func (r *run) sliceItems(items []any, s *sliceValue) ([]any, error) {
	start, step, count, err := s.bounds(len(items))
	if err != nil {
		return nil, err
	}
	if err := r.hold(count * itemSize); err != nil {
		return nil, err
	}
	out := make([]any, count)
	for i := range out {
		out[i] = items[start+i*step]
	}
	return out, nil
}

func (r *run) sliceText(text string, s *sliceValue) (string, error) {
	if isASCII(text) {
		return r.sliceBytes(text, s)
	}
	if err := r.hold(4 * len(text)); err != nil {
		return "", err
	}
	chars := []rune(text)
	start, step, count, err := s.bounds(len(chars))
	if err != nil {
		return "", err
	}
	out := make([]rune, count)
	for i := range out {
		out[i] = chars[start+i*step]
	}
	return string(out), nil
}

func (r *run) sliceBytes(text string, s *sliceValue) (string, error) {
	start, step, count, err := s.bounds(len(text))
	if err != nil {
		return "", err
	}
	if err := r.spend(len(text) >> 6); err != nil {
		return "", err
	}
	if step == 1 {
		return text[start : start+count], r.hold(itemSize)
	}
	if err := r.hold(count); err != nil {
		return "", err
	}
	out := make([]byte, count)
	for i := range out {
		out[i] = text[start+i*step]
	}
	return string(out), nil
}
