package diff

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// page is a page of the repository.
func page(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func golden(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestThePageQuotesWhatIsSaidOfANewVPC(t *testing.T) {
	const file = "docs/operate.md"
	said, _, _ := strings.Cut(golden(t, "vpc"), "\n| |")
	quoted := 0
	for line := range strings.Lines(page(t, file)) {
		if !strings.HasPrefix(line, "> - ") {
			continue
		}
		quoted++
		if !strings.Contains(said, line) {
			t.Errorf("%s quotes\n%sand of a new vpcCidr this is said:\n%s", file, line, said)
		}
	}
	if quoted == 0 {
		t.Errorf("%s quotes nothing any more: the test sees nothing", file)
	}
}

// costOf is what a stack pays for one thing, wherever it has it.
func costOf(t *testing.T, stack, what string) string {
	t.Helper()
	sum := 0.0
	for _, change := range (&Preview{After: stackOf(t, stack)}).Costs().Changes {
		if change.What == what {
			sum += change.After.Low
		}
	}
	if sum == 0 {
		t.Fatalf("nothing is paid for %s: the test sees nothing", what)
	}
	return usd(sum)
}

// costRow is a row of README.md's table of costs: what, and USD a month.
var costRow = regexp.MustCompile(`(?m)^\| ([^|]+) \| (\d+\.\d\d) \| ([^|]+) \|$`)

func TestTheReadmesCostsAreThoseOfADiff(t *testing.T) {
	_, section, _ := strings.Cut(page(t, "README.md"), "\n## Costs\n")
	section, _, _ = strings.Cut(section, "\n## ")
	rows := map[string]string{}
	for _, row := range costRow.FindAllStringSubmatch(section, -1) {
		rows[row[1]] = row[2] + " " + row[3]
	}
	dev := `{"lb/loadBalancer:LoadBalancer lb": {"subnets": ["a", "b"]}, ` + small + `, "ecs/service:Service s": {"desiredCount": 1, ` + onDemand +
		`, "networkConfiguration": {"assignPublicIp": true}}}`
	cheap := `{` + arm + `, "ecs/service:Service s": {"desiredCount": 1, ` + onDemand + `}}`
	nat := `{"ec2/natGateway:NatGateway n": {}}`
	sum := 0.0
	for row, want := range map[string][2]string{
		"Application Load Balancer":     {costOf(t, dev, "load balancer"), " there being one"},
		"public IPv4 addresses":         {costOf(t, dev, "public IPv4 addresses"), usd(addressHour*hours) + " each"},
		"Fargate, 0.25 vCPU and 0.5 GB": {costOf(t, dev, "tasks"), "ARM64 " + costOf(t, cheap, "tasks")},
	} {
		if got := rows[row]; !strings.HasPrefix(got, want[0]+" ") || !strings.Contains(got, want[1]) {
			t.Errorf("README.md's row %q says %q, and `make diff` counts %s,%s", row, got, want[0], want[1])
		}
		amount, err := strconv.ParseFloat(want[0], 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += amount
	}
	for _, want := range []string{
		"costs about " + strconv.FormatFloat(sum, 'f', 0, 64) + " USD a month",
		"There is no NAT gateway (" + costOf(t, nat, "NAT gateway") + " a month each",
	} {
		if !strings.Contains(section, want) {
			t.Errorf("README.md does not say that the dev stack %q", want)
		}
	}
	for file, cents := range map[string]string{"docs/lab.md": "about %.0f US cents an hour", "docs/lab.ko.md": "시간당 약 %.0f센트(USD)"} {
		if want := fmt.Sprintf(cents, sum/hours*100); !strings.Contains(page(t, file), want) {
			t.Errorf("%s does not say %q of the stack that its readers pay for", file, want)
		}
	}
	if total := usd(sum) + " USD a month"; !strings.Contains(golden(t, "bump"), "no change, "+total) {
		t.Errorf("README.md's rows make %s, and the diff of a real stack says otherwise", total)
	}
}

// alarmRow is the cost of an alarm in a diff.
var alarmRow = regexp.MustCompile(`(?m)^\| alarm \| .* \| (\d\.\d\d) \|$`)

func TestThePagesAlarmsAreCountedAndPaidAsInADiff(t *testing.T) {
	sum, rows := 0.0, alarmRow.FindAllStringSubmatch(golden(t, "alarms"), -1)
	for _, row := range rows {
		amount, err := strconv.ParseFloat(row[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += amount
	}
	number := []string{"no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"}[len(rows)]
	for file, want := range map[string]string{
		"docs/config.md": "makes " + number + " [CloudWatch alarms]",
		"README.md":      "| alarms, where they are on | " + usd(sum) + " | " + usd(alarmMonth) + " for each metric",
	} {
		if !strings.Contains(page(t, file), want) {
			t.Errorf("%s does not say %q, and a stack with alarms has %d for %s USD a month", file, want, len(rows), usd(sum))
		}
	}
}
