package terraform

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// What is more than anybody writes. The parser calls itself for each level and
// each operator, and a stack that overflows ends the whole daemon.
const (
	mostDeep    = 200
	mostChained = 2000
)

// Parse reads a file of Terraform code that anybody may have written: what is
// nested so deeply that reading it would end this process is an error. There is
// a body, if an empty one, in any case.
func Parse(text []byte, name string) (*hclsyntax.Body, hcl.Diagnostics) {
	if line := tooDeep(text, hclsyntax.LexConfig); line > 0 {
		at := hcl.Pos{Line: line, Column: 1}
		return &hclsyntax.Body{}, hcl.Diagnostics{{
			Severity: hcl.DiagError,
			Summary:  fmt.Sprintf("this is nested or chained too deeply to be read, want at most %d levels and %d operators in one expression", mostDeep, mostChained),
			Detail:   "write it in parts", Subject: &hcl.Range{Filename: name, Start: at, End: at},
		}}
	}
	file, diagnostics := hclsyntax.ParseConfig(text, name, hcl.InitialPos)
	body, ok := file.Body.(*hclsyntax.Body)
	if !ok {
		return &hclsyntax.Body{}, diagnostics
	}
	return body, diagnostics
}

// tooDeep gives the line from which on code, or a template, is nested or chained
// too deeply to be parsed; 0 for none.
func tooDeep(text []byte, lex func([]byte, string, hcl.Pos) (hclsyntax.Tokens, hcl.Diagnostics)) int {
	tokens, _ := lex(text, "", hcl.InitialPos) // what is wrong with them the parser says
	chained := []int{0}                        // operators in the expression at hand, for each level
	braces := []bool{true}
	for _, token := range tokens {
		top := len(chained) - 1
		switch token.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl,
			hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc:
			chained[top]++ // an index, or a call, continues what is before it
			chained, braces = append(chained, 0), append(braces, token.Type == hclsyntax.TokenOBrace)
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenTemplateSeqEnd, hclsyntax.TokenCQuote, hclsyntax.TokenCHeredoc:
			if top > 0 {
				chained, braces = chained[:top], braces[:top]
			}
		case hclsyntax.TokenComma, hclsyntax.TokenStringLit, hclsyntax.TokenQuotedLit:
			chained[top] = 0
		case hclsyntax.TokenNewline:
			if braces[top] {
				chained[top] = 0
			}
		case hclsyntax.TokenIdent, hclsyntax.TokenNumberLit:
		default:
			chained[top]++
		}
		if top = len(chained) - 1; len(chained) > mostDeep || chained[top] > mostChained {
			return token.Range.Start.Line
		}
	}
	return 0
}
