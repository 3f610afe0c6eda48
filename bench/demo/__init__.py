"""The whole estate in front of you: channels, stores, a warehouse and an ERP around one node."""
