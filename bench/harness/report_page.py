"""The report as a page for a browser."""

from collections.abc import Mapping
from html import escape
from typing import Any

from .report import show

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Holdfast: bench</title>
<style>
body {{ font: 15px/1.5 sans-serif; max-width: 70em; margin: 2em auto; padding: 0 1em }}
table {{ border-collapse: collapse }}
td, th {{ border-bottom: 1px solid #ddd; padding: 0.2em 0.8em; text-align: left }}
td.number {{ text-align: right; white-space: nowrap }}
.miss {{ color: #b00; font-weight: bold }}
img {{ max-width: 100% }}
</style>
<h1>Holdfast: bench</h1>
<p>{started}. The median of all rounds; bench/README.md says what figures mean.</p>
{failures}
{pictures}
<h2>Figures</h2>
<table>
<tr><th>figure<th>median<th>min … max<th>bar<th><th>note
{figures}
</table>
<h2>Conditions</h2>
<table>
{conditions}
</table>
</html>
"""


def page(report: Mapping[str, Any], pictures: Mapping[str, str]) -> str:
    """A report as HTML; pictures are files beside it, with their titles."""
    return PAGE.format(
        started=escape(report["started"]),
        failures="".join(
            f'<p class="miss">{escape(bench)} failed: {escape(why)}</p>'
            for bench, why in report["failures"].items()
        ),
        pictures="\n".join(
            f'<p><img src="{file}" alt="{escape(title)}"></p>' for file, title in pictures.items()
        ),
        figures="\n".join(map(_row, report["figures"])),
        conditions="\n".join(
            f"<tr><td>{escape(name)}<td>{escape(value)}"
            for name, value in report["conditions"].items()
        ),
    )


def _row(each: Mapping[str, Any]) -> str:
    unit, bar = each["unit"], each["bar"]
    limit = f"{'≥' if bar['is_minimum'] else '≤'} {show(bar['limit'], unit)}" if bar else ""
    verdict = "" if not bar else '<b class="miss">miss</b>' if each["is_missed"] else "pass"
    numbers = (
        show(each["median"], unit),
        f"{show(each['min'], unit)} … {show(each['max'], unit)}",
        limit,
    )
    cells = "".join(f'<td class="number">{number}' for number in numbers)
    return f"<tr><td>{escape(each['name'])}{cells}<td>{verdict}<td>{escape(each['note'])}"
