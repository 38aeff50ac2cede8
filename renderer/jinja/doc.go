// Package jinja renders Jinja2 templates with Python's results to the byte.
//
// It knows the language of Jinja2 with strict undefined values, the values of
// Python as far as a template can see them, the filters AWS Proton added, and
// how to stop a template that asks for too much. It refuses to know where
// templates come from (there is no loader, so include, import and extends are
// refused), what a rendered file means, and anything about bundles, schemas or
// specs.
//
// AWS Proton documents Jinja2 2.11. Where 3.1 differs the results are those of
// 3.1, which renders what 2.11 does but for corners: groupby no longer tells
// cases apart unless asked, and a form feed or vertical tab is no line end.
// testdata holds a table of templates and results, checked with Python where
// it has Jinja2.
//
// A template is parsed once and may then be rendered any number of times, also
// at the same time. Values go in as nil, bool, int, int64, *big.Int, float64,
// string, []any and *Dict; they are copied before a template can change them.
package jinja
