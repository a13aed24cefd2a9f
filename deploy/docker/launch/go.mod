module sightglass/launch

go 1.24
