package gitsource_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"baryon/gitsource"
	"baryon/gitsource/gittest"
)

// The benchmarks compare with git, both sides in one run on one machine. The
// server is a process of its own, so that its work counts for neither.

const serveVariable = "BARYON_BENCH_SERVE"

// serveForBench is the other process: git http-backend for a folder.
func serveForBench(dir string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Fprintln(os.Stdout, listener.Addr())
	go func() {
		io.Copy(io.Discard, os.Stdin) // ends with the benchmark
		os.Exit(0)
	}()
	var t testing.T
	fmt.Fprintln(os.Stderr, http.Serve(listener, gittest.Backend(&t, dir)))
	os.Exit(1)
}

// benchServer starts the other process and returns its URL.
func benchServer(b *testing.B, dir string) string {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), serveVariable+"="+dir)
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			b.Error(err)
		}
	})
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return "http://" + strings.TrimSpace(addr)
}

// cpu is what this process and the children it waited for have used.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var sum time.Duration
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if err := syscall.Getrusage(who, &u); err != nil {
			b.Fatal(err)
		}
		sum += time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	return sum
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// atOnce calls f for each of n with 16 running at a time.
func atOnce(n int, f func(int)) {
	var all sync.WaitGroup
	places := make(chan struct{}, 16)
	for i := range n {
		places <- struct{}{}
		all.Go(func() {
			f(i)
			<-places
		})
	}
	all.Wait()
}

// BenchmarkWatching500 polls 500 repositories once, in turns with git ls-remote,
// and compares the CPU, children included. The promise is a quarter.
func BenchmarkWatching500(b *testing.B) {
	gittest.RequireGit(b)
	const repos = 500
	dir := b.TempDir()
	seed := gittest.NewRepo(b, filepath.Join(dir, "r0.git"))
	commit := seed.Commit(b, "main", "one", map[string]string{"a": "1"})
	for i := range 20 {
		gittest.Git(b, seed.Dir, "update-ref", fmt.Sprintf("refs/heads/topic/%d", i), commit)
	}
	gittest.Git(b, seed.Dir, "pack-refs", "--all")
	for i := 1; i < repos; i++ {
		if err := os.CopyFS(filepath.Join(dir, fmt.Sprintf("r%d.git", i)), os.DirFS(seed.Dir)); err != nil {
			b.Fatal(err)
		}
	}
	url := benchServer(b, dir)
	c := newClient(b, gitsource.Config{})
	ours := func(i int) {
		r := gitsource.Repo{Name: "r", URL: fmt.Sprintf("%s/r%d.git", url, i), Branch: "main"}
		if head, err := c.Head(b.Context(), r); err != nil || head != commit {
			b.Errorf("Head = %q, %v", head, err)
		}
	}
	theirs := func(i int) {
		out, err := gittest.TryGit(dir, "-c", "protocol.version=0", "ls-remote", fmt.Sprintf("%s/r%d.git", url, i), "refs/heads/main")
		if err != nil || !strings.HasPrefix(out, commit) {
			b.Errorf("ls-remote: %v\n%s", err, out)
		}
	}
	compare(b, repos, func() { atOnce(repos, ours) }, func() { atOnce(repos, theirs) }, cpu)
}

// BenchmarkFetchOneCommit notices and reads one new commit of a large repository,
// in turns with a bare git fetch of the same, and compares the time.
func BenchmarkFetchOneCommit(b *testing.B) {
	gittest.RequireGit(b)
	dir := b.TempDir()
	seed := gittest.NewRepo(b, filepath.Join(dir, "big.git"))
	files := map[string]string{}
	for i := range 20_000 {
		files[fmt.Sprintf("d%d/e%d/f%d", i%50, i%500, i)] = fmt.Sprint("content ", i)
	}
	seed.Commit(b, "main", "one", files)
	url := benchServer(b, dir)
	mirror := filepath.Join(b.TempDir(), "mirror.git")
	gittest.Git(b, "", "clone", "--quiet", "--mirror", url+"/big.git", mirror)
	c := newClient(b, gitsource.Config{})
	r := gitsource.Repo{Name: "big", URL: url + "/big.git", Branch: "main"}
	look := func() {
		head, err := c.Head(b.Context(), r)
		if err != nil {
			b.Fatal(err)
		}
		tree, err := c.Tree(b.Context(), r, head)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := tree.ReadFile("d1/e1/f1"); err != nil {
			b.Fatal(err)
		}
	}
	look()
	begin := time.Now()
	wall := func(*testing.B) time.Duration { return time.Since(begin) }
	n := 0
	push := func() {
		n++
		seed.Commit(b, "main", "more", map[string]string{"d1/e1/f1": fmt.Sprint(n)})
	}
	fetch := func() { gittest.Git(b, mirror, "fetch", "--quiet") }
	compareAfter(b, 1, push, look, fetch, wall)
}

func compare(b *testing.B, per int, ours, theirs func(), clock func(*testing.B) time.Duration) {
	b.Helper()
	compareAfter(b, per, func() {}, ours, theirs, clock)
}

// compareAfter runs both sides in turns, prepared anew for each pair, and reports
// the median of each and their ratio.
func compareAfter(b *testing.B, per int, prepare, ours, theirs func(), clock func(*testing.B) time.Duration) {
	b.Helper()
	var a, o []time.Duration
	for b.Loop() {
		for range 5 {
			prepare()
			before := clock(b)
			ours()
			between := clock(b)
			theirs()
			a, o = append(a, between-before), append(o, clock(b)-between)
		}
	}
	x, y := median(a), median(o)
	b.ReportMetric(float64(x.Microseconds())/1000/float64(per), "ms/ours")
	b.ReportMetric(float64(y.Microseconds())/1000/float64(per), "ms/git")
	b.ReportMetric(float64(x)/float64(y), "ratio")
}
