"""The `sightglass` command of a checkout or an image: runs the processes, assembles every package's verbs."""
