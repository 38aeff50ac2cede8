package reconciler

import (
	"baryon/renderer"
	"baryon/state"
)

// EngineAWSCodeBuild runs a manifest's commands as an AWS CodeBuild build;
// renderer.EngineCodeBuild is the same commands where the daemon runs.
const EngineAWSCodeBuild renderer.Engine = "aws-codebuild"

// engineFor names the engine for a part: what its manifest is written for and
// what its environment says about where that happens decide it together.
func engineFor(t state.Target, w wanted, needs map[state.Ref]state.Target) renderer.Engine {
	m := w.bundle.Parts[w.part]
	if m == nil {
		return engineNone
	}
	if m.Engine == renderer.EngineCodeBuild && codebuildRole(t, needs) != "" {
		return EngineAWSCodeBuild
	}
	return m.Engine
}

// codebuildRole is the role that the environment of a target names for builds.
func codebuildRole(t state.Target, needs map[state.Ref]state.Target) string {
	if t.Ref.Kind == state.KindEnvironment {
		return t.Desired.CodebuildRole
	}
	return needs[state.EnvironmentRef(t.Desired.Environment)].Desired.CodebuildRole
}

// noEngine says that this daemon has no such engine; the zero Waiting says that
// it has, or that nothing is ever applied here. What cannot be applied waits: to apply it by another engine would
// change the wrong thing, and to fail it would call for a person.
func (r *Reconciler) noEngine(engine renderer.Engine) state.Waiting {
	if engine == engineNone || engine == "" || len(r.cfg.Engines) == 0 || r.cfg.Engines[engine] != nil {
		return state.Waiting{}
	}
	w := state.Waiting{Reason: state.WaitEngine, On: string(engine), Next: "run a Baryon that has this engine, or use a template for another one"}
	switch engine {
	case EngineAWSCodeBuild:
		w.Why = "its environment names a codebuildRole, so its commands are to run in AWS CodeBuild, and this Baryon has no engine for that yet"
		w.Next = "take codebuildRole out of the environment to run the commands where the daemon runs, or run a Baryon that has this engine"
	case renderer.EngineCloudFormation:
		w.Why = "its template is AWS CloudFormation, and this Baryon has no engine for that yet"
	default:
		w.Why = "this Baryon has no engine for " + string(engine) + " yet"
	}
	return w
}

// madeBy names the engine that made what is to be taken away; empty when nothing
// was ever applied, as when its template could not be rendered.
func madeBy(v View) string {
	if v.Target.Deployed.Rendered == "" && v.Applied != nil {
		return v.Applied.Engine
	}
	return v.Target.Deployed.Engine
}

// madeFrom is the digest of what made it: of the last success, or where there
// was none, of the last attempt, which may have made something.
func madeFrom(v View) string {
	if v.Target.Deployed.Rendered == "" && v.Applied != nil {
		return v.Applied.Rendered
	}
	return v.Target.Deployed.Rendered
}
