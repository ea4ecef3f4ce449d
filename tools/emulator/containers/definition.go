package containers

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// definition is the part of a task definition that a container comes from
// (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskDefinition.html).
type definition struct {
	CPU        string      `json:"cpu"`
	Memory     string      `json:"memory"`
	Containers []container `json:"containerDefinitions"`
	Volumes    []volume    `json:"volumes"`
}

type volume struct {
	Name string          `json:"name"`
	EFS  json.RawMessage `json:"efsVolumeConfiguration"`
}

type container struct {
	Name                   string            `json:"name"`
	Image                  string            `json:"image"`
	CPU                    int               `json:"cpu"`
	Memory                 int               `json:"memory"`
	PortMappings           []port            `json:"portMappings"`
	Essential              *bool             `json:"essential"`
	EntryPoint             []string          `json:"entryPoint"`
	Command                []string          `json:"command"`
	WorkingDirectory       string            `json:"workingDirectory"`
	User                   string            `json:"user"`
	ReadonlyRootFilesystem bool              `json:"readonlyRootFilesystem"`
	Environment            []variable        `json:"environment"`
	Secrets                []secret          `json:"secrets"`
	MountPoints            []mount           `json:"mountPoints"`
	DependsOn              []dependency      `json:"dependsOn"`
	StopTimeout            int               `json:"stopTimeout"`
	Ulimits                []ulimit          `json:"ulimits"`
	DockerLabels           map[string]string `json:"dockerLabels"`
	HealthCheck            *healthCheck      `json:"healthCheck"`
	LinuxParameters        linuxParameters   `json:"linuxParameters"`
	LogConfiguration       *logConfiguration `json:"logConfiguration"`
}

type port struct {
	ContainerPort int    `json:"containerPort"`
	Protocol      string `json:"protocol"`
}

type variable struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type secret struct {
	Name      string `json:"name"`
	ValueFrom string `json:"valueFrom"`
}

type mount struct {
	SourceVolume  string `json:"sourceVolume"`
	ContainerPath string `json:"containerPath"`
	ReadOnly      bool   `json:"readOnly"`
}

type dependency struct {
	ContainerName string `json:"containerName"`
	Condition     string `json:"condition"`
}

type ulimit struct {
	Name string `json:"name"`
	Soft int    `json:"softLimit"`
	Hard int    `json:"hardLimit"`
}

type healthCheck struct {
	Command     []string `json:"command"`
	Interval    int      `json:"interval"`
	Timeout     int      `json:"timeout"`
	Retries     int      `json:"retries"`
	StartPeriod int      `json:"startPeriod"`
}

type linuxParameters struct {
	InitProcessEnabled bool `json:"initProcessEnabled"`
	Capabilities       struct {
		Add  []string `json:"add"`
		Drop []string `json:"drop"`
	} `json:"capabilities"`
	Tmpfs []struct {
		ContainerPath string   `json:"containerPath"`
		Size          int      `json:"size"`
		MountOptions  []string `json:"mountOptions"`
	} `json:"tmpfs"`
}

type logConfiguration struct {
	Driver  string            `json:"logDriver"`
	Options map[string]string `json:"options"`
}

// defaultStopTimeout is how long a container has to stop, in seconds, unless it says so
// (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html).
const defaultStopTimeout = 30

func (c *container) essential() bool { return c.Essential == nil || *c.Essential }

func (c *container) stopTimeout() int {
	if c.StopTimeout == 0 {
		return defaultStopTimeout
	}
	return c.StopTimeout
}

// read reads a task definition. What a container engine can't give is refused.
func read(text json.RawMessage) (*definition, error) {
	var d definition
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, fmt.Errorf("read the task definition: %w", err)
	}
	if len(d.Containers) == 0 {
		return nil, errors.New("the task definition has no containers")
	}
	for _, v := range d.Volumes {
		if len(v.EFS) > 0 {
			return nil, fmt.Errorf("the volume %s is on Amazon EFS, which the emulator can't give to a container", v.Name)
		}
	}
	return &d, d.sort()
}

// sort puts containers behind those that they depend on.
func (d *definition) sort() error {
	var sorted []container
	rest := d.Containers
	for len(rest) > 0 {
		i := slices.IndexFunc(rest, func(c container) bool {
			return !slices.ContainsFunc(c.DependsOn, func(on dependency) bool {
				return !slices.ContainsFunc(sorted, func(before container) bool { return before.Name == on.ContainerName })
			})
		})
		if i < 0 {
			return fmt.Errorf("the containers depend on each other in a circle, or on one that is not there: %s", rest[0].Name)
		}
		sorted = append(sorted, rest[i])
		rest = slices.Delete(slices.Clone(rest), i, i+1)
	}
	d.Containers = sorted
	return nil
}

// options are those of the engine's create, as far as they are the container's alone.
func (c *container) options() []string {
	o := []string{"--stop-timeout", strconv.Itoa(c.stopTimeout())}
	flag := func(given bool, values ...string) {
		if given {
			o = append(o, values...)
		}
	}
	flag(c.User != "", "--user", c.User)
	flag(c.WorkingDirectory != "", "--workdir", c.WorkingDirectory)
	flag(c.ReadonlyRootFilesystem, "--read-only")
	flag(c.LinuxParameters.InitProcessEnabled, "--init")
	for _, u := range c.Ulimits {
		o = append(o, "--ulimit", fmt.Sprintf("%s=%d:%d", u.Name, u.Soft, u.Hard))
	}
	for _, name := range c.LinuxParameters.Capabilities.Add {
		o = append(o, "--cap-add", name)
	}
	for _, name := range c.LinuxParameters.Capabilities.Drop {
		o = append(o, "--cap-drop", name)
	}
	for _, t := range c.LinuxParameters.Tmpfs {
		o = append(o, "--tmpfs", t.ContainerPath+":"+strings.Join(append([]string{fmt.Sprintf("size=%dm", t.Size)}, t.MountOptions...), ","))
	}
	for name, value := range c.DockerLabels {
		o = append(o, "--label", name+"="+value)
	}
	for _, v := range c.Environment {
		o = append(o, "--env", v.Name+"="+v.Value)
	}
	return append(o, c.HealthCheck.options()...)
}

// options have the engine check the container's health, with ECS's defaults.
func (h *healthCheck) options() []string {
	if h == nil || len(h.Command) == 0 {
		return nil
	}
	command := strings.Join(h.Command[1:], " ")
	if h.Command[0] == "CMD" {
		quoted := make([]string, len(h.Command)-1)
		for i, word := range h.Command[1:] {
			quoted[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
		command = strings.Join(quoted, " ")
	}
	const interval, timeout, retries = 30, 5, 3
	or := func(value, otherwise int) string {
		if value == 0 {
			value = otherwise
		}
		return strconv.Itoa(value)
	}
	return []string{
		"--health-cmd", command, "--health-interval", or(h.Interval, interval) + "s", "--health-timeout", or(h.Timeout, timeout) + "s",
		"--health-retries", or(h.Retries, retries), "--health-start-period", or(h.StartPeriod, 0) + "s",
	}
}

// limits are the container's memory and CPU: its own, or the task's.
func (c *container) limits(d *definition) []string {
	memory, cpu := c.Memory, c.CPU
	if n, err := strconv.Atoi(d.Memory); err == nil && memory == 0 {
		memory = n
	}
	if n, err := strconv.Atoi(d.CPU); err == nil {
		cpu = n
	}
	var o []string
	if memory > 0 {
		o = append(o, "--memory", fmt.Sprintf("%dm", memory))
	}
	if cpu > 0 {
		o = append(o, "--cpus", fmt.Sprintf("%.3f", float64(cpu)/unitsOfCPU))
	}
	return o
}

// unitsOfCPU are those of one processor.
const unitsOfCPU = 1024

// arguments are the engine's --entrypoint, which takes one word, and what follows the
// image.
func (c *container) arguments() (entryPoint, command []string) {
	if len(c.EntryPoint) == 0 {
		return nil, c.Command
	}
	return []string{"--entrypoint", c.EntryPoint[0]}, append(slices.Clone(c.EntryPoint[1:]), c.Command...)
}
