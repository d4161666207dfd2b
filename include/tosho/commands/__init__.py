"""The command line, one module a group. Commands import what they need inside, so that `--help` stays quick."""
