"""What benches share: plan and figures, servers as processes, load and its traffic, the report."""
