"""Amazon's Selling Partner API: orders that it tells, and quantities that it is told."""
