"""The desk: whatever door a request comes through, this is where it is checked, written down and begun."""
