"""`python -m services.cli`: the `sightglass` command of a checkout."""

from services.cli.main import main

if __name__ == "__main__":
    main()
