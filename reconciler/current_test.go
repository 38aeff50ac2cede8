package reconciler_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"baryon/reconciler"
)

const stored = `proton: ServiceSpec
pipeline: {dir: ., tests: "make test"}
instances:
  - name: eu
    environment: dev
    spec:
      image: "acme/shop:7" # by the pipeline
      size: 2
      tags: [a, "b c"]
      db: {engine: pg, port: 5432}
  - {name: us, environment: dev}
`

func TestKeepCurrent(t *testing.T) {
	t.Parallel()
	instance := func(spec string) string {
		return "proton: ServiceSpec\ninstances:\n  - {name: us, environment: dev}\n  - name: eu # first\n    environment: dev\n    spec:\n" + spec
	}
	for name, tt := range map[string]struct{ spec, want, problem string }{
		"nothing to keep": {instance("      size: 3\n"), instance("      size: 3\n"), ""},
		"a text, a number, a list and a map": {
			instance("      image: \"${Proton::CURRENT_VAL}\" # kept\n      size: '${Proton::CURRENT_VAL}'\n      tags: ${Proton::CURRENT_VAL}\n      db: \"${Proton::CURRENT_VAL}\"\n"),
			instance("      image: \"acme/shop:7\" # kept\n      size: 2\n      tags: [\"a\",\"b c\"]\n      db: {\"engine\":\"pg\",\"port\":5432}\n"), "",
		},
		"deep inside": {
			instance("      db: {port: \"${Proton::CURRENT_VAL}\", engine: \"${Proton::CURRENT_VAL}\"}\n      tags: [x, \"${Proton::CURRENT_VAL}\"]\n"),
			instance("      db: {port: 5432, engine: \"pg\"}\n      tags: [x, \"b c\"]\n"), "",
		},
		"of the pipeline": {
			"instances: [{name: eu, environment: dev}]\npipeline: {tests: \"${Proton::CURRENT_VAL}\"}\n",
			"instances: [{name: eu, environment: dev}]\npipeline: {tests: \"make test\"}\n", "",
		},
		"a part of a text stays":         {instance("      image: \"x-${Proton::CURRENT_VAL}\"\n"), instance("      image: \"x-${Proton::CURRENT_VAL}\"\n"), ""},
		"a key that was not there":       {instance("      zone: \"${Proton::CURRENT_VAL}\"\n"), "", "shop.yaml:7:13: there is no current value to keep"},
		"an instance that was not there": {"instances: [{name: af, environment: dev, spec: {size: \"${Proton::CURRENT_VAL}\"}}]\n", "", "shop.yaml:1:55: there is no current value to keep"},
		"an instance without a spec":     {"instances: [{name: us, environment: dev, spec: {size: \"${Proton::CURRENT_VAL}\"}}]\n", "", "shop.yaml:1:55: there is no current value to keep"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, problems := reconciler.KeepCurrent("shop.yaml", tt.spec, stored)
			if tt.problem != "" {
				if !problems.Failed() || !strings.HasPrefix(problems.Error(), tt.problem) {
					t.Fatalf("problems %q, want %q", problems.Error(), tt.problem)
				}
				return
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || problems.Failed() {
				t.Errorf("spec (-want +got):\n%s%s", diff, problems)
			}
		})
	}
}
