package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"ecs-sample-app/config"
	"ecs-sample-app/internal/infratest"
	"ecs-sample-app/internal/stackconfig"
)

// goldenKeys has a row for each setting: another value than the default, and
// below it what the program then registers, asks and exports differently. To add a
// row, write its first line and run `go test -run EverySetting . -update`.
//
//	cpu = 1024 with memory = 2048
//	  …
const goldenKeys = "testdata/keys.golden"

// settingRow is one row: key = value [with key = value …] [seen by TEST].
var settingRow = regexp.MustCompile(`(?m)^(\w+) = (.*)\n((?:  .*\n|\n)*)`)

func TestEverySettingChangesWhatTheGoldenFileSays(t *testing.T) {
	t.Parallel()
	written, err := os.ReadFile(goldenKeys)
	if err != nil {
		t.Fatal(err)
	}
	rows := settingRow.FindAllStringSubmatch(string(written), -1)
	var got strings.Builder
	seen := map[string]bool{}
	for _, row := range rows {
		key, given := row[1], row[2]
		difference, set := settingDifference(t, key, given)
		for key := range set {
			seen[key] = true
		}
		fmt.Fprintf(&got, "%s = %s\n%s\n", key, given, difference)
		if test, elsewhere := seenBy(given); (difference == "") != elsewhere {
			t.Errorf("%s = %s changes nothing that the program registers, so it has no use, or its row lacks the words \"seen by TEST\" (or has them in vain)", key, given)
		} else if elsewhere && !testExists(t, test) {
			t.Errorf("%s is said to be seen by %s, and there is no such test", key, test)
		}
	}
	for _, s := range config.Settings() {
		if !seen[s.Key] {
			t.Errorf("%s has no row in %s: nobody sees whether its value reaches AWS", s.Key, goldenKeys)
		}
		for _, key := range innerKeys(s.Field.Type) {
			if !slices.ContainsFunc(rows, func(row []string) bool { return row[1] == s.Key && strings.Contains(row[2], `"`+key+`":`) }) {
				t.Errorf("no row of %s in %s sets its %s: nobody sees whether that value reaches AWS", s.Key, goldenKeys, key)
			}
		}
	}
	if *update {
		if err := os.WriteFile(goldenKeys, []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	} else if got.String() != string(written) {
		t.Errorf("settings do not do what %s says; if the change is meant, run `go test -run EverySetting . -update` and review the diff\n%s",
			goldenKeys, firstDifference(got.String(), string(written)))
	}
}

// innerKeys are the keys of a setting that is an object, or a list of objects, of keys
// of its own.
func innerKeys(t reflect.Type) []string {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	var keys []string
	for _, s := range stackconfig.Settings(t) {
		keys = append(append(keys, s.Key), innerKeys(s.Field.Type)...)
	}
	return keys
}

// settingDifference is what the program does with a value, compared with the default,
// both with the other settings that the row names after "with". What it names after "and"
// can be set together only. set are the settings that differ.
func settingDifference(t *testing.T, key, given string) (found string, set map[string]string) {
	t.Helper()
	given, _, _ = strings.Cut(given, " seen by ")
	given, others, _ := strings.Cut(given, " with ")
	pairs := slices.Concat(assignments(others, " with ")...)
	set = map[string]string{}
	for _, one := range assignments(key+" = "+given, " and ") {
		set[one[0]] = one[1]
	}
	before := infratest.MustRun(t, program, infratest.Options{Config: withConfig(pairs...), VPCs: vpcs, HostedZones: zones})
	for key, value := range set {
		pairs = append(pairs, key, value)
	}
	after := infratest.MustRun(t, program, infratest.Options{Config: withConfig(pairs...), VPCs: vpcs, HostedZones: zones})
	return difference(describe(before), describe(after)), set
}

// assignments are the keys and values of a text, each KEY = VALUE.
func assignments(text, between string) [][]string {
	var all [][]string
	for one := range strings.SplitSeq(text, between) {
		if key, value, ok := strings.Cut(one, " = "); ok {
			all = append(all, []string{key, value})
		}
	}
	return all
}

// zones are the hosted zones that exist.
var zones = map[string][]string{"example.com": {"Z0PUBLIC"}, "app.example.com": {"Z0PRIVATE"}}

// vpcs are the networks that exist.
var vpcs = []infratest.VPC{{ID: "vpc-0a1b2c3d4e5f60718", Subnets: []infratest.Subnet{
	{ID: "subnet-0a1b2c3d4e5f60711", Zone: "us-east-1a", Free: 100, Route: "igw-1"},
	{ID: "subnet-0a1b2c3d4e5f60712", Zone: "us-east-1b", Free: 100, Route: "igw-1"},
	{ID: "subnet-0a1b2c3d4e5f60713", Zone: "us-east-1a", Free: 100, Route: "nat-1"},
	{ID: "subnet-0a1b2c3d4e5f60714", Zone: "us-east-1b", Free: 100, Route: "nat-1"},
}}}

// hashes are those of a folder's files, which differ with the umask of a checkout.
var hashes = regexp.MustCompile(`content:[0-9a-f]{64}`)

// describe has a few lines for each resource, for the calls to ECS and for the outputs.
func describe(record *infratest.Record) map[string][]string {
	all := map[string][]string{"asked": record.Asked}
	for _, found := range record.Resources {
		about := strings.Split(strings.TrimSuffix(graph(&infratest.Record{Resources: []infratest.Resource{found}}), "\n"), "\n")
		for option, values := range map[string][]string{"ignores changes of": found.IgnoreChanges, "is replaced on changes of": found.ReplaceOnChanges} {
			if len(values) > 0 {
				about = append(about, fmt.Sprintf("  %s: %s", option, strings.Join(values, ", ")))
			}
		}
		all[string(resource.URN(found.URN).Type())+" "+found.Name] = about[1:]
	}
	for _, name := range record.OutputNames() {
		all["output "+name] = []string{"  " + hashes.ReplaceAllString(fmt.Sprint(record.Output(name)), "content:…")}
	}
	return all
}

// difference writes the lines that only one of two descriptions has. What goes as a
// whole is named only.
func difference(before, after map[string][]string) string {
	var out strings.Builder
	all := maps.Clone(before)
	maps.Copy(all, after)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		was, had := before[name]
		is, has := after[name]
		switch {
		case !had:
			fmt.Fprintf(&out, "  + %s\n", name)
			for _, line := range is {
				fmt.Fprintf(&out, "    + %s\n", strings.TrimPrefix(line, "  "))
			}
		case !has:
			fmt.Fprintf(&out, "  - %s\n", name)
		case !slices.Equal(was, is):
			fmt.Fprintf(&out, "  ~ %s\n", name)
			for _, line := range without(was, is) {
				fmt.Fprintf(&out, "    - %s\n", strings.TrimPrefix(line, "  "))
			}
			for _, line := range without(is, was) {
				fmt.Fprintf(&out, "    + %s\n", strings.TrimPrefix(line, "  "))
			}
		}
	}
	return out.String()
}

// without are the lines that the others lack, as often as they lack them.
func without(lines, others []string) []string {
	counts := map[string]int{}
	for _, line := range others {
		counts[line]++
	}
	var missing []string
	for _, line := range lines {
		if counts[line]--; counts[line] < 0 {
			missing = append(missing, line)
		}
	}
	return missing
}

// seenBy is the test that a row names because the difference is not in what is
// registered.
func seenBy(given string) (test string, elsewhere bool) {
	_, test, elsewhere = strings.Cut(given, " seen by ")
	return test, elsewhere
}

func testExists(t *testing.T, name string) bool {
	t.Helper()
	files, err := filepath.Glob("*/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(files, func(file string) bool {
		return strings.Contains(readFile(t, file), "func "+name+"(")
	})
}

// TestNoRequestIsSentBeforeTheGuardHasSeenTheTasksServe holds for whatever a stack
// sets: random rows of the golden file together, as far as they go together.
func TestNoRequestIsSentBeforeTheGuardHasSeenTheTasksServe(t *testing.T) {
	t.Parallel()
	rows := settingRow.FindAllStringSubmatch(readFile(t, goldenKeys), -1)
	const tries, least = 60, 20
	taken := 0
	for seed := range uint64(tries) {
		random := rand.New(rand.NewPCG(seed, 0)) // The same every time, so that a failure can be looked at.
		given := map[string]string{}
		for range 1 + random.IntN(6) {
			row := rows[random.IntN(len(rows))]
			setting, _, _ := strings.Cut(row[1]+" = "+row[2], " seen by ")
			for _, one := range assignments(strings.ReplaceAll(setting, " and ", " with "), " with ") {
				given[infratest.Project+":"+one[0]] = one[1]
			}
		}
		for _, mode := range []infratest.Mode{infratest.Update, infratest.Preview} {
			record, err := infratest.Run(t, program, infratest.Options{Config: given, Mode: mode, VPCs: vpcs})
			if err != nil {
				continue // They do not go together.
			}
			taken++
			sends := record.Get("sample-app-rule")
			if given[infratest.Project+":domain"] != "" {
				if !record.WaitsFor(sends, "sample-app-https-rule") {
					t.Errorf("with %v requests are redirected before they are sent with TLS", given)
				}
				sends = record.Get("sample-app-https-rule")
			}
			for _, first := range []string{"sample-app-service", "sample-app-attach", "sample-app-tg"} {
				if !record.WaitsFor(sends, first) {
					t.Errorf("with %v requests are sent before %s is there", given, first)
				}
			}
			if from := sends.InputsFrom["actions"]; !slices.Contains(from, record.Get("sample-app-service").URN) {
				t.Errorf("with %v requests are sent whether or not the tasks serve", given)
			}
			if given[infratest.Project+":deletionProtection"] == "true" && (!sends.Protect || !record.Get("sample-app-rule").Protect) {
				t.Errorf("with %v a destroy begins with the service", given)
			}
		}
	}
	if taken < least {
		t.Errorf("only %d of %d configs are valid: the test sees too little", taken, 2*tries)
	}
}
