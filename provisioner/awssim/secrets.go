package awssim

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A secret is kept in Secrets Manager.
type secret struct {
	ARN, Name, Description string
	Versions               []secretVersion
	Tags                   tags
	Deleted                time.Time // when it will go, or has gone
}

// A secretVersion is a value a secret had or has, and its stages.
type secretVersion struct {
	ID, Value string
	Binary    bool // Value is bytes
	At        time.Time
	Stages    []string
}

const (
	current  = "AWSCURRENT"
	previous = "AWSPREVIOUS"
)

// version finds a version by ID or stage; nil is none.
func (s *secret) version(id, stage string) *secretVersion {
	if id == "" && stage == "" {
		stage = current
	}
	for i := range s.Versions {
		if v := &s.Versions[i]; (id == "" || v.ID == id) && (stage == "" || slices.Contains(v.Stages, stage)) {
			return v
		}
	}
	return nil
}

// add makes a value the one that counts.
func (s *secret) add(v secretVersion) {
	for i := range s.Versions {
		old := &s.Versions[i]
		was := slices.Contains(old.Stages, current)
		old.Stages = slices.DeleteFunc(old.Stages, func(stage string) bool { return stage == current || stage == previous })
		if was {
			old.Stages = append(old.Stages, previous)
		}
	}
	v.Stages = []string{current}
	s.Versions = append(s.Versions, v)
}

// secret finds a secret by its name, its ARN, or the ARN without its end.
func (r *region) secret(id string) *secret {
	for _, name := range sorted(r.Secrets) {
		s := r.Secrets[name]
		if id == name || id == s.ARN || strings.HasPrefix(id, "arn:") && id == s.ARN[:len(s.ARN)-7] {
			return s
		}
	}
	return nil
}

// newSecret makes an empty secret.
func (r *region) newSecret(w *world, name string) *secret {
	s := &secret{Name: name, ARN: "arn:aws:secretsmanager:" + r.Name + ":" + r.Account + ":secret:" + name + "-" + w.random(6)}
	r.Secrets[name] = s
	return s
}

// secrets answers for Secrets Manager.
func (c *call) secrets(action string, in map[string]any) (map[string]any, error) {
	switch action {
	case "CreateSecret":
		return c.createSecret(in)
	case "ListSecrets":
		all := []any{}
		for _, name := range sorted(c.region.Secrets) {
			if s := c.region.Secrets[name]; s.Deleted.IsZero() || yes(in, "IncludePlannedDeletion") {
				all = append(all, s.described())
			}
		}
		return paged(in, "SecretList", all, 100)
	case "GetRandomPassword":
		length := 32
		if n, ok := in["PasswordLength"].(float64); ok {
			length = int(n)
		}
		return map[string]any{"RandomPassword": c.w.password(length, of(in, "ExcludeCharacters"), yes(in, "ExcludePunctuation"))}, nil
	}
	s := c.region.secret(of(in, "SecretId"))
	if s == nil {
		return nil, &apiError{400, "ResourceNotFoundException", "Secrets Manager can't find the specified secret."}
	}
	if !s.Deleted.IsZero() && action != "DescribeSecret" && action != "RestoreSecret" && action != "DeleteSecret" {
		return nil, &apiError{400, "InvalidRequestException", "You can't perform this operation on the secret because it was marked for deletion."}
	}
	switch action {
	case "PutSecretValue", "UpdateSecret":
		if d := of(in, "Description"); d != "" {
			s.Description = d
		}
		out := map[string]any{"ARN": s.ARN, "Name": s.Name}
		if of(in, "SecretString")+of(in, "SecretBinary") != "" {
			v := c.valueOf(in)
			s.add(v)
			out["VersionId"] = v.ID
			out["VersionStages"] = []string{current}
		}
		return out, nil
	case "GetSecretValue":
		return c.secretValueOf(s, in)
	case "DescribeSecret":
		return s.described(), nil
	case "RestoreSecret":
		s.Deleted = time.Time{}
		return map[string]any{"ARN": s.ARN, "Name": s.Name}, nil
	case "DeleteSecret":
		return c.deleteSecret(s, in)
	case "ListSecretVersionIds":
		all := []any{}
		for _, v := range s.Versions {
			all = append(all, map[string]any{"VersionId": v.ID, "VersionStages": v.Stages, "CreatedDate": float64(v.At.Unix())})
		}
		return map[string]any{"ARN": s.ARN, "Name": s.Name, "Versions": all}, nil
	case "TagResource", "UntagResource":
		s.Tags.retag(in, "TagKeys")
		return map[string]any{}, nil
	}
	return nil, &apiError{400, "UnknownOperationException", "the simulated Secrets Manager has no " + action}
}

func (c *call) createSecret(in map[string]any) (map[string]any, error) {
	name := of(in, "Name")
	if old := c.region.Secrets[name]; old != nil {
		if !old.Deleted.IsZero() {
			return nil, &apiError{400, "InvalidRequestException", "You can't create this secret because a secret with this name is already scheduled for deletion."}
		}
		return nil, &apiError{400, "ResourceExistsException", "The operation failed because the secret " + name + " already exists."}
	}
	s := c.region.newSecret(&c.w, name)
	s.Description = of(in, "Description")
	s.Tags.retag(in, "")
	out := map[string]any{"ARN": s.ARN, "Name": name}
	if of(in, "SecretString")+of(in, "SecretBinary") != "" {
		v := c.valueOf(in)
		s.add(v)
		out["VersionId"] = v.ID
	}
	c.region.known("AWS::SecretsManager::Secret", s.ARN, s.ARN, map[string]any{"Name": name})
	return out, nil
}

func (c *call) valueOf(in map[string]any) secretVersion {
	v := secretVersion{ID: of(in, "ClientRequestToken"), Value: of(in, "SecretString"), At: c.now}
	if binary := of(in, "SecretBinary"); binary != "" {
		data, _ := base64.StdEncoding.DecodeString(binary) // clients encode it
		v.Value, v.Binary = string(data), true
	}
	if v.ID == "" {
		v.ID = c.w.uuid()
	}
	return v
}

func (c *call) secretValueOf(s *secret, in map[string]any) (map[string]any, error) {
	v := s.version(of(in, "VersionId"), of(in, "VersionStage"))
	if v == nil {
		what := "staging label: " + current
		if of(in, "VersionStage") != "" {
			what = "staging label: " + of(in, "VersionStage")
		}
		if of(in, "VersionId") != "" {
			what = "VersionId: " + of(in, "VersionId")
		}
		return nil, &apiError{400, "ResourceNotFoundException", "Secrets Manager can't find the specified secret value for " + what}
	}
	out := map[string]any{"ARN": s.ARN, "Name": s.Name, "VersionId": v.ID, "VersionStages": v.Stages, "CreatedDate": float64(v.At.Unix())}
	if v.Binary {
		out["SecretBinary"] = base64.StdEncoding.EncodeToString([]byte(v.Value))
	} else {
		out["SecretString"] = v.Value
	}
	return out, nil
}

// deleteSecret marks a secret to go after a number of days, or takes it away.
func (c *call) deleteSecret(s *secret, in map[string]any) (map[string]any, error) {
	days, given := in["RecoveryWindowInDays"].(float64)
	force := yes(in, "ForceDeleteWithoutRecovery")
	switch {
	case given && force:
		return nil, &apiError{400, "InvalidParameterException", "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays."}
	case given && (days < 7 || days > 30):
		return nil, &apiError{400, "InvalidParameterException", "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive)."}
	case !given:
		days = 30
	}
	at := c.now.AddDate(0, 0, int(days))
	if force {
		at = c.now
		delete(c.region.Secrets, s.Name)
	}
	s.Deleted = at
	delete(c.region.Things, key("AWS::SecretsManager::Secret", s.ARN))
	return map[string]any{"ARN": s.ARN, "Name": s.Name, "DeletionDate": float64(at.Unix())}, nil
}

func (s *secret) described() map[string]any {
	stages := map[string]any{}
	for _, v := range s.Versions {
		stages[v.ID] = v.Stages
	}
	out := map[string]any{"ARN": s.ARN, "Name": s.Name, "Description": s.Description, "VersionIdsToStages": stages, "RotationEnabled": false, "Tags": s.Tags.list()}
	if !s.Deleted.IsZero() {
		out["DeletedDate"] = float64(s.Deleted.Unix())
	}
	return out
}

// secretValue reads id:SecretString:key:stage:version, as dynamic references
// name it. An ID may be an ARN.
func (r *region) secretValue(reference string) (string, error) {
	id, rest, _ := strings.Cut(reference, ":")
	if strings.HasPrefix(reference, "arn:") {
		parts := strings.SplitN(reference, ":", 8)
		id, rest = strings.Join(parts[:min(7, len(parts))], ":"), ""
		if len(parts) == 8 {
			rest = parts[7]
		}
	}
	parts := append(strings.Split(rest, ":"), "", "", "", "")
	s := r.secret(id)
	if s == nil || !s.Deleted.IsZero() {
		return "", invalid("Secrets Manager can't find the specified secret. (Service: AWSSecretsManager; Status Code: 400; Error Code: ResourceNotFoundException)")
	}
	v := s.version(parts[3], parts[2])
	switch {
	case parts[0] != "" && parts[0] != "SecretString":
		return "", invalid("Secrets Manager dynamic references can only retrieve SecretString, not " + parts[0])
	case v == nil:
		return "", invalid("Secrets Manager can't find the specified secret value for the version or stage in " + reference +
			" (Service: AWSSecretsManager; Status Code: 400; Error Code: ResourceNotFoundException)")
	case parts[1] == "":
		return v.Value, nil
	}
	m := map[string]any{}
	if json.Unmarshal([]byte(v.Value), &m) != nil || m[parts[1]] == nil {
		return "", invalid("Could not find a value associated with JSONKey in SecretString")
	}
	return shown(m[parts[1]]), nil
}

// password makes a random password.
func (w *world) password(length int, without string, noPunctuation bool) string {
	letters := "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	if !noPunctuation {
		letters += "!#$%&()*+,-.:;<=>?@[]^_{|}~"
	}
	letters = strings.Map(func(r rune) rune {
		if strings.ContainsRune(without, r) {
			return -1
		}
		return r
	}, letters)
	if letters == "" || length < 1 {
		return ""
	}
	var out strings.Builder
	for out.Len() < length {
		for _, b := range []byte(w.random(20)) {
			if out.Len() < length {
				out.WriteByte(letters[(int(b)*7+out.Len()*13)%len(letters)])
			}
		}
	}
	return out.String()
}

// generated is the value of a secret that its template asks to be made up.
func (w *world) generated(ask map[string]any) string {
	length := 32
	if n, err := strconv.Atoi(shown(ask["PasswordLength"])); err == nil {
		length = n
	}
	password := w.password(length, shown(ask["ExcludeCharacters"]), ask["ExcludePunctuation"] == "true")
	in, name := shown(ask["SecretStringTemplate"]), shown(ask["GenerateStringKey"])
	if name == "" {
		return password
	}
	m := map[string]any{}
	_ = json.Unmarshal([]byte(in), &m) // what is no JSON holds nothing
	out := maps.Clone(m)
	if out == nil {
		out = map[string]any{}
	}
	out[name] = password
	return shown(out)
}
