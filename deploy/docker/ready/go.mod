module sightglass/ready

go 1.24
