"""The benches, one a module, each with `async def run(plan)`; bench/__main__.py lists them."""
