"""The subgraphs: which step follows which outcome."""
