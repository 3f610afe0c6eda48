"""What every adapter needs, written once: keeping, delivering, retrying, dead letters."""
