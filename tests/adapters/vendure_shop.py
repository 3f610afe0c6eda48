"""A real shop that runs Vendure: installed once under build/, with a database copied for each test.

It is a program of its own, reached over GraphQL. Where it cannot be installed, the tests that need
it are skipped and say why.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.edge.node_process import free_port
from tests.real_time import wait_until

BUILD: Final = Path(__file__).parents[2] / "build" / "vendure"
PACKAGES: Final = {"@vendure/core": "3.7.3", "@vendure/create": "3.7.3", "sql.js": "1.16.0"}
USER: Final = "superadmin"
PASSWORD: Final = "made-up for tests"
SETUP_TIMEOUT_S: Final = 600
START_TIMEOUT_S: Final = 120.0

SHOP: Final = """
const { bootstrap, dummyPaymentHandler, DefaultLogger, LogLevel } = require('@vendure/core');
const { populate } = require('@vendure/core/cli');
const [file, port, how] = process.argv.slice(2);
const config = {
  apiOptions: {
    hostname: '127.0.0.1', port: Number(port), adminApiPath: 'admin-api', shopApiPath: 'shop-api',
  },
  authOptions: {
    tokenMethod: ['bearer'],
    superadminCredentials: { identifier: 'superadmin', password: 'made-up for tests' },
    cookieOptions: { secret: 'made-up' },
  },
  dbConnectionOptions: { type: 'sqljs', location: file, autoSave: true, synchronize: true },
  paymentOptions: { paymentMethodHandlers: [dummyPaymentHandler] },
  logger: new DefaultLogger({ level: LogLevel.Warn }),
};
async function main() {
  if (how === 'serve') return bootstrap(config);
  const data = require('@vendure/create/assets/initial-data.json');
  const products = require.resolve('@vendure/create/assets/products.csv');
  await (await populate(() => bootstrap(config), data, products)).close();
  process.exit(0);
}
main().catch(error => { console.error(error); process.exit(1); });
"""

PLACE: Final = (
    (
        "mutation($id: ID!, $quantity: Int!) { addItemToOrder(productVariantId: $id, "
        "quantity: $quantity) { __typename ... on Order { code } } }"
    ),
    (
        'mutation { setCustomerForOrder(input: { emailAddress: "a@example.com", firstName: "A", '
        'lastName: "B" }) { __typename } }'
    ),
    (
        'mutation { setOrderShippingAddress(input: { fullName: "A B", streetLine1: "1 Street", '
        'city: "C", postalCode: "1", countryCode: "US" }) { __typename } }'
    ),
    'mutation { setOrderShippingMethod(shippingMethodId: ["1"]) { __typename } }',
    'mutation { transitionOrderToState(state: "ArrangingPayment") { __typename } }',
    (
        'mutation { addPaymentToOrder(input: { method: "standard-payment", metadata: {} }) '
        "{ __typename ... on Order { code state } } }"
    ),
)


class VendureShop:
    """The shop, and what its people and its buyers do."""

    def __init__(self, url: str, admin: httpx.Client) -> None:
        self.url = url
        self._admin = admin

    def log_in(self) -> None:
        """Begin a session of whoever keeps the shop."""
        query = (
            "mutation($u: String!, $p: String!) { login(username: $u, password: $p) "
            "{ __typename } }"
        )
        answer = self._admin.post(
            "/admin-api", json={"query": query, "variables": {"u": USER, "p": PASSWORD}}
        )
        token = answer.headers["vendure-auth-token"]
        self._admin.headers["Authorization"] = f"Bearer {token}"

    def admin(self, query: str, **variables: Any) -> Any:
        """Ask as whoever keeps the shop."""
        return _asked(self._admin, "/admin-api", query, variables)

    def buy(self, variant: str, quantity: int) -> str:
        """Check out as a guest; the order's code."""
        with httpx.Client(base_url=self.url, timeout=60.0) as buyer:
            answer: Any = None
            for query in PLACE:
                named = {"id": variant, "quantity": quantity} if "$id" in query else {}
                answer = _asked(buyer, "/shop-api", query, named)
            found = answer["addPaymentToOrder"]
            assert "PaymentAuthorized" == found["state"]
            return str(found["code"])

    def level(self, variant: str) -> dict[str, Any]:
        """The stock level of a variant at its first location."""
        query = (
            "query($id: ID!) { productVariant(id: $id) { sku stockLevels "
            "{ stockLocationId stockOnHand stockAllocated } } }"
        )
        found = self.admin(query, id=variant)["productVariant"]
        return {"sku": found["sku"], **found["stockLevels"][0]}


def _asked(http: httpx.Client, path: str, query: str, variables: Any) -> Any:
    answer = http.post(path, json={"query": query, "variables": variables})
    if token := answer.headers.get("vendure-auth-token"):
        http.headers["Authorization"] = f"Bearer {token}"
    document = answer.json()
    assert "errors" not in document, document
    return document["data"]


@contextmanager
def running_vendure(folder: Path) -> Iterator[VendureShop]:
    """A shop of the caller's own. Skips where there is none."""
    template = _template()
    folder.mkdir(parents=True, exist_ok=True)
    database = shutil.copy(template, folder / "shop.sqlite")
    port = free_port()
    with (folder / "shop.log").open("w") as log:
        command = ["node", "shop.js", str(database), str(port), "serve"]
        process = subprocess.Popen(command, cwd=BUILD, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until(lambda: _answers(url), "Vendure answers", START_TIMEOUT_S)
            with httpx.Client(base_url=url, timeout=60.0) as http:
                shop = VendureShop(url, http)
                shop.log_in()
                yield shop
        finally:
            process.terminate()
            process.wait()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health").status_code < 500
    except httpx.TransportError:
        return False


def _template() -> Path:
    """A database with a catalogue, made once."""
    template = BUILD / "template.sqlite"
    if template.exists():
        return template
    if shutil.which("npm") is None:
        pytest.skip("Vendure comes by npm, which is not here")
    BUILD.mkdir(parents=True, exist_ok=True)
    (BUILD / "package.json").write_text(json.dumps({"private": True, "dependencies": PACKAGES}))
    (BUILD / "shop.js").write_text(SHOP)
    begun = BUILD / "begun.sqlite"
    begun.unlink(missing_ok=True)
    for command in (
        ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund"],
        ["node", "shop.js", str(begun), str(free_port()), "populate"],
    ):
        done = subprocess.run(
            command, cwd=BUILD, capture_output=True, text=True, timeout=SETUP_TIMEOUT_S, check=False
        )
        if done.returncode:
            pytest.skip(f"Vendure cannot be set up: {done.stderr[-300:]}")
    os.replace(begun, template)
    return template
