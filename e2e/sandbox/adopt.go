package sandbox

import (
	"context"
	"fmt"
	"strings"

	"ecs-sample-app/e2e/account"
)

// ForgetPending makes Pulumi forget creations that it can't know the end of.
func (s *Sandbox) ForgetPending(ctx context.Context) error {
	return s.run(ctx, "refresh", "--yes", "--skip-preview", "--clear-pending-creates")
}

// Adopt imports pending resources under the IDs with which they exist in the account,
// each at its place in the program: `pulumi import TYPE NAME ID --parent parent=URN`.
func (s *Sandbox) Adopt(ctx context.Context, ids map[Pending]string) error {
	for pending, id := range ids {
		if pending.Kind == account.Services {
			_, id, _ = strings.Cut(id, ":service/") // Imported by CLUSTER/SERVICE, not by its ARN.
		}
		err := s.run(ctx, "import", pending.Type, nameOf(pending.URN), id, "--parent", "parent="+pending.Parent,
			"--yes", "--skip-preview", "--protect=false", "--generate-code=false")
		if err != nil {
			return fmt.Errorf("import %s: %w", id, err)
		}
	}
	return nil
}

// run runs a command of the CLI.
func (s *Sandbox) run(ctx context.Context, arguments ...string) error {
	command := s.Command(ctx, arguments...)
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("pulumi %s: %w\n%s", arguments[0], err, out)
	}
	return nil
}
