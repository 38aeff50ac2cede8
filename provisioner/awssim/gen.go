//go:build ignore

// Gen packs a folder of resource type schemas, one JSON file for each type as
// AWS publishes them, into schemas.txt.gz: a line for each type, its name and its
// schema, sorted, with the keywords that the simulator reads and no others.
//
//	go run gen.go FOLDER
package main

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"log"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// facts are what is read of a type as a whole; keywords what is read of a value.
var (
	facts = []string{
		"definitions", "primaryIdentifier", "readOnlyProperties", "writeOnlyProperties", "createOnlyProperties",
		"conditionalCreateOnlyProperties", "tagging", "replacementStrategy",
	}
	keywords = []string{
		"type", "$ref", "properties", "patternProperties", "additionalProperties", "required", "items", "enum", "enumCaseInsensitive", "const",
		"pattern", "minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems", "minProperties", "maxProperties", "uniqueItems",
		"anyOf", "oneOf", "allOf", "dependencies", "dependentRequired", "requiredOr", "requiredXor",
	}
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: go run gen.go FOLDER")
	}
	files, err := filepath.Glob(filepath.Join(os.Args[1], "*.json"))
	if err != nil || len(files) == 0 {
		log.Fatalf("no schemas in %s: %v", os.Args[1], err)
	}
	lines := map[string][]byte{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			log.Fatal(err)
		}
		var published map[string]any
		if err := json.Unmarshal(data, &published); err != nil {
			log.Fatalf("%s: %v", file, err)
		}
		name, _ := published["typeName"].(string)
		if !strings.HasPrefix(name, "AWS::") {
			continue // a module, or somebody else's
		}
		line, err := json.Marshal(kept(published, true))
		if err != nil {
			log.Fatalf("%s: %v", file, err)
		}
		lines[name] = line
	}
	out, err := os.Create("schemas.txt.gz")
	if err != nil {
		log.Fatal(err)
	}
	zip, _ := gzip.NewWriterLevel(out, gzip.BestCompression)
	w := bufio.NewWriter(zip)
	for _, name := range slices.Sorted(maps.Keys(lines)) {
		_, _ = w.WriteString(name + " " + string(lines[name]) + "\n")
	}
	for _, end := range []func() error{w.Flush, zip.Close, out.Close} {
		if err := end(); err != nil {
			log.Fatal(err)
		}
	}
	log.Printf("%d types", len(lines))
}

// kept is a schema without what is not read.
func kept(schema map[string]any, whole bool) map[string]any {
	out := map[string]any{}
	for k, v := range schema {
		switch known := slices.Contains(keywords, k); {
		case !known && !(whole && slices.Contains(facts, k)):
		case k == "properties" || k == "patternProperties" || k == "definitions":
			named, _ := v.(map[string]any)
			all := map[string]any{}
			for name, one := range named {
				all[name] = of(one)
			}
			out[k] = all
		case k == "items" || k == "additionalProperties" || k == "anyOf" || k == "oneOf" || k == "allOf":
			out[k] = of(v)
		case k == "tagging":
			tagging, _ := v.(map[string]any)
			out[k] = map[string]any{"taggable": tagging["taggable"], "tagProperty": tagging["tagProperty"]}
		case k == "dependencies":
			out["dependentRequired"] = v
		default:
			out[k] = v
		}
	}
	return out
}

func of(v any) any {
	switch v := v.(type) {
	case map[string]any:
		return kept(v, false)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = of(v[i])
		}
		return out
	}
	return v
}
