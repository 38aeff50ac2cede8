package main

import (
	"encoding/json"
	"io"
	"net/url"
	"path"
	"path/filepath"
	"strings"

	"baryon/renderer"
	v1 "baryon/server/v1"
)

// The parts of a SARIF 2.1.0 log that findings need. Code hosts show them at
// the lines of a change.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       sarifTool     `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		InformationURI string      `json:"informationUri,omitempty"`
		Version        string      `json:"version,omitempty"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               string    `json:"id"`
		ShortDescription sarifText `json:"shortDescription"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		RuleIndex int             `json:"ruleIndex"`
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations,omitempty"`
	}
	sarifLocation struct {
		PhysicalLocation sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct {
		ArtifactLocation sarifArtifact `json:"artifactLocation"`
		Region           *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn,omitempty"`
	}
)

// sarifRules sort findings by the kind of file that has to change: the texts of
// findings name what they are about, so there is no fixed list of them.
var sarifRules = []sarifRule{
	{"document", sarifText{"A document that declares something to deploy"}},
	{"schema", sarifText{"The schema of a template"}},
	{"manifest", sarifText{"The manifest of a part of a template"}},
	{"template", sarifText{"A file that a template renders or hands on"}},
	{"layout", sarifText{"The folders and files of a template or repository"}},
}

// sarifRuleOf tells which of the rules a finding belongs to.
func sarifRuleOf(p renderer.Problem) int {
	dir := path.Base(path.Dir(p.File))
	switch {
	case p.Line == 0:
		return 4
	case dir == "schema":
		return 1
	case path.Base(p.File) == "manifest.yaml":
		return 2
	case strings.HasSuffix(dir, "infrastructure") || strings.Contains(p.File, "infrastructure/"):
		return 3
	}
	return 0
}

// writeSARIF writes findings as a SARIF log.
func writeSARIF(w io.Writer, problems renderer.Problems) error {
	run := sarifRun{
		Tool:       sarifTool{sarifDriver{Name: "baryon", Version: buildInfo().Version, Rules: sarifRules}},
		ColumnKind: "unicodeCodePoints", Results: []sarifResult{},
	}
	for _, p := range problems {
		rule := sarifRuleOf(p)
		result := sarifResult{RuleID: sarifRules[rule].ID, RuleIndex: rule, Level: "error"}
		if p.Warning {
			result.Level = "warning"
		}
		place := p
		p.File, p.Line, p.Warning = "", 0, false
		result.Message.Text = v1.Plain([]byte(p.String()))
		if place.File != "" {
			at := sarifPhysical{ArtifactLocation: sarifArtifact{(&url.URL{Path: filepath.ToSlash(place.File)}).EscapedPath()}}
			if place.Line > 0 {
				at.Region = &sarifRegion{place.Line, max(1, place.Column)}
			}
			result.Locations = []sarifLocation{{at}}
		}
		run.Results = append(run.Results, result)
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}})
}
