"""Compiled code: plain loops over arrays of records.

Rules of these files: integers, no allocation per operation, no Python objects. Kernels named
`apply_…` take effects and change the state; `reserve_batch`, `move_batch` and `settle_backorders`
decide, write and apply in one go, `reserve_lines` writes and applies, through the same functions.
Kernels named `find_…`, `count_…`, `read_…`, `sum_…`, `hash_…`, `judge_…`, `decide_…` and `plan_…`
read the state, and fill in what they are handed for their answers; messages.py encodes answers, and
field_weights.py weighs what is asked. Callers have made room before they call.

The rules and tables call what is named here. codes.py has what kernels share with the rest.
"""

from .backorders import apply_backorders, settle_backorders, sum_backordered
from .batches import (
    count_lines,
    find_parts,
    judge_known,
    judge_operations,
    move_batch,
    next_parts,
    reserve_batch,
    reserve_lines,
)
from .blocks import (
    give_back_block,
    take_block,
)
from .content_hash import (
    end_of_lines,
    hash_backorders,
    hash_levels,
    hash_lines,
    hash_supplies,
    hash_unavailable,
)
from .field_weights import weigh_fields
from .gaps import (
    apply_gaps,
    apply_source_resets,
    list_gaps,
)
from .handles import read_operations, split_handles
from .hash_slots import (
    move_slots,
)
from .levels import (
    apply_levels,
    begin_counts,
    find_row,
    find_rows,
    index_levels,
    list_levels,
    sum_levels,
)
from .line_sums import (
    count_held,
    count_moves,
    count_new,
    find_wrong,
    read_expected,
)
from .messages import measure_messages, sum_positive, write_messages
from .names import (
    append_names,
    count_names,
    find_name,
    find_names,
    index_names,
    remove_name,
)
from .promise import (
    cap_of,
    decide_lines,
    offered,
    promisable_at,
    promise_supplies,
    read_levels,
)
from .recent import (
    append_facts,
    append_shipments,
    chain_history,
    find_fact,
    find_first_numbered,
    index_counts,
    list_since,
    sum_shipped,
)
from .remembered import (
    find_key,
    hash_keys,
    index_keys,
)
from .reservation_index import (
    find_part,
    index_parts,
)
from .reservations import (
    apply_extends,
    apply_links,
    apply_moves,
    apply_reservations,
    count_units,
    due_moves,
    index_expiries,
    is_done,
    judge_nothing_left,
    pop_settled,
    read_lines,
    whole_moves,
)
from .reserve_requests import read_reserves, write_holds
from .retention import (
    apply_drops,
    apply_ends,
    apply_forgets,
    apply_id_texts,
    find_ended,
    index_ended,
    match_texts,
    read_states,
)
from .shortfalls import find_promises, read_promises
from .stock_batches import (
    find_event_levels,
    plan_stock,
    write_stock,
)
from .stock_facts import (
    apply_event_keys,
    apply_stock,
    find_counts,
    find_events,
    find_numbered,
    read_quantities,
)
from .supply import (
    apply_supplies,
    count_open,
    drop_supplies,
    find_supply,
    is_supply_open,
    list_open,
    still_to_come,
    sum_incoming,
)
from .unavailable import (
    apply_unavailable,
    find_unavailable,
    index_unavailable,
    list_unavailable,
)

__all__ = [
    "append_facts",
    "append_names",
    "append_shipments",
    "apply_backorders",
    "apply_drops",
    "apply_ends",
    "apply_event_keys",
    "apply_extends",
    "apply_forgets",
    "apply_gaps",
    "apply_id_texts",
    "apply_levels",
    "apply_links",
    "apply_moves",
    "apply_reservations",
    "apply_source_resets",
    "apply_stock",
    "apply_supplies",
    "apply_unavailable",
    "begin_counts",
    "cap_of",
    "chain_history",
    "count_held",
    "count_lines",
    "count_moves",
    "count_names",
    "count_new",
    "count_open",
    "count_units",
    "decide_lines",
    "drop_supplies",
    "due_moves",
    "end_of_lines",
    "find_counts",
    "find_ended",
    "find_event_levels",
    "find_events",
    "find_fact",
    "find_first_numbered",
    "find_key",
    "find_name",
    "find_names",
    "find_numbered",
    "find_part",
    "find_parts",
    "find_promises",
    "find_row",
    "find_rows",
    "find_supply",
    "find_unavailable",
    "find_wrong",
    "give_back_block",
    "hash_backorders",
    "hash_keys",
    "hash_levels",
    "hash_lines",
    "hash_supplies",
    "hash_unavailable",
    "index_counts",
    "index_ended",
    "index_expiries",
    "index_keys",
    "index_levels",
    "index_names",
    "index_parts",
    "index_unavailable",
    "is_done",
    "is_supply_open",
    "judge_known",
    "judge_nothing_left",
    "judge_operations",
    "list_gaps",
    "list_levels",
    "list_open",
    "list_since",
    "list_unavailable",
    "match_texts",
    "measure_messages",
    "move_batch",
    "move_slots",
    "next_parts",
    "offered",
    "plan_stock",
    "pop_settled",
    "promisable_at",
    "promise_supplies",
    "read_expected",
    "read_levels",
    "read_lines",
    "read_operations",
    "read_promises",
    "read_quantities",
    "read_reserves",
    "read_states",
    "remove_name",
    "reserve_batch",
    "reserve_lines",
    "settle_backorders",
    "split_handles",
    "still_to_come",
    "sum_backordered",
    "sum_incoming",
    "sum_levels",
    "sum_positive",
    "sum_shipped",
    "take_block",
    "weigh_fields",
    "whole_moves",
    "write_holds",
    "write_messages",
    "write_stock",
]
