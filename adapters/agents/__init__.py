"""What a shop's checkout asks while a shopping agent waits: what is available, and holds of it.

It serves no agent itself: prices, taxes, payment and the protocols' own documents are the shop's.
docs/channels.md says which call of UCP, of ACP and of Stripe's hooks asks what here.
"""
