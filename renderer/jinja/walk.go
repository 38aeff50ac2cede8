package jinja

// walkExpr calls visit for e and every expression below it, e first.
func walkExpr(e expr, visit func(expr)) {
	if isNilExpr(e) {
		return
	}
	visit(e)
	for _, c := range children(e) {
		walkExpr(c, visit)
	}
}

func isNilExpr(e expr) bool {
	f, ok := e.(*filterExpr)
	return e == nil || ok && f == nil
}

// children are the expressions directly below e, in the order of evaluation.
func children(e expr) []expr {
	switch e := e.(type) {
	case *attrExpr:
		return []expr{e.obj}
	case *itemExpr:
		return []expr{e.obj, e.arg}
	case *sliceExpr:
		return []expr{e.start, e.stop, e.step}
	case *callExpr:
		return append([]expr{e.fn}, e.args.all()...)
	case *filterExpr:
		return append([]expr{e.in}, e.args.all()...)
	case *testExpr:
		return append([]expr{e.in}, e.args.all()...)
	case *binaryExpr:
		return []expr{e.left, e.right}
	case *unaryExpr:
		return []expr{e.operand}
	case *notExpr:
		return []expr{e.operand}
	case *logicExpr:
		return []expr{e.left, e.right}
	case *condExpr:
		return []expr{e.test, e.then, e.otherwise}
	case *compareExpr:
		list := []expr{e.left}
		for _, op := range e.ops {
			list = append(list, op.right)
		}
		return list
	case *concatExpr:
		return e.parts
	case *listExpr:
		return e.items
	case *tupleExpr:
		return e.items
	case *dictExpr:
		return append(append([]expr{}, e.keys...), e.values...)
	}
	return nil
}
