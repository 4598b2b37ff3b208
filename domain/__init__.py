"""Values, decisions on them, and the Protocols that blocks fulfil. No I/O, no clock, no environment."""
