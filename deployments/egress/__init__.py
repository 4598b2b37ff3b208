"""The workers' way out: the proxy, who may use it for what, and the firewall around it."""
