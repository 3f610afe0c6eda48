"""The process that writes the journal: both ends of its pipes."""
