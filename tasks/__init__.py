"""The nodes: each reads the world, asks `domain` what to do, acts once, and returns a value."""
