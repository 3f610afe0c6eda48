"""The listener for operators: its methods are there and nowhere else."""

from holdfast.edge.client import calls
from tests.edge.node_process import NodeProcess
from tests.edge.raw import OK, Wire


async def test_each_listener_has_its_own_methods(node: NodeProcess) -> None:
    """Who may reserve can't reset a source, and the other way round."""
    status, read = calls.get_status(), calls.list_locations()
    async with Wire(node.target) as public, Wire(node.admin_target) as admin:
        assert (OK, "UNIMPLEMENTED") == (
            (await admin.send_call(status)).code,
            (await public.send_call(status)).code,
        )
        assert ("UNIMPLEMENTED", OK) == (
            (await admin.send_call(read)).code,
            (await public.send_call(read)).code,
        )


async def test_a_reset_names_what_is_wrong(node: NodeProcess) -> None:
    async with Wire(node.admin_target) as admin:
        for call, field in (
            (calls.reset_source(""), "source"),
            (calls.reset_source("till "), "source"),
            (calls.reset_source("till", 2**63), "last_sequence"),
        ):
            answer = await admin.send_call(call)
            assert ("INVALID_ARGUMENT", field) == (answer.code, answer.info.metadata["field"])
        answer = await admin.send_call(calls.reset_source("nobody"))
        assert ("NOT_FOUND", "UNKNOWN_SOURCE") == (answer.code, answer.reason)
