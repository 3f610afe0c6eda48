"""adapters.toml: which adapters run, where their partners are, and their limits.

Rules of this file: all that is wrong is reported at once, by key, value and what would be right. An
unknown key is refused: a misspelt limit is worse than none. A secret stands in a file or in the
environment, and is not shown by anything here.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from holdfast.edge.addresses import split_address

from .. import mapping_files
from ..agents.agents_options import AgentsOptions
from ..contract import FLOWS, Adapter
from ..intake.folder_options import FolderOptions
from ..intake.nats import NatsOptions
from ..intake.secret_places import Secret, read_secret
from ..intake.sqs import SqsOptions
from ..mapping import Tables
from ..publishing.publish_options import PublishOptions
from .settings_problems import problems_of

#: Kinds that come with Holdfast. Others are named as "module:NAME".
KINDS: Final[Mapping[str, str]] = {
    "amazon": "holdfast.adapters.systems.amazon.channel:LISTINGS",
    "amazon-external": "holdfast.adapters.systems.amazon.channel:LOCATIONS",
    "amazon-orders": "holdfast.adapters.systems.amazon.channel:ORDERS",
    "cloudevents": "holdfast.adapters.intake.cloudevents:ADAPTER",
    "d365": "holdfast.adapters.systems.d365:ADAPTER",
    "edifact": "holdfast.adapters.intake.edifact:ADAPTER",
    "epcis": "holdfast.adapters.intake.epcis:ADAPTER",
    "netsuite": "holdfast.adapters.systems.netsuite:ADAPTER",
    "odoo": "holdfast.adapters.systems.odoo:ADAPTER",
    "poslog": "holdfast.adapters.intake.poslog:ADAPTER",
    "rows": "holdfast.adapters.intake.rows:ADAPTER",
    "sap-deliveries": "holdfast.adapters.systems.sap_odata:DELIVERIES",
    "sap-idoc": "holdfast.adapters.systems.sap_idoc:ADAPTER",
    "sap-movements": "holdfast.adapters.systems.sap_odata:MOVEMENTS",
    "shopify": "holdfast.adapters.systems.shopify.kinds:SHOP",
    "shopify-app": "holdfast.adapters.systems.shopify.kinds:SHOP_OF_APP",
    "shopify-app-orders": "holdfast.adapters.systems.shopify.kinds:ORDERS_OF_APP",
    "shopify-orders": "holdfast.adapters.systems.shopify.kinds:ORDERS",
    "square": "holdfast.adapters.systems.square:ADAPTER",
    "square-changes": "holdfast.adapters.systems.square_changes:ADAPTER",
    "tryton": "holdfast.adapters.systems.tryton.moves:ADAPTER",
    "tryton-stock": "holdfast.adapters.systems.tryton.stock:ADAPTER",
    "vendure": "holdfast.adapters.systems.vendure:ADAPTER",
    "walmart": "holdfast.adapters.systems.walmart.webhooks:ADAPTER",
    "walmart-orders": "holdfast.adapters.systems.walmart.orders:ADAPTER",
    "webhook": "holdfast.adapters.intake.webhook:ADAPTER",
    "x12": "holdfast.adapters.intake.x12:ADAPTER",
}

#: What may bring an adapter's messages, and the library that it needs.
SOURCES: Final[Mapping[str, str]] = {"folder": "os", "nats": "nats", "sqs": "aiobotocore"}

NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,62}")


class ConfigError(Exception):
    """The settings are not usable; the text says what to change, one problem a line."""


class Objective(BaseModel):
    """A service level of a flow: this share of its events is delivered within so many seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seconds: Annotated[float, Field(gt=0, le=86_400)]
    share: Annotated[float, Field(gt=0, le=1)]


class AdapterSettings(BaseModel):
    """One adapter."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    mappings: tuple[Path, ...] = ()
    depth_max: Annotated[int, Field(ge=1, le=10_000_000)] = 100_000
    """Messages that may wait."""
    body_max_kib: Annotated[int, Field(ge=1, le=1_048_576)] = 1_024
    rate_max: Annotated[float, Field(gt=0, le=1_000_000)] = 1_000
    """Requests a second that are taken in."""
    folder: FolderOptions | None = None
    """A drop folder that is read."""
    sqs: SqsOptions | None = None
    """A queue of Amazon SQS that is read."""
    nats: NatsOptions | None = None
    """A consumer of NATS JetStream that is read."""
    url: str = ""
    """Base address of the partner, to be polled and sent to."""
    every_s: Annotated[float, Field(ge=0.05, le=86_400)] = 30.0
    """Seconds between polls."""
    calls_per_s: Annotated[float, Field(gt=0, le=10_000)] = 10.0
    """Requests a second to the partner; what its answers say comes first."""
    publish: PublishOptions | None = None
    """What a channel is told to show."""
    options: dict[str, Any] = {}
    secrets: dict[str, Secret] = {}

    @property
    def body_bytes_max(self) -> int:
        """How long a body may be that comes over HTTP or from a queue."""
        return self.body_max_kib << 10

    @property
    def has_queue(self) -> bool:
        """Whether its messages come from a queue."""
        return self.sqs is not None or self.nats is not None

    @property
    def sources(self) -> list[str]:
        """What brings its messages, if it is not its partner over HTTP: one of SOURCES."""
        return [name for name in SOURCES if getattr(self, name) is not None]


def _checked_address(address: str) -> str:
    try:
        split_address(address)
    except ValueError as error:
        raise ValueError(f"{error}: expected host:port, an IPv6 host in brackets") from error
    return address


class Settings(BaseModel):
    """All of adapters.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data_dir: Path = Path("adapters-data")
    target: str = "127.0.0.1:50051"
    """The node."""
    http_address: Annotated[str, AfterValidator(_checked_address)] = "127.0.0.1:8081"
    """Where intakes, metrics and status are."""
    store_mib: Annotated[int, Field(ge=16, le=1_048_576)] = 4_096
    """How large the store may become; room is taken as it is needed."""
    window_days: Annotated[int, Field(ge=1, le=365)] = 30
    """How long the keys of messages are remembered."""
    objectives: dict[str, Objective] = {}
    agents: AgentsOptions | None = None
    """The hook for shopping agents."""
    adapters: dict[str, AdapterSettings] = {}

    @property
    def store_bytes(self) -> int:
        """How large the store may become."""
        return self.store_mib << 20


@dataclass(frozen=True, slots=True)
class Configured:
    """An adapter with all that it needs."""

    name: str
    adapter: Adapter
    settings: AdapterSettings
    options: BaseModel
    secrets: Mapping[str, str]


def load(path: Path) -> tuple[Settings, list[Configured]]:
    """Read adapters.toml. Paths in it are relative to its folder. Raises ConfigError."""
    try:
        given = tomllib.loads(path.read_text("utf-8-sig"))
        if nul := list(_with_nul("", given)):
            raise ConfigError("\n".join(f"{path}: {key} has a NUL: expected text" for key in nul))
        settings = Settings.model_validate(given)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error
    except ValidationError as error:
        raise ConfigError("\n".join(problems_of(f"{path}: ", error, Settings))) from error
    problems: list[str] = []
    configured = list(_configured(path, settings, problems))
    problems += [
        f"{path}: objectives.{flow}: no such flow: expected one of {', '.join(FLOWS)}"
        for flow in settings.objectives
        if flow not in FLOWS
    ]
    problems += _agents_problems(path, settings)
    if not settings.adapters and settings.agents is None:
        problems.append(f"{path} names no adapters: add [adapters.NAME] with a kind")
    if problems:
        raise ConfigError("\n".join(problems))
    return _based(settings, path.parent), configured


def _with_nul(key: str, value: Any) -> Iterator[str]:
    """Keys whose text has a character that no path, variable or name may have."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _with_nul(f"{key}.{name}".lstrip("."), each)
    elif isinstance(value, list):
        for place, each in enumerate(value):
            yield from _with_nul(f"{key}.{place}", each)
    elif isinstance(value, str) and "\0" in value:
        yield key


def find(kind: str) -> Adapter:
    """The adapter of a kind. Raises ConfigError."""
    module, colon, name = KINDS.get(kind, kind).partition(":")
    if not colon:
        known = ", ".join(sorted(KINDS))
        raise ConfigError(f"no adapter is called {kind!r}: expected {known}, or module:NAME")
    try:
        adapter = getattr(import_module(module), name)
    except (Exception, SystemExit) as error:  # somebody's own module may fail in any way
        raise ConfigError(f"{kind!r} cannot be loaded: {error}") from error
    if not isinstance(adapter, Adapter):
        raise ConfigError(f"{kind!r} is a {type(adapter).__name__}, no Adapter")
    return adapter


def read_tables(where: str, paths: Iterable[Path]) -> Tables:
    """The mapping tables of some files. Raises ConfigError with all that is wrong in them."""
    try:
        return mapping_files.tables({str(path): _table_text(where, path) for path in paths})
    except mapping_files.BadTables as error:
        raise ConfigError(f"{where}:\n{error}") from error


def _table_text(where: str, path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise ConfigError(f"{where}: {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{where}: {path} is not UTF-8: {error.reason}") from error


def _configured(path: Path, settings: Settings, problems: list[str]) -> Iterator[Configured]:
    for name, each in settings.adapters.items():
        where = f"{path}: adapters.{name}"
        if not NAME.fullmatch(name):
            problems.append(f"{where}: expected small letters, digits and dashes, up to 63")
        try:
            adapter = find(each.kind)
            options = adapter.options.model_validate(each.options)
        except ConfigError as error:
            problems.append(f"{where}.kind: {error}")
            continue
        except ValidationError as error:
            problems += problems_of(f"{where}.options.", error, adapter.options)
            continue
        verify = getattr(options, "verify", None)
        if verify is not None and verify.scheme != "none" and verify.secret not in each.secrets:
            # What stands there may be the secret itself: it is not shown.
            problems.append(f"{where}.options.verify.secret: expected the name of a secret of it")
        problems += _source_problems(where, each)
        if adapter.poll or adapter.outbound or each.publish:
            problems += _url_problems(where, each.url)
        if each.publish is not None and adapter.publish is None:
            problems.append(
                f"{where}.publish: {each.kind} is not a channel: nothing is published to it"
            )
        problems += _orders_problems(where, each, settings)
        secrets = dict(_secrets(where, path.parent, adapter, each, problems))
        yield Configured(name, adapter, _based(each, path.parent), options, secrets)


def _orders_problems(where: str, each: AdapterSettings, settings: Settings) -> Iterator[str]:
    for name in each.publish.orders if each.publish else ():
        if name not in settings.adapters:
            expected = ", ".join(settings.adapters)
            yield f"{where}.publish.orders: no adapter is called {name!r}: expected {expected}"


def _source_problems(where: str, settings: AdapterSettings) -> Iterator[str]:
    sources = settings.sources
    if len(sources) > 1:
        yield f"{where}: {' and '.join(sources)}: expected one of them"
    for source in sources:
        if find_spec(SOURCES[source]) is None:
            yield f"{where}.{source}: needs pip install 'holdfast[adapters-{source}]'"
    if settings.folder and settings.folder.sftp and find_spec("asyncssh") is None:
        yield f"{where}.folder.sftp: needs pip install 'holdfast[sftp]'"


def _url_problems(where: str, url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
        is_fit = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_fit = False
    if not is_fit:
        shown = f" is {url!r}" if "@" not in url else ""
        yield f"{where}.url{shown}: expected the partner's address, such as https://erp.example"


def _secrets(
    where: str, folder: Path, adapter: Adapter, settings: AdapterSettings, problems: list[str]
) -> Iterator[tuple[str, str]]:
    for name in sorted({*adapter.secrets, *settings.secrets}):
        try:
            yield name, read_secret(settings.secrets.get(name), folder)
        except ValueError as error:
            problems.append(f"{where}.secrets.{name}: {error}")


def _agents_problems(path: Path, settings: Settings) -> Iterator[str]:
    if settings.agents is None:
        return
    for name, secret in settings.agents.secrets.items():
        try:
            read_secret(secret, path.parent)
        except ValueError as error:
            yield f"{path}: agents.{name}: {error}"


def _based(settings: Any, folder: Path) -> Any:
    """The settings with their paths relative to a folder."""
    changes: dict[str, Any] = {}
    if isinstance(settings, Settings):
        changes["data_dir"] = folder / settings.data_dir
        if settings.agents is not None:
            changes["agents"] = settings.agents.based(folder)
    if isinstance(settings, AdapterSettings):
        changes["mappings"] = tuple(folder / mapping for mapping in settings.mappings)
        if (drop := settings.folder) is not None:
            changes["folder"] = _based_folder(drop, folder)
    return settings.model_copy(update=changes)


def _based_folder(drop: FolderOptions, folder: Path) -> FolderOptions:
    """A drop folder with its paths relative to a folder."""
    sftp = drop.sftp
    if sftp is not None:
        keys = {"key": folder / sftp.key, "known_hosts": folder / sftp.known_hosts}
        sftp = sftp.model_copy(update=keys)
    return drop.model_copy(update={"path": folder / drop.path, "sftp": sftp})
