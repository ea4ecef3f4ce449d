package check

import (
	"errors"
	"strings"
	"testing"

	"ecs-sample-app/problem"
)

func TestANameIsTakenOnlyIfAWSTakesAllThatIsDerivedOfIt(t *testing.T) {
	t.Parallel()
	for name, fits := range map[string]bool{
		"a": true, "sample-app": true, "A1-b2": true, strings.Repeat("a", MaxName): true,
		"": false, "1a": false, "-a": false, "a-": false, "a--b": false, "a_b": false, "a.b": false, "sg-a": false,
		"internal-a": false, "ä": false, strings.Repeat("a", MaxName+1): false,
	} {
		var ps problem.Problems
		Name(&ps, name)
		if (len(ps) == 0) != fits {
			t.Errorf("whether %q is a name for a component: %v, want %v", name, ps, fits)
		}
	}
}

func TestAProblemSaysWhereWhatWasGivenAndWhatIsAllowed(t *testing.T) {
	t.Parallel()
	var ps problem.Problems
	OneOf(&ps, "a.b", 300, []int{1, 2, 3})
	OneOf(&ps, "c", "", []string{"x", "y"})
	Range(&ps, "d", -1, 0, 9, "seconds")
	ps.Missing("e", "a value")
	want := "a.b: got 300, want 1, 2 or 3\nc: got \"\", want x or y\nd: got -1, want 0 to 9 seconds\ne: got nothing, want a value"
	if got := ps.Err().Error(); got != want {
		t.Errorf("the problems read\n%s\nand not\n%s", got, want)
	}
}

func TestNoProblemIsNoError(t *testing.T) {
	t.Parallel()
	var ps problem.Problems
	Range(&ps, "a", 5, 0, 9, "")
	Port(&ps, "b", 80)
	Tags(&ps, "c", map[string]string{"Owner": "team a@b", "Größe": "1"})
	if err := ps.Err(); err != nil {
		t.Errorf("good values are refused: %v", err)
	}
	if err := Component("web", nil); err != nil {
		t.Errorf("a good component is refused: %v", err)
	}
}

func TestAnotherErrorIsNotLostAmongProblems(t *testing.T) {
	t.Parallel()
	other := errors.New("disk on fire")
	if err := Component("1", other); !errors.Is(err, other) || !strings.Contains(err.Error(), "name: got") {
		t.Errorf("one of two errors is lost: %v", err)
	}
}

func TestABlockIsIPv4WithoutHostBits(t *testing.T) {
	t.Parallel()
	for block, fits := range map[string]bool{
		"10.0.0.0/8": true, "0.0.0.0/0": true, "192.0.2.1/32": true,
		"10.0.0.1/8": false, "::/0": false, "10.0.0.0": false, "10.0.0.0/33": false, "": false, "010.0.0.0/8": false,
	} {
		var ps problem.Problems
		_, ok := IPv4CIDR(&ps, "block", block)
		if ok != fits || (len(ps) == 0) != fits {
			t.Errorf("whether %q is a block: %v, want %v", block, ps, fits)
		}
	}
}
