// Command acceptance takes a stack through its life on a real AWS account, and says of
// each thing that no emulator can prove whether it holds. `make acceptance` runs it.
//
// What it makes is deleted at the end, also where something does not hold. It costs less
// than 0.20 USD and takes about half an hour.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"ecs-sample-app/e2e/account"
	"ecs-sample-app/e2e/sandbox"
	"ecs-sample-app/tools/toolchain"
)

func main() {
	var o options
	flag.StringVar(&o.account, "account", "", "the ID of the account, which must be that of the credentials")
	flag.StringVar(&o.domain, "domain", "", "a domain name with a hosted zone in the account, to try HTTPS with")
	flag.BoolVar(&o.emulator, "emulator", false, "run against the emulator, with containers, to try this command itself")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "acceptance:", err)
		os.Exit(1)
	}
}

type options struct {
	account, domain string
	emulator        bool
}

func run(ctx context.Context, o options) error {
	if o.emulator == (o.account != "") {
		return errors.New("say which account: make acceptance ACCOUNT=123456789012, with credentials for it in the environment")
	}
	root, err := toolchain.Root()
	if err != nil {
		return err
	}
	dir := filepath.Join(root, ".local", "acceptance", time.Now().UTC().Format("2006-01-02-150405"))
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	s, err := o.open(ctx, dir)
	if err != nil {
		return err
	}
	a := &acceptance{Sandbox: s, dir: dir, domain: o.domain, emulated: o.emulator}
	a.life(ctx)
	// Also after Ctrl-C, what exists has to go.
	a.end(context.WithoutCancel(ctx))
	return errors.Join(a.verdict(), s.Close())
}

// open makes the stack, in the emulator or in the account.
func (o options) open(ctx context.Context, dir string) (*sandbox.Sandbox, error) {
	if err := sandbox.Prepare(ctx); err != nil {
		return nil, err
	}
	if o.emulator {
		return sandbox.NewWithContainers(ctx, dir)
	}
	loaded, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the AWS configuration: %w", err)
	}
	if loaded.Region == "" {
		return nil, errors.New("set AWS_REGION to the region to try")
	}
	who, err := sts.NewFromConfig(loaded).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return nil, fmt.Errorf("ask AWS whose credentials these are: %w", err)
	}
	if got := aws.ToString(who.Account); got != o.account {
		return nil, fmt.Errorf("the credentials are for the account %s, not for %s", got, o.account)
	}
	s, err := sandbox.InAccount(ctx, dir, account.Of(loaded))
	if err != nil {
		return nil, err
	}
	return s, s.Stack.SetConfig(ctx, "aws:region", configValue(loaded.Region))
}
