package awssim

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// public are the beginnings of the parameters that AWS itself keeps in every
// account, and what kind of thing their values name.
var public = []struct{ prefix, kind string }{
	{"/aws/service/ami-amazon-linux-latest/", "ami"},
	{"/aws/service/ami-windows-latest/", "ami"},
	{"/aws/service/canonical/ubuntu/", "ami"},
	{"/aws/service/debian/", "ami"},
	{"/aws/service/bottlerocket/", "ami"},
	{"/aws/service/ecs/optimized-ami/", "ami"},
	{"/aws/service/eks/optimized-ami/", "ami"},
	{"/aws/service/global-infrastructure/regions/", "name"},
}

// parameter returns a parameter of the account or one that AWS keeps in every
// account; nil is none. The values of the public ones have the form of the real
// ones and are made up.
func (r *region) parameter(name string) *parameter {
	if p := r.Parameters[name]; p != nil {
		return p
	}
	for _, known := range public {
		rest, ok := strings.CutPrefix(name, known.prefix)
		switch {
		case !ok || rest == "":
		case known.kind == "name":
			return &parameter{Type: "String", Versions: []parameterVersion{{Value: rest}}}
		case strings.HasSuffix(rest, "image_id") || !strings.Contains(rest, "recommended") && known.prefix != "/aws/service/ecs/optimized-ami/":
			sum := sha256.Sum256([]byte(r.Name + name))
			return &parameter{Type: "String", Versions: []parameterVersion{{Value: "ami-" + hex.EncodeToString(sum[:])[:17]}}}
		}
	}
	return nil
}
