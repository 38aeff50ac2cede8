package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// site is a program for scripts: site FOLDER answers at SITE_LISTEN as something
// that was deployed would. The folder is its infrastructure: the file status says
// with which status it answers, and page with what. Until there is one, it is 404.
func site() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: site FOLDER")
		os.Exit(2)
	}
	dir := os.Args[1]
	server := &http.Server{
		Addr: os.Getenv("SITE_LISTEN"), ReadHeaderTimeout: time.Minute,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			text, _ := os.ReadFile(filepath.Join(dir, "status"))
			status, err := strconv.Atoi(strings.TrimSpace(string(text)))
			if err != nil {
				status = http.StatusNotFound
			}
			page, _ := os.ReadFile(filepath.Join(dir, "page"))
			w.WriteHeader(status)
			_, _ = w.Write(page)
		}),
	}
	fmt.Fprintln(os.Stderr, server.ListenAndServe())
	os.Exit(1)
}

// post URL BODY sends a request, which has to be answered with 200.
func post(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: post URL BODY")
	}
	resp, err := http.Post(args[0], "application/json", strings.NewReader(args[1]))
	ts.Check(err)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		ts.Fatalf("%s answered %s", args[0], resp.Status)
	}
}
