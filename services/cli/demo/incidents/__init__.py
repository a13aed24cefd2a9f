"""Known causes planted in the demo's live traffic, to learn on: `sightglass demo --incident NAME`."""
