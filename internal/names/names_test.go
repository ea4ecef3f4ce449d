package names

import (
	"math/rand"
	"strings"
	"testing"
	"testing/quick"
)

func TestEveryNameFitsAndNamesStayApart(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	holds := func(seed []byte, role bool) bool {
		name := strings.Repeat("long-name-", 2) + strings.Map(func(r rune) rune { return 'a' + r%26 }, string(seed)) + "x"
		suffix := "-lb"
		if role {
			suffix = "-tg"
		}
		child := Short(name, suffix, MaxLoadBalancing)
		if other, ok := seen[child]; ok && other != name {
			t.Errorf("%s and %s are both called %s", name, other, child)
		}
		seen[child] = name
		return len(child)+AutoSuffix <= MaxLoadBalancing && strings.HasSuffix(child, suffix) && !strings.Contains(child, "--")
	}
	// The same names every time: of 2000, two share their 24 bits one time in eight.
	if err := quick.Check(holds, &quick.Config{MaxCount: 2000, Rand: rand.New(rand.NewSource(1))}); err != nil {
		t.Errorf("AWS would refuse a name that validation accepts: %v", err)
	}
	if got := Short("sample-app", "-lb", MaxLoadBalancing); got != "sample-app-lb" {
		t.Errorf("a short name is changed to %s", got)
	}
}
