package main

import (
	"fmt"
	"io"
	"strings"

	v1 "baryon/server/v1"
)

func printTargets(w io.Writer, all []v1.Target) {
	table(w, "NAME VERSION STATE STATUS CHANGED REASON", func(row func(...string)) {
		for _, t := range all {
			changed, _ := t.LastChange()
			row(t.Ref, versionOf(t), t.State, t.DeploymentStatus, ago(changed), reason(t))
		}
	})
}

func printTarget(w io.Writer, t v1.Target) {
	fmt.Fprintf(w, "%s  %s\n", t.Ref, t.State)
	f := fields{w}
	f.line("status", t.DeploymentStatus)
	f.line("message", t.DeploymentStatusMessage)
	f.line("template", versionOf(t))
	f.line("follows", t.Follow)
	f.line("environment", t.EnvironmentName)
	f.line("why", reason(t))
	f.line("next", t.Why.Next)
	if t.Drift != nil {
		f.line("drift", driftLine(*t.Drift))
	}
	f.line("needs", strings.Join(t.Needs, ", "))
	f.line("needed by", strings.Join(t.Dependents, ", "))
	f.line("declared in", t.Owner)
	_, change := t.LastChange()
	f.line("change", change)
	f.line("attempted", at(t.LastDeploymentAttemptedAt))
	f.line("succeeded", at(t.LastDeploymentSucceededAt))
	f.line("deployment", t.LastAttemptedDeploymentID)
	for _, name := range sortedKeys(t.Outputs) {
		f.line("output", name+"="+t.Outputs[name])
	}
}

func printServices(w io.Writer, all []v1.Service) {
	table(w, "NAME TEMPLATE VERSION STATUS INSTANCES MESSAGE", func(row func(...string)) {
		for _, s := range all {
			row(s.Ref, s.TemplateName, s.Version, s.Status, fmt.Sprint(len(s.Instances)), s.StatusMessage)
		}
	})
}

func printService(w io.Writer, s v1.Service) {
	fmt.Fprintf(w, "%s  %s\n", s.Ref, s.Status)
	f := fields{w}
	f.line("message", s.StatusMessage)
	f.line("template", s.TemplateName)
	f.line("follows", s.Version)
	for _, name := range sortedKeys(s.Pins) {
		f.line("pinned", name+" to "+s.Pins[name])
	}
	f.line("code", strings.TrimSpace(s.RepositoryID+" "+s.BranchName))
	f.line("declared in", s.Owner)
	fmt.Fprintln(w)
	printTargets(w, s.Targets())
}

func printTemplates(w io.Writer, all []v1.Template) {
	table(w, "NAME KIND RECOMMENDED VERSIONS REPOSITORY", func(row func(...string)) {
		for _, t := range all {
			var versions []string
			for _, v := range t.Versions {
				switch v.Status {
				case "PUBLISHED":
					versions = append(versions, v.Version)
				default:
					versions = append(versions, v.Version+" "+v.Status)
				}
			}
			row(t.Name, t.Kind, t.RecommendedVersion, strings.Join(versions, ", "), t.Repository)
		}
	})
}

func printTemplate(w io.Writer, t v1.Template) {
	fmt.Fprintf(w, "%s  %s template\n", t.Name, t.Kind)
	f := fields{w}
	f.line("description", t.Description)
	f.line("recommended", t.RecommendedVersion)
	f.line("repository", t.Repository)
	fmt.Fprintln(w)
	table(w, "VERSION STATUS REGISTERED CHANGE MESSAGE", func(row func(...string)) {
		for _, v := range t.Versions {
			change := ""
			if v.Origin != nil {
				change = v.Origin.Change()
			}
			row(v.Version, v.Status, ago(v.CreatedAt), change, v.StatusMessage)
		}
	})
	for _, v := range t.Versions {
		if v.Status == "DRAFT" {
			fmt.Fprintf(w, "\nnext: baryon publish %s %s\n", t.Name, v.Version)
			return
		}
	}
}

func printTemplateVersion(w io.Writer, v v1.TemplateVersion) {
	fmt.Fprintf(w, "%s %s  %s\n", v.TemplateName, v.Version, v.Status)
	f := fields{w}
	f.line("message", v.StatusMessage)
	f.line("registered", at(v.CreatedAt))
	if v.Origin != nil {
		f.line("from", v.Origin.Repository+":"+v.Origin.Path)
		f.line("change", v.Origin.Change())
	}
	for _, c := range v.CompatibleEnvironments {
		f.line("runs in", c.TemplateName+" "+c.MajorVersion)
	}
	f.line("bundle", v.Bundle)
	fmt.Fprintf(w, "\n%s\n", strings.TrimSpace(v1.Plain([]byte(v.Schema))))
}

func printRepositories(w io.Writer, all []v1.Repository) {
	table(w, "NAME STATE COMMIT SYNCED TEMPLATES DOCUMENTS PROBLEMS MESSAGE", func(row func(...string)) {
		for _, r := range all {
			row(r.Name, r.State, shortCommit(r.Commit), ago(r.SyncedAt), fmt.Sprint(r.Bundles), fmt.Sprint(r.Documents), fmt.Sprint(r.Problems),
				orDefault(r.Error, r.Degraded))
		}
	})
}

func printRepository(w io.Writer, r v1.Repository) {
	fmt.Fprintf(w, "%s  %s\n", r.Ref, r.State)
	f := fields{w}
	f.line("error", r.Error)
	f.line("held back", r.Degraded)
	f.line("url", r.URL)
	f.line("branch", r.Branch)
	f.line("path", r.Path)
	f.line("commit", strings.TrimSpace(shortCommit(r.Commit)+" "+r.Subject))
	f.line("author", r.Author)
	f.line("synced", at(r.SyncedAt))
	f.line("holds", fmt.Sprintf("%d template(s), %d document(s), %d problem(s)", r.Bundles, r.Documents, r.Problems))
	if r.Problems > 0 {
		f.line("next", "baryon sources "+r.Name)
	}
}

func shortCommit(commit string) string { return commit[:min(len(commit), 12)] }

func printDeployments(w io.Writer, all []v1.Deployment) {
	table(w, "DEPLOYMENT WHAT ACTION VERSION STATUS BEGUN REASON", func(row func(...string)) {
		for _, d := range all {
			why := d.Reason
			if d.DeploymentStatus != "SUCCEEDED" && d.DeploymentStatusMessage != "" {
				why = d.DeploymentStatusMessage
			}
			row(d.ID, d.Ref, d.Action, d.Version, d.DeploymentStatus, ago(d.CreatedAt), why)
		}
	})
}

func printDeployment(w io.Writer, d v1.Deployment) {
	fmt.Fprintf(w, "%s  %s %s  %s\n", d.ID, d.Action, d.Ref, d.DeploymentStatus)
	f := fields{w}
	f.line("message", d.DeploymentStatusMessage)
	f.line("template", strings.TrimSpace(d.Template+" "+d.Version))
	f.line("before", d.Before)
	f.line("reason", d.Reason)
	f.line("asked by", d.By)
	if d.Origin != nil {
		f.line("change", d.Origin.Change())
	}
	f.line("engine", d.Engine)
	f.line("begun", at(d.CreatedAt))
	f.line("ended", at(d.CompletedAt))
	for _, name := range sortedKeys(d.Outputs) {
		f.line("output", name+"="+d.Outputs[name])
	}
	f.line("next", "baryon logs "+d.ID)
}

// driftLine says what others changed, and how old that knowledge is.
func driftLine(d v1.Drift) string {
	text := "none"
	switch {
	case d.Failed != "":
		text = "could not be looked for: " + firstLine(d.Failed)
	case len(d.Found) > 0:
		text = fmt.Sprintf("%d resource(s), first seen %s", len(d.Found), ago(d.Found[0].FirstSeen))
	}
	return text + "; checked " + ago(d.CheckedAt)
}
