module ecs-sample-app/tools

go 1.26.0
