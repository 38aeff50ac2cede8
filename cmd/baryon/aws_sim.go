package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"baryon/provisioner/awssim"
)

const simAddress = "127.0.0.1:4599"

// A simulator is a simulated AWS as the command line asks for it.
type simulator struct {
	listen, state string
	cfg           awssim.Config
}

func awsSimCommand() *cobra.Command {
	s := &simulator{}
	cmd := &cobra.Command{
		Use:   "aws-sim",
		Short: "Simulate AWS, to rehearse without an account",
		Long: `Answers for CloudFormation, STS, S3, the parameter store and Secrets Manager on
a loopback address, in memory, for as long as it runs; --state keeps what there
is in a file. Every access key is good: one of 12 digits stands for the account
of that number, every other for --account. The region is the one a client asks
for. Resources are records: nothing is really made.

What goes wrong is up to you: "baryon aws-sim tell" lists it. docs/cloudformation.md
says what is simulated and what is not.`,
		Example: "  baryon aws-sim &\n" +
			"  AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=x BARYON_AWS_ENDPOINT=http://" + simAddress + " baryon serve\n" +
			"  aws --endpoint-url http://" + simAddress + " cloudformation describe-stacks\n" +
			"  baryon aws-sim tell fault '{\"Stack\": \"environment-dev\", \"Do\": \"update\", \"Reason\": \"no luck\", \"Times\": 1}'",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return s.run(cmd.Context(), cmd.OutOrStdout()) },
	}
	f := cmd.Flags()
	f.StringVar(&s.listen, "listen", simAddress, "loopback address to answer at")
	f.StringVar(&s.state, "state", "", "file that keeps what there is; it is read at the start")
	f.StringVar(&s.cfg.Account, "account", awssim.DefaultAccount, "account of keys that name none")
	f.DurationVar(&s.cfg.Step, "step", 2*time.Second, "how long one resource takes")
	f.Float64Var(&s.cfg.Rate, "rate", 0, "calls a second before an account is throttled; 0 is never")
	f.IntVar(&s.cfg.Lag, "lag", 0, "reads of a stack after a write that still show what was")
	f.DurationVar(&s.cfg.Session, "session", 0, "how long credentials of assumed roles last at most; 0 is as long as was asked for")
	f.IntVar(&s.cfg.PageSize, "page-size", 100, "entries on a page of an answer")
	f.IntVar(&s.cfg.MaxStacks, "max-stacks", 2000, "stacks that an account may have in a region")
	cmd.AddCommand(awsSimTellCommand())
	return cmd
}

var accountNumber = regexp.MustCompile(`^\d{12}$`)

// check refuses what can't be simulated, all at once.
func (s *simulator) check() error {
	var problems []error
	if host, _, err := net.SplitHostPort(s.listen); err != nil || !net.ParseIP(host).IsLoopback() {
		problems = append(problems, fmt.Errorf("--listen %s: want a loopback address as %s; the simulator lets everybody in", s.listen, simAddress))
	}
	if !accountNumber.MatchString(s.cfg.Account) {
		problems = append(problems, fmt.Errorf("--account %s: want the 12 digits of an account", s.cfg.Account))
	}
	for name, v := range map[string]float64{
		"step": s.cfg.Step.Seconds(), "rate": s.cfg.Rate, "lag": float64(s.cfg.Lag), "session": s.cfg.Session.Seconds(),
		"page-size": float64(s.cfg.PageSize - 1), "max-stacks": float64(s.cfg.MaxStacks - 1),
	} {
		if v < 0 {
			problems = append(problems, fmt.Errorf("--%s: want more than that", name))
		}
	}
	return errors.Join(problems...)
}

func (s *simulator) run(ctx context.Context, out io.Writer) error {
	if err := s.check(); err != nil {
		return err
	}
	sim := awssim.New(s.cfg)
	if err := s.read(sim); err != nil {
		return err
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", s.listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w: a simulator or another program answers there; --listen takes another address", err)
	}
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(out, "AWS is simulated at http://%s: no account is touched\n", l.Addr()); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return serveUntil(ctx, l, sim) })
	if s.state != "" {
		g.Go(func() error { return s.keep(ctx, sim) })
	}
	return g.Wait()
}

// read takes up what an earlier run has left.
func (s *simulator) read(sim *awssim.Sim) error {
	if s.state == "" {
		return nil
	}
	file, err := os.Open(s.state)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	if err := sim.Load(file); err != nil {
		return fmt.Errorf("--state %s: %w; move it away to begin anew", s.state, err)
	}
	return nil
}

// keep writes the state once a second, and at the end.
func (s *simulator) keep(ctx context.Context, sim *awssim.Sim) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var last []byte
	for {
		ended := false
		select {
		case <-ctx.Done():
			ended = true
		case <-tick.C:
		}
		var now bytes.Buffer
		err := sim.Save(&now)
		if err == nil && !bytes.Equal(last, now.Bytes()) {
			err = replaceFile(s.state, now.Bytes())
		}
		if err != nil || ended {
			return err
		}
		last = now.Bytes()
	}
}

// replaceFile writes a file whole or not at all.
func replaceFile(path string, data []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err := errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return os.Rename(file.Name(), path)
}

func awsSimTellCommand() *cobra.Command {
	var at string
	cmd := &cobra.Command{
		Use:   "tell [WHAT [BODY]]",
		Short: "Tell a running simulator what goes wrong, or ask what it has seen",
		Long: `Sends WHAT to a simulator that runs, with a body of JSON or a number where it
takes one; without WHAT it lists all there is. It is a request to /_sim/WHAT, which
curl can make as well.`,
		Example: "  baryon aws-sim tell\n" +
			"  baryon aws-sim tell drift '{\"Stack\": \"environment-dev\", \"Logical\": \"Topic\", \"Properties\": {\"DisplayName\": \"by hand\"}}'\n" +
			"  baryon aws-sim tell wire '{\"Action\": \"CreateChangeSet\", \"Kind\": \"unavailable\", \"Times\": 3}'\n" +
			"  baryon aws-sim tell rate 8\n" +
			"  baryon aws-sim tell mutations",
		Args: cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			what, body := "", ""
			if len(args) > 0 {
				what = args[0]
			}
			if len(args) > 1 {
				body = args[1]
			}
			return tellSimulator(cmd.Context(), cmd.OutOrStdout(), strings.TrimSuffix(at, "/"), what, body)
		},
	}
	cmd.Flags().StringVar(&at, "at", "http://"+simAddress, "address of the simulator")
	return cmd
}

// tellSimulator asks with the method that is wanted: what changes nothing is
// asked for with GET.
func tellSimulator(ctx context.Context, out io.Writer, at, what, body string) error {
	for _, method := range []string{http.MethodPost, http.MethodGet} {
		req, err := http.NewRequestWithContext(ctx, method, at+"/_sim/"+what, strings.NewReader(body))
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return fmt.Errorf("%w; is there a simulator at %s? \"baryon aws-sim\" starts one", err, at)
		}
		text, err := io.ReadAll(resp.Body)
		if err := errors.Join(err, resp.Body.Close()); err != nil {
			return err
		}
		switch {
		case resp.StatusCode == http.StatusMethodNotAllowed && method == http.MethodPost:
		case resp.StatusCode != http.StatusOK:
			return fmt.Errorf("%s: %s", what, strings.TrimSpace(string(text)))
		default:
			_, err := out.Write(text)
			return err
		}
	}
	return fmt.Errorf("%s can't be asked for", what)
}
