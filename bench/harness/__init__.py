"""What the benches share: plan and figures, server processes, load and traffic, the report."""
