"""The HTTP API: a gate before everything, and one module for each noun behind it."""
