"""Appends that have left the journal's file, in compressed segments."""
