"""What a channel is to show, and in which order: pure functions of what was measured."""
