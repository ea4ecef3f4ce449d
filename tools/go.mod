module ecs-sample-app/tools

go 1.26.0

require ecs-sample-app v0.0.0

require go.yaml.in/yaml/v3 v3.0.4

replace ecs-sample-app => ../
