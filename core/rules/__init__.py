"""What each command may do, and what it answers; imports tables and kernels."""
