package task

import (
	"encoding/json"
	"maps"
	"slices"
)

// containerDefinition is a container in the normal form in which ECS returns
// it, and the provider keeps it: sorted variables, hostPort equal to
// containerPort, the protocol written out, some lists empty and none null, and
// no CPU units of 0, which the provider drops. In any other form an update
// would see a difference to what ECS returned and replace the task definition,
// or a preview bury the one line that changed.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html
type containerDefinition struct {
	Name                   string            `json:"name"`
	Image                  string            `json:"image"`
	RepositoryCredentials  *credentials      `json:"repositoryCredentials,omitempty"`
	PortMappings           []portMapping     `json:"portMappings"`
	Essential              bool              `json:"essential"`
	EntryPoint             []string          `json:"entryPoint,omitempty"`
	Command                []string          `json:"command,omitempty"`
	User                   string            `json:"user,omitempty"`
	Environment            []variable        `json:"environment"`
	MountPoints            []mountPoint      `json:"mountPoints"`
	VolumesFrom            []struct{}        `json:"volumesFrom"`
	LinuxParameters        *linuxParameters  `json:"linuxParameters,omitempty"`
	Secrets                []secret          `json:"secrets,omitempty"`
	StopTimeout            int               `json:"stopTimeout"`
	ReadonlyRootFilesystem bool              `json:"readonlyRootFilesystem"`
	DockerLabels           map[string]string `json:"dockerLabels,omitempty"`
	LogConfiguration       logConfiguration  `json:"logConfiguration"`
	SystemControls         []struct{}        `json:"systemControls"`
}

type credentials struct {
	Parameter string `json:"credentialsParameter"`
}

type portMapping struct {
	ContainerPort int    `json:"containerPort"`
	HostPort      int    `json:"hostPort"`
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

type mountPoint struct {
	SourceVolume  string `json:"sourceVolume"`
	ContainerPath string `json:"containerPath"`
	ReadOnly      bool   `json:"readOnly"`
}

type linuxParameters struct {
	Capabilities       *capabilities `json:"capabilities,omitempty"`
	InitProcessEnabled bool          `json:"initProcessEnabled,omitempty"`
}

type capabilities struct {
	Drop []string `json:"drop"`
}

type logConfiguration struct {
	LogDriver string            `json:"logDriver"`
	Options   map[string]string `json:"options"`
}

// maxLogBuffer is how much output waits for CloudWatch before lines are
// dropped. With a blocking log driver the application itself would hang
// (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specify-log-config.html).
const maxLogBuffer = "25m"

// containerDefinitions is the document that a task definition takes. secrets are the
// ARNs of all that are the container's variables.
func (a Args) containerDefinitions(image, logGroup, region string, secrets map[string]string) (string, error) {
	definition := containerDefinition{
		Name:                   a.ContainerName,
		Image:                  image,
		PortMappings:           []portMapping{{ContainerPort: a.ContainerPort, HostPort: a.ContainerPort, Protocol: "tcp"}},
		Essential:              true,
		EntryPoint:             a.EntryPoint,
		Command:                a.Command,
		User:                   a.User,
		Environment:            []variable{},
		MountPoints:            []mountPoint{},
		VolumesFrom:            []struct{}{},
		SystemControls:         []struct{}{},
		StopTimeout:            a.StopTimeout,
		ReadonlyRootFilesystem: !a.WritableRootFilesystem,
		LogConfiguration: logConfiguration{
			LogDriver: "awslogs",
			Options: map[string]string{
				"awslogs-group":         logGroup,
				"awslogs-region":        region,
				"awslogs-stream-prefix": a.ContainerName,
				"mode":                  "non-blocking",
				"max-buffer-size":       maxLogBuffer,
			},
		},
	}
	for _, name := range slices.Sorted(maps.Keys(a.Environment)) {
		definition.Environment = append(definition.Environment, variable{Name: name, Value: a.Environment[name]})
	}
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		definition.Secrets = append(definition.Secrets, secret{Name: name, ValueFrom: secrets[name]})
	}
	if a.ImageCredentials != "" {
		definition.RepositoryCredentials = &credentials{Parameter: a.ImageCredentials}
	}
	if a.Redeploy != "" {
		definition.DockerLabels = map[string]string{"redeploy": a.Redeploy}
	}
	for _, path := range a.WritablePaths {
		definition.MountPoints = append(definition.MountPoints, mountPoint{SourceVolume: volumeName(path), ContainerPath: path})
	}
	if len(a.DropCapabilities) > 0 {
		definition.LinuxParameters = &linuxParameters{Capabilities: &capabilities{Drop: slices.Sorted(slices.Values(a.DropCapabilities))}}
	}
	if a.EnableExecuteCommand {
		if definition.LinuxParameters == nil {
			definition.LinuxParameters = &linuxParameters{}
		}
		// Reaps what sessions of ECS Exec leave behind.
		definition.LinuxParameters.InitProcessEnabled = true
	}
	document, err := json.Marshal([]containerDefinition{definition})
	return string(document), err
}
