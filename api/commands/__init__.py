"""The commands of `assay`, one module each. Heavy libraries are imported when a command runs, so that `--help` is quick."""
