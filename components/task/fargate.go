package task

import (
	"fmt"
	"maps"
	"slices"

	"ecs-sample-app/internal/check"
	"ecs-sample-app/problem"
)

// CPUs are the CPU units that Fargate offers, in ascending order.
func CPUs() []int { return slices.Sorted(maps.Keys(fargateMemory)) }

// Memories are the MiB of memory that Fargate offers with the given CPU units,
// in ascending order, and nil where it does not offer these.
func Memories(cpu int) []int { return fargateMemory[cpu] }

// fargateMemory is the table of pairs that Fargate offers for Linux
// (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html#fargate-tasks-size).
var fargateMemory = map[int][]int{
	256:   {512, 1024, 2048},
	512:   steps(1024, 4096, 1024),
	1024:  steps(2048, 8192, 1024),
	2048:  steps(4096, 16384, 1024),
	4096:  steps(8192, 30720, 1024),
	8192:  steps(16384, 61440, 4096),
	16384: steps(32768, 122880, 8192),
}

func steps(first, last, step int) []int {
	var all []int
	for value := first; value <= last; value += step {
		all = append(all, value)
	}
	return all
}

func (a Args) validateSize(ps *problem.Problems) {
	offered := Memories(a.CPU)
	if offered == nil {
		check.OneOf(ps, "cpu", a.CPU, CPUs())
		return
	}
	if !slices.Contains(offered, a.Memory) {
		ps.Add("memory", a.Memory, "%s MiB, which Fargate offers with %d CPU units", summary(offered), a.CPU)
	}
}

// summary writes a long row of evenly spaced numbers by its ends.
func summary(values []int) string {
	const shown = 4
	if len(values) <= shown {
		return check.List(values)
	}
	return fmt.Sprintf("%d to %d in steps of %d", values[0], values[len(values)-1], values[1]-values[0])
}
