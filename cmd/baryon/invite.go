package main

import "fmt"

// invite says what the reader can do now.
func (s *story) invite() {
	if s.terraform.Path != "" {
		fmt.Fprintf(s.out, terraformInvitation, s.d.address(), s.url)
		return
	}
	if s.account != nil {
		fmt.Fprintf(s.out, accountInvitation, s.account.url)
	}
	fmt.Fprintf(s.out, `
The daemon goes on; its page is at %[1]s. Try, in another terminal:

  export BARYON_SERVER=%[1]s
  baryon status
  baryon why environment/dev
  baryon get service shop -o json
  baryon history service/shop/service-instance/canary
  baryon logs service/shop/pipeline
  baryon sources

  git clone %[2]s && cd platform
  # correct environments/dev.yaml, then
  git commit -am "Correct dev" && git push
  baryon status --watch

If baryon is not installed, write "go run ./cmd/baryon" for it. End with Ctrl-C.
`, s.d.address(), s.url)
}

const accountInvitation = `
The account is simulated at %[1]s. The AWS CLI reads it:

  export AWS_ACCESS_KEY_ID=000000000000 AWS_SECRET_ACCESS_KEY=none AWS_DEFAULT_REGION=us-east-1
  aws --endpoint-url %[1]s cloudformation describe-stacks
`

const terraformInvitation = `
The daemon goes on; its page is at %[1]s. Try, in another terminal:

  export BARYON_SERVER=%[1]s
  baryon status
  baryon logs environment/prod
  baryon history environment/dev

  git clone %[2]s && cd platform
  # give environments/prod.yaml another cidr, then
  git commit -am "Move prod" && git push
  baryon why environment/prod       # terraform's plan
  baryon approve environment/prod

If baryon is not installed, write "go run ./cmd/baryon" for it. End with Ctrl-C.
`
