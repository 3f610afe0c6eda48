"""The formats of files, EDI and SAP stand the conformance kit."""

import json
from datetime import date
from typing import Any

import pytest

from holdfast.adapters.conformance import Finding, Sample, findings
from holdfast.adapters.contract import Adapter, Message
from holdfast.adapters.intake import edifact, rows, x12
from holdfast.adapters.intake.edifact_values import Edifact
from holdfast.adapters.intake.rows_options import Rows
from holdfast.adapters.intake.x12_values import X12
from holdfast.adapters.systems import sap_idoc, sap_odata
from holdfast.adapters.systems.sap_movements import SapOptions
from holdfast.adapters.systems.sap_sweeps import OdataOptions
from tests.adapters.intake import edifact_samples, x12_samples

CSV = """kind,sku,location,quantity,unit,id,time,reference_kind,reference
receipt,pen,S1,12,PC,r1,2026-11-26T16:00:00Z,supply,po-9
sale,pen,S1,0.5,kg,,2026-11-26T16:00:00+01:00,,
"count","ink, blue",S1,0,,,,,
"""
LINES = '{"kind": "sale", "sku": "pen", "location": "S1", "quantity": 2, "id": "e1"}\n'

CARRIER = ("B10*PRO-7*SHP-5*SCAC", "LX*1", "AT7*A7*NS***20261127*0830*LT")
EDI_X12 = (
    x12_samples.one("846", x12_samples.BIA, x12_samples.WAREHOUSE, "LIN*1*SK*pen", "QTY*17*9*EA"),
    x12_samples.one("856", x12_samples.BSN, *x12_samples.LEVELS).replace(b"0012", b"0013"),
    x12_samples.one("214", *CARRIER).replace(b"0012", b"0014"),
)
NOTICE = ("BGM+351+asn-3+9", "DTM+17:202611300800:203", "NAD+DP+S1::9", "CPS+1", "LIN+1++pen:VP")
SOLD = ("BGM+73E::9+S1+9", "LOC+162+S1::9", "DTM+356:2026111020261116:718", "LIN+1++pen:EN")
EDI_FACT = (
    edifact_samples.one("DESADV", *NOTICE, "QTY+12:60:PCE"),
    edifact_samples.one("SLSRPT", *SOLD, "QTY+153:14:PCE").replace(b"IC7", b"IC8"),
)

IDOC = """<?xml version="1.0" encoding="utf-8"?><MBGMCR03><IDOC BEGIN="1"><EDI_DC40 SEGMENT="1">
<DOCNUM>42</DOCNUM><MESTYP>MBGMCR</MESTYP><SNDPRN>P01</SNDPRN><CREDAT>20261126</CREDAT>
<CRETIM>165500</CRETIM></EDI_DC40><E1BP2017_GM_HEAD_01 SEGMENT="1"><PSTNG_DATE>20261126</PSTNG_DATE>
</E1BP2017_GM_HEAD_01><E1BP2017_GM_ITEM_CREATE SEGMENT="1"><MATERIAL>pen</MATERIAL>
<PLANT>1710</PLANT><MOVE_TYPE>311</MOVE_TYPE><STGE_LOC>A</STGE_LOC><MOVE_STLOC>B</MOVE_STLOC>
<ENTRY_QNT>3.000</ENTRY_QNT><ENTRY_UOM>PC</ENTRY_UOM></E1BP2017_GM_ITEM_CREATE></IDOC></MBGMCR03>"""
ITEM = {"Material": "pen", "Plant": "1710", "StorageLocation": "A"}
DELIVERY = {
    "DeliveryDocument": "80001",
    "OverallGoodsMovementStatus": "C",
    "ActualGoodsMovementDate": "/Date(1795651200000)/",
    "to_DeliveryDocumentItem": {
        "results": [
            ITEM
            | {"DeliveryDocumentItem": "10", "ReferenceSDDocument": "4712"}
            | {"ActualDeliveryQuantity": "3.000", "DeliveryQuantityUnit": "PC"}
        ]
    },
}
MOVEMENT = {
    "MaterialDocument": "5000",
    "MaterialDocumentYear": "2026",
    "CreationDate": "/Date(1795651200000)/",
    "CreationTime": "PT15H30M00S",
    "to_MaterialDocumentItem": {
        "results": [
            ITEM
            | {"MaterialDocumentItem": "1", "GoodsMovementType": "101"}
            | {"QuantityInEntryUnit": "3.000", "EntryUnit": "PC"}
        ]
    },
}
SINCE = OdataOptions(since=date(2026, 11, 1))


@pytest.mark.parametrize(
    ("adapter", "options", "bodies"),
    [
        (rows.ADAPTER, Rows(source="wms"), (CSV.encode(),)),
        (rows.ADAPTER, Rows(source="wms", format="jsonl"), (LINES.encode(),)),
        (x12.ADAPTER, X12(), EDI_X12),
        (edifact.ADAPTER, Edifact(), EDI_FACT),
        (sap_idoc.ADAPTER, SapOptions(), (IDOC.encode(),)),
        (sap_odata.DELIVERIES, SINCE, (json.dumps(DELIVERY).encode(),)),
        (sap_odata.MOVEMENTS, SINCE, (json.dumps(MOVEMENT).encode(),)),
    ],
    ids=["csv", "jsonl", "x12", "edifact", "sap-idoc", "sap-deliveries", "sap-movements"],
)
def test_a_format_stands_the_conformance_kit(
    adapter: Adapter, options: Any, bodies: tuple[bytes, ...]
) -> None:
    samples = [Sample(f"{at}", Message(body, {"file": "sample"})) for at, body in enumerate(bodies)]
    nothing: list[Finding] = []
    assert nothing == list(findings(adapter, samples, options))
