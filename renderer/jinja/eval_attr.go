package jinja

func (e *attrExpr) eval(r *run) (any, error) {
	v, err := e.lookup(r)
	if err == nil && r.trace != nil {
		r.trace.use(v, source{})
	}
	return v, err
}

// lookup reads the attribute. A leaf of the variables is recorded as used,
// a container only when the expression ends with it.
func (e *attrExpr) lookup(r *run) (any, error) {
	obj, err := lookup(r, e.obj)
	if err != nil {
		return nil, err
	}
	if err := r.spend(1); err != nil {
		return nil, failed(err, &e.node)
	}
	if d, ok := obj.(*Dict); ok && !e.method {
		if i := d.findString(e.name); i >= 0 {
			v := d.entries[i].value
			if r.trace != nil {
				r.trace.useItem(d.origin, e.name, v)
			}
			return v, nil
		}
	}
	v, err := r.attribute(obj, e.name, e)
	if err != nil {
		return nil, failed(err, &e.node)
	}
	if r.trace != nil {
		r.trace.useMember(obj, e.name, v)
	}
	return v, nil
}

// lookup evaluates the base of an attribute or item. Unlike eval it does not
// record the base as used: only what is read from it is.
func lookup(r *run, e expr) (any, error) {
	if r.trace == nil {
		return e.eval(r)
	}
	switch e := e.(type) {
	case *nameExpr:
		v, src := e.lookup(r)
		r.trace.useLeaf(v, src)
		return v, nil
	case *attrExpr:
		return e.lookup(r)
	case *itemExpr:
		return e.lookup(r)
	}
	return e.eval(r)
}

// attribute is environment.getattr: the attribute, else the item.
func (r *run) attribute(obj any, name string, at expr) (any, error) {
	if u, ok := obj.(*undefined); ok {
		return r.undefinedAttribute(u, name, at)
	}
	v, ok, err := r.member(obj, name)
	if err != nil || ok {
		return v, err
	}
	if d, ok := obj.(*Dict); ok {
		if i := d.findString(name); i >= 0 {
			return d.entries[i].value, nil
		}
		if v, ok := d.missing(name); ok {
			return v, nil
		}
	}
	if _, ok := obj.(*selfRef); ok {
		if b := r.template.blocks[name]; b != nil {
			return &blockRef{def: b}, nil
		}
	}
	return &undefined{obj: obj, name: name, hasObj: true, node: at}, nil
}

// undefinedAttribute fails, except for the names Python itself may ask for.
func (r *run) undefinedAttribute(u *undefined, name string, at expr) (any, error) {
	if len(name) > 4 && isDunder(name) && name[len(name)-2:] == "__" {
		if name == "__class__" {
			return classOf(u), nil
		}
		return &undefined{obj: u, name: name, hasObj: true, node: at}, nil
	}
	return nil, undefinedError(u)
}

// member is Python's getattr: methods and properties, not items.
func (r *run) member(obj any, name string) (v any, ok bool, err error) {
	if isDunder(name) {
		v, ok = dunder(obj, name)
		return v, ok, nil
	}
	var table map[string]*builtin
	switch obj := obj.(type) {
	case *Dict:
		table = r.lib.dict
	case string, Block:
		table = r.lib.str
	case markup:
		table = r.lib.markup
	case *list:
		table = r.lib.list
	case *tuple:
		for i, n := range obj.names {
			if n == name {
				return obj.items[i], true, nil
			}
		}
		table = r.lib.tuple
	case byteString:
		table = r.lib.bytes
	case *dictView:
		if obj.kind != "dict_values" && obj.kind != "set" {
			table = r.lib.view
		}
	case *intRange:
		if v, ok := obj.property(name); ok {
			return v, true, nil
		}
		table = r.lib.span
	case *namespace:
		v, ok := obj.attrs.Get(name)
		return v, ok, nil
	case *loopValue:
		return obj.property(r, name)
	case *cycler:
		v, ok := obj.property(r, name)
		return v, ok, nil
	case *joiner:
		v, ok := obj.property(name)
		return v, ok, nil
	case *macroValue:
		v, ok := obj.property(name)
		return v, ok, nil
	case *blockRef:
		v, ok := obj.property(name)
		return v, ok, nil
	case *class:
		v, ok := obj.property(r, name)
		return v, ok, nil
	default:
		if v, ok := numberProperty(obj, name); ok {
			return v, true, nil
		}
		if isInt(obj) {
			table = r.lib.integer
		} else if _, ok := obj.(float64); ok {
			table = r.lib.float
		}
	}
	if m := table[name]; m != nil {
		return &boundMethod{obj, m}, true, nil
	}
	return nil, false, nil
}

func (e *itemExpr) eval(r *run) (any, error) {
	v, err := e.lookup(r)
	if err == nil && r.trace != nil {
		r.trace.use(v, source{})
	}
	return v, err
}

func (e *itemExpr) lookup(r *run) (any, error) {
	obj, err := lookup(r, e.obj)
	if err != nil {
		return nil, err
	}
	key, err := e.arg.eval(r)
	if err != nil {
		return nil, err
	}
	if err := r.spend(1); err != nil {
		return nil, failed(err, &e.node)
	}
	v, err := r.item(obj, key, e)
	if err != nil {
		return nil, failed(err, &e.node)
	}
	if r.trace != nil {
		r.trace.useMember(obj, key, v)
	}
	return v, nil
}

// item is environment.getitem: the item, else the attribute of that name,
// else undefined.
func (r *run) item(obj, key any, at expr) (any, error) {
	if u, ok := obj.(*undefined); ok {
		return nil, undefinedError(u)
	}
	if s, ok := key.(*sliceValue); ok {
		return r.slice(obj, s)
	}
	v, ok, err := r.index(obj, key)
	if err != nil || ok {
		return v, err
	}
	if name, isText := textOf(key); isText {
		if v, ok, err := r.member(obj, name); err != nil || ok {
			return v, err
		}
	}
	return &undefined{obj: obj, name: key, hasObj: true, node: at}, nil
}

// index is obj[key]; ok is false where Python raises what Jinja swallows.
func (r *run) index(obj, key any) (v any, ok bool, err error) {
	switch obj := obj.(type) {
	case *Dict:
		hash, err := r.hashKey(key)
		if err != nil {
			return nil, false, swallow(err)
		}
		if i := obj.find(hash); i >= 0 {
			return obj.entries[i].value, true, nil
		}
		if name, ok := hash.(string); ok {
			v, ok := obj.missing(name)
			return v, ok, nil
		}
		return nil, false, nil
	case *list:
		i, ok := position(key, len(obj.items))
		if !ok {
			return nil, false, nil
		}
		return obj.items[i], true, nil
	case *tuple:
		i, ok := position(key, len(obj.items))
		if !ok {
			return nil, false, nil
		}
		return obj.items[i], true, nil
	case *intRange:
		i, ok := position(key, int(obj.length))
		if !ok {
			return nil, false, nil
		}
		return obj.start + int64(i)*obj.step, true, nil
	case byteString:
		i, ok := position(key, len(obj))
		if !ok {
			return nil, false, nil
		}
		return int64(obj[i]), true, nil
	case *selfRef:
		if name, ok := textOf(key); ok {
			if b := r.template.blocks[name]; b != nil {
				return &blockRef{def: b}, true, nil
			}
		}
		return nil, false, nil
	}
	s, isText := textOf(obj)
	if !isText {
		return nil, false, nil
	}
	if err := r.spend(len(s) >> 6); err != nil {
		return nil, false, err
	}
	i, ok := position(key, runeCount(s))
	if !ok {
		return nil, false, nil
	}
	at := runeOffset(s, i)
	return retype(obj, s[at:at+runeOffset(s[at:], 1)]), true, r.hold(itemSize)
}

// swallow drops the errors of Python that Jinja takes for "not there".
func swallow(err error) error {
	if e, ok := err.(*Error); ok && e.Kind == TypeError {
		return nil
	}
	return err
}

// position turns an index, which may count from the end, into an offset.
func position(key any, length int) (int, bool) {
	n, ok := asInt(key)
	if !ok {
		return 0, false
	}
	if n < 0 {
		n += int64(length)
	}
	return int(n), n >= 0 && n < int64(length)
}
