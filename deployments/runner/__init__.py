"""The runner: takes flow runs and commands, each into a fork of one warm process."""
