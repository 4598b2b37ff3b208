"""The installation on this machine, as commands ask it: its registry and its desk."""
