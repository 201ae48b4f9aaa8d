"""`tessera doctor`: what is configured, what is missing, and what to do, one file a topic."""
