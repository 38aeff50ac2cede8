package awssim

import (
	"maps"
	"time"
)

// Some things of stacks are what other services answer for: buckets,
// parameters, secrets. They are made, changed and taken away with the things,
// and what is made through those services is a thing that a stack can import.

// known notes a thing that was made through its own service. One that a stack
// owns stays its; its properties are what is there now.
func (r *region) known(typ, id, physical string, p map[string]any) {
	if old := r.Things[key(typ, id)]; old != nil {
		maps.Copy(old.Properties, p)
		return
	}
	r.Things[key(typ, id)] = &Thing{Type: typ, ID: id, Physical: physical, Properties: p, Attributes: map[string]string{}}
}

// appear makes what a thing is for other services, or changes it.
func (r *region) appear(w *world, thing *Thing, at time.Time) {
	text := func(k string) string { return shown(thing.Properties[k]) }
	switch thing.Type {
	case "AWS::S3::Bucket":
		if w.Buckets[thing.ID] == nil {
			w.Buckets[thing.ID] = &bucket{Account: r.Account, Region: r.Name, Objects: map[string]object{}}
		}
	case "AWS::SSM::Parameter":
		if p := r.Parameters[thing.ID]; p == nil || p.latest() != text("Value") {
			r.keep(thing.ID, text("Type"), text("Value"), text("Description"), at)
		}
	case "AWS::SecretsManager::Secret":
		s := r.secret(thing.ID)
		if s == nil {
			return
		}
		value := text("SecretString")
		if ask, ok := thing.Properties["GenerateSecretString"].(map[string]any); ok && len(s.Versions) == 0 {
			value = w.generated(ask)
		}
		if v := s.version("", ""); value != "" && (v == nil || v.Value != value) {
			s.add(secretVersion{ID: w.uuid(), Value: value, At: at})
		}
	}
}

// vanish takes a thing away, and what it is for other services.
func (r *region) vanish(w *world, where string) {
	thing := r.Things[where]
	if thing == nil {
		return
	}
	delete(r.Things, where)
	switch thing.Type {
	case "AWS::S3::Bucket":
		delete(w.Buckets, thing.ID)
	case "AWS::SSM::Parameter":
		delete(r.Parameters, thing.ID)
	case "AWS::SecretsManager::Secret":
		if s := r.secret(thing.ID); s != nil {
			delete(r.Secrets, s.Name)
		}
	}
}
