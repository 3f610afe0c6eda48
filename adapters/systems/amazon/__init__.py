"""Amazon's Selling Partner API: orders that it reports, and quantities that it is told to show."""
