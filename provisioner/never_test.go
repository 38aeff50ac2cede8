package provisioner

import "testing"

func TestTypeName(t *testing.T) {
	for _, tt := range []struct{ kind, address, want string }{
		{"AWS::RDS::DBInstance", "Database", "AWS::RDS::DBInstance"},
		{"", "aws_db_instance.main", "aws_db_instance"},
		{"", "aws_db_instance.main[0]", "aws_db_instance"},
		{"", `module.shop.aws_s3_bucket.data["a.b"]`, "aws_s3_bucket"},
		{"", `module.shop["x.y\"]z"].module.inner[3].aws_s3_bucket.data`, "aws_s3_bucket"},
		{"", "data.aws_db_instance.main", ""},
		{"", "module.shop.data.aws_db_instance.main", ""},
		{"", "module.module.aws_db_instance.data", "aws_db_instance"},
		{"", "Database", ""},
		{"", "", ""},
	} {
		if got := (ResourceChange{Type: tt.kind, Address: tt.address}).TypeName(); got != tt.want {
			t.Errorf("%q %q is a %q, want %q", tt.kind, tt.address, got, tt.want)
		}
	}
}

func TestPatterns(t *testing.T) {
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"AWS::RDS::*", "AWS::RDS::DBInstance", true},
		{"AWS::RDS::*", "AWS::RDSX::DBInstance", false},
		{"*", "", true},
		{"", "", true},
		{"aws_?b_*", "aws_db_instance", true},
		{"aws_?b_*", "aws_b_instance", false},
		{"*Cluster", "AWS::RDS::DBCluster", true},
		{"*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
	} {
		if got := (Patterns{"never", tt.pattern}).Match(tt.name); got != tt.want {
			t.Errorf("%q matches %q: %v", tt.pattern, tt.name, got)
		}
	}
}
