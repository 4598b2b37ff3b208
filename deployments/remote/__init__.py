"""The command line's way to an installation elsewhere: the HTTP API, and the keys that it is asked with."""
