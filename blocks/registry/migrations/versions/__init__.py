"""The registry's revisions, oldest first; a published one never changes."""
