package state

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

func TestFollowParse(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		follow Follow
		want   Version
		pinned bool
		ok     bool
	}{
		"a major":                       {"1", Version{Major: 1}, false, true},
		"a major of many digits":        {"120", Version{Major: 120}, false, true},
		"a version":                     {"1.1", Version{1, 1}, true, true},
		"a minor of ten is not one":     {"1.10", Version{1, 10}, true, true},
		"minor zero is pinned":          {"1.0", Version{1, 0}, true, true},
		"nothing":                       {"", Version{}, false, false},
		"major zero":                    {"0", Version{}, false, false},
		"major zero with a minor":       {"0.1", Version{}, false, false},
		"a leading zero":                {"01", Version{}, false, false},
		"a leading zero in the minor":   {"1.01", Version{}, false, false},
		"a point without a minor":       {"1.", Version{}, false, false},
		"a minor without a major":       {".1", Version{}, false, false},
		"three numbers":                 {"1.2.3", Version{}, false, false},
		"a sign":                        {"+1", Version{}, false, false},
		"a negative minor":              {"1.-1", Version{}, false, false},
		"a space":                       {"1 ", Version{}, false, false},
		"a word":                        {"latest", Version{}, false, false},
		"a v":                           {"v1", Version{}, false, false},
		"digits of another script":      {"١", Version{}, false, false},
		"a number beyond sixty-four":    {"9223372036854775808", Version{}, false, false},
		"a minor beyond sixty-four":     {"1.9223372036854775808", Version{}, false, false},
		"the highest number that is":    {"9223372036854775807", Version{Major: 9223372036854775807}, false, true},
		"hexadecimal is not a number":   {"0x1", Version{}, false, false},
		"an exponent is not a number":   {"1e3", Version{}, false, false},
		"an underscore is not a number": {"1_0", Version{}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, pinned, err := tt.follow.Parse()
			if got != tt.want || pinned != tt.pinned || (err == nil) != tt.ok {
				t.Errorf("Follow(%q).Parse() = %v, %v, %v, want %v, %v, ok %v", tt.follow, got, pinned, err, tt.want, tt.pinned, tt.ok)
			}
			if err != nil && !strings.Contains(err.Error(), `"1.10"`) {
				t.Errorf("the error shows no example: %v", err)
			}
		})
	}
}

func TestVersionText(t *testing.T) {
	t.Parallel()
	for v, want := range map[Version]string{
		{}:      "",
		{1, 0}:  "1.0",
		{1, 1}:  "1.1",
		{1, 10}: "1.10",
		{12, 3}: "12.3",
	} {
		if got := v.String(); got != want {
			t.Errorf("%#v.String() = %q, want %q", v, got, want)
		}
	}
}

func TestVersionsOrderByNumber(t *testing.T) {
	t.Parallel()
	sorted := []Version{{}, {1, 0}, {1, 1}, {1, 9}, {1, 10}, {2, 0}, {10, 0}}
	for i, v := range sorted {
		for j, w := range sorted {
			if got, want := v.Less(w), i < j; got != want {
				t.Errorf("%v.Less(%v) = %v, want %v", v, w, got, want)
			}
		}
	}
}

func TestRefForms(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		ref              Ref
		text, arn, stack string
		short            string // the form that people type, when it is another
		deployable       bool
	}{
		"an environment": {
			ref: EnvironmentRef("prod"), text: "environment/prod",
			arn: "arn:aws:proton:eu-west-1:123456789012:environment/prod", stack: "environment-prod", deployable: true,
		},
		"a service": {
			ref: ServiceRef("shop"), text: "service/shop",
			arn: "arn:aws:proton:eu-west-1:123456789012:service/shop", stack: "service-shop",
		},
		"an instance": {
			ref: InstanceRef("shop", "eu"), text: "service/shop/service-instance/eu", short: "service/shop/instance/eu",
			arn: "arn:aws:proton:eu-west-1:123456789012:service/shop/service-instance/eu", stack: "service-shop-instance-eu", deployable: true,
		},
		"a pipeline": {
			ref: PipelineRef("shop"), text: "service/shop/pipeline", short: "service/shop/pipeline/main",
			arn: "arn:aws:proton:eu-west-1:123456789012:service/shop/pipeline", stack: "service-shop-pipeline", deployable: true,
		},
		"a component": {
			ref: ComponentRef("queue"), text: "component/queue",
			arn: "arn:aws:proton:eu-west-1:123456789012:component/queue", stack: "component-queue", deployable: true,
		},
		"a repository": {
			ref: RepositoryRef("main"), text: "repository/main",
			arn: "arn:aws:proton:eu-west-1:123456789012:repository/main", stack: "repository-main",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tt.ref.String(); got != tt.text {
				t.Errorf("String() = %q, want %q", got, tt.text)
			}
			if got := tt.ref.ARN("eu-west-1", "123456789012"); got != tt.arn {
				t.Errorf("ARN() = %q, want %q", got, tt.arn)
			}
			if got := tt.ref.Stack(); got != tt.stack {
				t.Errorf("Stack() = %q, want %q", got, tt.stack)
			}
			if got := tt.ref.Deployable(); got != tt.deployable {
				t.Errorf("Deployable() = %v, want %v", got, tt.deployable)
			}
			for _, form := range []string{tt.text, tt.arn, tt.short} {
				if form == "" {
					continue
				}
				if got, err := ParseRef(form); got != tt.ref || err != nil {
					t.Errorf("ParseRef(%q) = %v, %v, want %v", form, got, err, tt.ref)
				}
			}
			data, err := json.Marshal(map[string]Ref{"ref": tt.ref})
			if want := `{"ref":"` + tt.text + `"}`; err != nil || string(data) != want {
				t.Errorf("JSON = %s, %v, want %s", data, err, want)
			}
			var back struct{ Ref Ref }
			if err := json.Unmarshal(data, &back); err != nil || back.Ref != tt.ref {
				t.Errorf("read back %v, %v, want %v", back.Ref, err, tt.ref)
			}
		})
	}
}

func TestParseRefRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"nothing":                        "",
		"a bare name":                    "prod",
		"another kind":                   "cluster/prod",
		"no name":                        "environment/",
		"too many parts":                 "environment/prod/eu",
		"an instance without a name":     "service/shop/instance",
		"an instance with an empty name": "service/shop/instance/",
		"an unknown part of a service":   "service/shop/thing/eu",
		"too much after a pipeline":      "service/shop/pipeline/a/b",
		"a leading slash":                "/environment/prod",
		"a doubled slash":                "service//instance/eu",
		"half a resource name":           "arn:aws:proton:eu-west-1",
		"a resource name of a template":  "arn:aws:proton:eu-west-1:123456789012:environment-template/x",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseRef(text)
			if err == nil {
				t.Fatalf("ParseRef(%q) = %v, want an error", text, got)
			}
			if got != (Ref{}) || !strings.Contains(err.Error(), "want") {
				t.Errorf("ParseRef(%q) = %v, %v, want no Ref and the forms there are", text, got, err)
			}
		})
	}
}

func TestZeroRefInJSON(t *testing.T) {
	t.Parallel()
	data, err := json.Marshal(Ref{})
	if err != nil || string(data) != `""` {
		t.Errorf("JSON of the zero Ref = %s, %v, want an empty string", data, err)
	}
	got := EnvironmentRef("prod")
	if err := json.Unmarshal([]byte(`""`), &got); err != nil || got != (Ref{}) {
		t.Errorf("read back %v, %v, want the zero Ref", got, err)
	}
}

// TestStatusMoves enumerates every pair of statuses, the empty one included.
func TestStatusMoves(t *testing.T) {
	t.Parallel()
	all := []Status{"", InProgress, Failed, Succeeded, DeleteInProgress, DeleteFailed, DeleteComplete, Cancelling, Cancelled}
	legal := map[[2]Status]bool{
		{InProgress, Succeeded}:            true,
		{InProgress, Failed}:               true,
		{InProgress, Cancelling}:           true,
		{Cancelling, Cancelled}:            true,
		{Cancelling, Succeeded}:            true,
		{Cancelling, Failed}:               true,
		{DeleteInProgress, DeleteComplete}: true,
		{DeleteInProgress, DeleteFailed}:   true,
	}
	for _, from := range all {
		for _, to := range all {
			want := from == to || legal[[2]Status{from, to}]
			got, err := from.To(to)
			if (err == nil) != want {
				t.Errorf("%q to %q: err = %v, want legal = %v", from, to, err, want)
			}
			if wantStatus := map[bool]Status{true: to, false: from}[want]; got != wantStatus {
				t.Errorf("%q to %q: got %q, want %q", from, to, got, wantStatus)
			}
		}
	}
	open := []Status{InProgress, Cancelling, DeleteInProgress}
	for _, s := range all {
		if got, want := s.Final(), !slices.Contains(open, s); got != want {
			t.Errorf("%q.Final() = %v, want %v", s, got, want)
		}
	}
}
