"""A user of Tryton at its keyboard, over JSON-RPC: what a demonstration or a test does there."""

import base64
from typing import Any, Final

import httpx

DATABASE: Final = "erp"
USER: Final = "admin"
PASSWORD: Final = "made-up for a made-up shop"  # noqa: S105 - of a database on loopback

#: Codes of the products of the template.
SKUS: Final = ("TS-A", "TS-B", "TS-C")


class ErpError(Exception):
    """What Tryton answered instead of a result."""


class Erp:
    """A user of Tryton at its keyboard, over JSON-RPC."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=60.0)
        self.context: dict[str, Any] = {}

    def log_in(self) -> None:
        """Begin a session, with what the user prefers."""
        self.http.headers.pop("Authorization", None)
        user, token, _ = self.post("common.db.login", USER, {"password": PASSWORD})
        session = base64.b64encode(f"{USER}:{user}:{token}".encode()).decode()
        self.http.headers["Authorization"] = f"Session {session}"
        self.context = {}
        self.context = self.call("res.user.get_preferences", True)

    def post(self, method: str, *params: Any) -> Any:
        """Call a method and return its result, as JSON has it."""
        body = {"id": 1, "method": method, "params": params}
        answer = self.http.post(f"/{DATABASE}/rpc/", json=body)
        if answer.status_code != httpx.codes.OK:
            raise ErpError(f"{method}: {answer.status_code} {answer.text[:200]}")
        document = answer.json()
        if "error" in document:
            raise ErpError(f"{method}: {document['error']}"[:400])
        return document["result"]

    def call(self, method: str, *params: Any, **context: Any) -> Any:
        """Call a method of a model, acknowledging the warnings that it gives."""
        while True:
            try:
                return self.post(f"model.{method}", *params, {**self.context, **context})
            except ErpError as failed:
                text = str(failed)
                if "'UserWarning'" not in text:
                    raise
                name = text.split("[")[2].split("'")[1]
                warning = {"user": 1, "name": name, "always": False}
                self.post("model.res.user.warning.create", [warning], self.context)

    def find(self, model: str, **values: Any) -> int:
        """Find the one record with these values."""
        domain = [[name, "=", value] for name, value in values.items()]
        (found,) = self.call(f"{model}.search", domain, 0, 2, None)
        return int(found)

    def create(self, model: str, **values: Any) -> int:
        """Create a record."""
        (created,) = self.call(f"{model}.create", [values])
        return int(created)

    def read(self, model: str, record: int, *names: str) -> dict[str, Any]:
        """Read fields of a record."""
        (row,) = self.call(f"{model}.read", [record], list(names))
        return dict(row)

    def quantity(self, sku: str, *places: str) -> int:
        """Read how many units Tryton's books have at storage locations, by their codes."""
        product = self.find("product.product", code=sku)
        locations = [self.find("stock.location", code=place) for place in places]
        context = {"locations": locations, "with_childs": False}
        (row,) = self.call("product.product.read", [product], ["quantity"], **context)
        return int(row["quantity"])

    def trade(self, sku: str, quantity: int, origin: str, to: str, **values: Any) -> int:
        """Draft a move from a supplier, or to or from a customer: it has a price."""
        currency = self.find("currency.currency", code="EUR")
        price = {"unit_price": decimal("1"), "currency": currency}
        return self.move(sku, quantity, origin, to, **price, **values)

    def move(self, sku: str, quantity: int, origin: str, to: str, **values: Any) -> int:
        """Draft a move between two locations, by their codes."""
        return self.create(
            "stock.move",
            product=self.find("product.product", code=sku),
            unit=self.find("product.uom", symbol="u"),
            quantity=quantity,
            from_location=self.find("stock.location", code=origin),
            to_location=self.find("stock.location", code=to),
            company=self.find("company.company"),
            **values,
        )

    def add_products(self, *suffixes: str) -> None:
        """Add variants to the product of the template: "-X" makes TS-X."""
        template = self.find("product.template", code="TS")
        variants = [{"template": template, "suffix_code": suffix} for suffix in suffixes]
        self.call("product.product.create", variants)

    def receive_all(self, quantity: int, place: str, *skus: str) -> None:
        """Let goods arrive of several products at once."""
        arrived = [self.trade(sku, quantity, "SUP", place) for sku in skus]
        self.call("stock.move.do", arrived)

    def receive(self, sku: str, quantity: int, place: str) -> int:
        """Let goods arrive from a supplier."""
        move = self.trade(sku, quantity, "SUP", place)
        self.call("stock.move.do", [move])
        return move

    def press(self, model: str, record: int, *buttons: str) -> None:
        """Press buttons of a record, one after the other."""
        for button in buttons:
            self.call(f"{model}.{button}", [record])

    def ship_internally(self, sku: str, quantity: int, origin: str, to: str, **values: Any) -> int:
        """Draft a shipment between two storage locations."""
        source, target = (self.find("stock.location", code=code) for code in (origin, to))
        shipment = self.create(
            "stock.shipment.internal",
            from_location=source,
            to_location=target,
            company=self.find("company.company"),
            **values,
        )
        self.move(sku, quantity, origin, to, shipment=f"stock.shipment.internal,{shipment}")
        return shipment

    def ship_to_customer(self, sku: str, quantity: int, reference: str) -> int:
        """Ship goods out of the warehouse WH, from order to done."""
        customer = self.find("party.party", code="SHOPPERS")
        (address,) = self.call("party.address.search", [["party", "=", customer]], 0, 1, None)
        output = self.find("stock.location", code="OUT")
        shipment = self.create(
            "stock.shipment.out",
            customer=customer,
            delivery_address=address,
            warehouse=self.find("stock.location", code="WH"),
            warehouse_storage=self.find("stock.location", code="STO"),
            warehouse_output=output,
            company=self.find("company.company"),
            reference=reference,
        )
        self.trade(sku, quantity, "OUT", "CUS", shipment=f"stock.shipment.out,{shipment}")
        steps = ("wait", "assign_try", "pick", "pack", "ship", "do")
        self.press("stock.shipment.out", shipment, *steps)
        return shipment

    def purchase(self, sku: str, quantity: int, expected: dict[str, Any]) -> int:
        """Order goods from the supplier, and have the order processed."""
        supplier = self.find("party.party", code="SUPPLIER")
        (address,) = self.call("party.address.search", [["party", "=", supplier]], 0, 1, None)
        unit = self.find("product.uom", symbol="u")
        line = {
            "type": "line", "product": self.find("product.product", code=sku), "unit": unit,
            "quantity": quantity, "unit_price": decimal("5"), "delivery_date_edit": True,
            "delivery_date_store": expected,
        }  # fmt: skip
        purchase = self.create(
            "purchase.purchase",
            party=supplier,
            invoice_address=address,
            invoice_method="manual",
            company=self.find("company.company"),
            currency=self.find("currency.currency", code="EUR"),
            warehouse=self.find("stock.location", code="WH"),
            purchase_date=date(2026, 11, 26),
            lines=[["create", [line]]],
        )
        self.press("purchase.purchase", purchase, "quote", "confirm", "process")
        return purchase

    def receive_purchase(self, purchase: int, quantity: int) -> int:
        """Receive a part of a purchase; returns the shipment."""
        moves = self.read("purchase.purchase", purchase, "moves")["moves"]
        (move,) = moves
        warehouse = self.find("stock.location", code="WH")
        supplier = self.find("party.party", code="SUPPLIER")
        shipment = self.create(
            "stock.shipment.in",
            supplier=supplier,
            warehouse=warehouse,
            warehouse_input=self.find("stock.location", code="IN"),
            warehouse_storage=self.find("stock.location", code="STO"),
            company=self.find("company.company"),
            incoming_moves=[["add", [move]]],
        )
        self.call("stock.move.write", [move], {"quantity": quantity})
        self.press("stock.shipment.in", shipment, "receive", "do")
        return shipment


def decimal(text: str) -> dict[str, str]:
    """A decimal as Tryton's JSON has it."""
    return {"__class__": "Decimal", "decimal": text}


def date(year: int, month: int, day: int) -> dict[str, Any]:
    """A date as Tryton's JSON has it."""
    return {"__class__": "date", "year": year, "month": month, "day": day}


def fill(erp: Erp) -> None:
    """A company, three products, and beside the warehouse WH two stores: ST42, a warehouse with
    one storage location ST42-S, and ST43, a storage location and no more.
    """
    currency = erp.create(
        "currency.currency",
        name="Euro",
        symbol="EUR",
        code="EUR",
        rates=[["create", [{"date": date(2020, 1, 1), "rate": decimal("1")}]]],
    )
    party = erp.create("party.party", name="Holdfast Shops", addresses=[["create", [{}]]])
    company = erp.create("company.company", party=party, currency=currency)
    erp.call("res.user.write", [1], {"companies": [["add", [company]]], "company": company})
    erp.log_in()
    erp.create("party.party", name="Shoppers", code="SHOPPERS", addresses=[["create", [{}]]])
    erp.create("party.party", name="A supplier", code="SUPPLIER", addresses=[["create", [{}]]])
    unit = erp.find("product.uom", symbol="u")
    erp.create(
        "product.template",
        name="T-shirt",
        code="TS",
        type="goods",
        default_uom=unit,
        list_price=decimal("10"),
        salable=True,
        sale_uom=unit,
        purchasable=True,
        purchase_uom=unit,
        products=[["create", [{"suffix_code": sku[2:]} for sku in SKUS]]],
    )
    warehouse = erp.find("stock.location", code="WH")
    erp.create("stock.location", name="Store 43", code="ST43", type="storage", parent=warehouse)
    floor = erp.create("stock.location", name="Store 42 floor", code="ST42-S", type="storage")
    erp.create(
        "stock.location",
        name="Store 42",
        code="ST42",
        type="warehouse",
        input_location=floor,
        output_location=floor,
        storage_location=floor,
    )
    erp.call("stock.location.write", [floor], {"parent": erp.find("stock.location", code="ST42")})
