"""The ledger: every movement of stock, indexed, in files beside the journal that derive from it."""
