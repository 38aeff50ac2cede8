package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"baryon/gitsource/gittest"
)

// forge is a program for stories: a host with pull requests for the repositories
// OWNER/NAME.git of a folder, at SITE_LISTEN, whose token is FORGE_TOKEN. With another
// verb it has a person do something there: merge N, reject N, or show N.
func forge() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: forge serve FOLDER, or forge merge|reject|show NUMBER")
		os.Exit(2)
	}
	if err := forgeDo(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func forgeDo(verb, arg string) error {
	const repo = "acme/platform"
	base := "http://" + os.Getenv("SITE_LISTEN")
	if verb != "serve" {
		res, err := http.Get(base + "/-/" + verb + "?number=" + arg)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		_, err = io.Copy(os.Stdout, res.Body)
		if err == nil && res.StatusCode != http.StatusOK {
			err = fmt.Errorf("it answers %s", res.Status)
		}
		return err
	}
	f, err := gittest.NewForge(arg, os.Getenv("FORGE_TOKEN"))
	if err != nil {
		return err
	}
	f.Base = base
	person := func(do func(w io.Writer, number int) error) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			number, err := strconv.Atoi(r.URL.Query().Get("number"))
			if err == nil && number > f.Count(repo) {
				err = fmt.Errorf("there are %d pull requests", f.Count(repo))
			}
			if err == nil {
				err = do(w, number)
			}
			if err != nil {
				http.Error(w, err.Error(), http.StatusConflict)
			}
		}
	}
	mux := http.NewServeMux()
	mux.Handle("/", f)
	mux.Handle("/-/merge", person(func(_ io.Writer, n int) error { return f.Merge(repo, n, true) }))
	mux.Handle("/-/reject", person(func(_ io.Writer, n int) error { f.Reject(repo, n); return nil }))
	mux.Handle("/-/show", person(func(w io.Writer, n int) error {
		title, body, state, comments := f.Look(repo, n)
		_, err := fmt.Fprintf(w, "%d of %d: %s, %s\n%s\n%q\n", n, f.Count(repo), state, title, body, comments)
		return err
	}))
	server := &http.Server{Addr: os.Getenv("SITE_LISTEN"), ReadHeaderTimeout: time.Minute, Handler: mux}
	return server.ListenAndServe()
}
