package jinja

func (e *concatExpr) eval(r *run) (any, error) {
	escape := e.escape == escapeOn || e.escape == escapeAsked && r.escape
	parts := make([]string, len(e.parts))
	marked := false
	size := 0
	values := make([]any, len(e.parts))
	for i, p := range e.parts {
		v, err := p.eval(r)
		if err != nil {
			return nil, err
		}
		values[i] = v
		_, isMarkup := v.(markup)
		marked = marked || escape && isMarkup
	}
	for i, v := range values {
		s, err := r.str(v)
		if err != nil {
			return nil, failed(err, e.parts[i].at())
		}
		if _, isMarkup := v.(markup); marked && !isMarkup {
			if err := r.hold(len(s)); err != nil {
				return nil, failed(err, &e.node)
			}
			s = escapeHTML(s)
		}
		parts[i] = s
		size += len(s)
	}
	if err := r.hold(size); err != nil {
		return nil, failed(err, &e.node)
	}
	text := joinText(parts, size)
	if marked {
		return markup(text), nil
	}
	return text, nil
}

func joinText(parts []string, size int) string {
	b := make([]byte, 0, size)
	for _, p := range parts {
		b = append(b, p...)
	}
	return string(b)
}

func (r *run) evalAll(list []expr) ([]any, error) {
	if err := r.hold(len(list)*itemSize + itemSize); err != nil {
		return nil, err
	}
	values := make([]any, len(list))
	for i, e := range list {
		v, err := e.eval(r)
		if err != nil {
			return nil, err
		}
		values[i] = v
	}
	return values, nil
}

func (e *listExpr) eval(r *run) (any, error) {
	items, err := r.evalAll(e.items)
	if err != nil {
		return nil, failed(err, &e.node)
	}
	return newList(items), nil
}

func (e *tupleExpr) eval(r *run) (any, error) {
	items, err := r.evalAll(e.items)
	if err != nil {
		return nil, failed(err, &e.node)
	}
	return newTuple(items...), nil
}

func (e *dictExpr) eval(r *run) (any, error) {
	if err := r.hold(keySize * (len(e.keys) + 1)); err != nil {
		return nil, failed(err, &e.node)
	}
	d := NewDict()
	for i, k := range e.keys {
		key, err := k.eval(r)
		if err != nil {
			return nil, err
		}
		v, err := e.values[i].eval(r)
		if err != nil {
			return nil, err
		}
		hash, err := r.hashKey(key)
		if err != nil {
			return nil, failed(err, k.at())
		}
		d.put(hash, key, v)
	}
	return d, nil
}
