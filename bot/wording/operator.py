"""What an operator reads at the command line.

Pure: values in, plain sentences out. Every sentence about something wrong ends with what to do.
"""

import signal
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from bot.wording.numbers import dollars, seconds
from bot.wording.refusals import shorten

NO_FRONT: Final = "Nothing is running here. Start it with: make run, or tessera run"
FRONT_AWAY: Final = "The front is away; the request is kept. Waiting for it to come back."
CANCELLING: Final = "Cancelling. Ctrl-C again leaves without waiting."
TOO_LATE: Final = "It is too late to cancel: this request is decided already."
LEFTOVERS: Final = "The last run was killed and is still being put away. A moment."
STOPPING: Final = "Stopping. What is being drawn is finished first; Ctrl-C again stops at once."
STOPPED: Final = "Stopped."
STARTING: Final = "Starting Redis, the front and a worker."
STARTING_WITHOUT_REDIS: Final = "Starting the front and a worker."
NO_CHECKOUT: Final = "The benchmarks run from a checkout of the source, and this is an installed copy."
LEDGER_SOUND: Final = "The ledger is sound: what was held is settled or released, and no allowance was overspent."
SAY_WHAT: Final = "Say what you would like to see, or name a request with --wait."
SAY_FOR_WHOM: Final = "Say for whom: --everyone, --role or --member."
AMOUNT_OR_DEFAULT: Final = "AMOUNT is a whole number, or default."
WORKSPACE_FORM: Final = "--workspace is written like discord:123456789 or slack:T0123ABCD."
NOT_UNDERSTOOD: Final = "The front that runs here is of another version. Restart it, then ask again."

_INSTALL = {
    "darwin": "brew install redis",
    "linux": "apt install redis-server (Debian, Ubuntu), dnf install redis (Fedora) or apk add redis (Alpine)",
}
_PLATFORMS = {"discord": "Discord", "slack": "Slack", "terminal": "terminal"}


def no_redis_server(platform: str) -> str:
    """There is no bundled redis-server for this platform and none on PATH; `platform` is `sys.platform`."""
    how = _INSTALL.get(platform, "your system's package manager")
    return f"No redis-server runs here. Install one with {how}, or name another Redis in TESSERA_REDIS_URL."


def redis_failed(last_words: str) -> str:
    """The bundled Redis did not come up."""
    said = f" It said: {last_words}" if last_words else ""
    return f"The redis-server does not come up.{said}"


def redis_stale(socket: object) -> str:
    """Somebody else's Redis sits on our socket and stays."""
    return f"Another redis-server holds {socket} and does not stop. End it, then try again."


def already_up(owner: str) -> str:
    """A second supervisor was started in the same folder."""
    return f"Tessera is running in this folder already (process {owner}). TESSERA_HOME names another folder."


def child_refused(name: str) -> str:
    """A child cannot work as configured, and said so itself."""
    return f"The {name} cannot start as configured; its own message says why. Stopping."


def child_ended(name: str, code: int, pause_s: float) -> str:
    """A child ended without being told to."""
    how = f"was ended by {_signal_name(-code)}" if code < 0 else f"ended with code {code}"
    return f"The {name} {how}; it is started again in {seconds(pause_s)}. Nothing is lost."


def child_did_not_start(name: str, why: str, pause_s: float) -> str:
    """Starting a child again failed."""
    return f"The {name} did not start again ({why}); another try in {seconds(pause_s)}."


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def up(status: Mapping[str, Any], home: object, *, bundled_redis: bool, program: str) -> tuple[str, ...]:
    """What `tessera run` says once everything is up; `program` is how this machine's shell finds us."""
    where = "its own, on a socket" if bundled_redis else "the configured one"
    return (
        "Tessera is up.",
        f"  Adapters  {adapters(status['adapters'])}",
        f"  Models    {models(status['models'])}",
        f"  Workers   {workers(status['workers'])}",
        f"  Redis     {where}",
        f"  Data      {home}",
        f'  Try       {program} imagine "a red boat"      (in another terminal)',
        "  Stop      Ctrl-C",
    )


def adapters(ready: Mapping[str, bool]) -> str:
    """`Discord, terminal`; one that has no connection yet says so."""
    return ", ".join(
        _PLATFORMS.get(name, name) + ("" if is_ready else " (not connected yet)") for name, is_ready in ready.items()
    )


def models(offered: Iterable[Mapping[str, Any]]) -> str:
    """The titles, the default first."""
    return ", ".join(str(model["title"]) for model in offered)


def workers(alive: Sequence[Mapping[str, Any]] | None) -> str:
    """`vm (pool gpu, on cpu)`; None while Redis does not answer."""
    if alive is None:
        return "unknown, Redis does not answer"
    if not alive:
        return "none yet"
    return ", ".join(map(_worker, alive))


def _worker(worker: Mapping[str, Any]) -> str:
    pools = f"{'pool' if len(worker['pools']) == 1 else 'pools'} {' and '.join(worker['pools'])}"
    on = f", on {worker['device']}" if worker["device"] else ""
    return f"{worker['host']} ({pools}{on})"


def requests(counts: Mapping[str, int]) -> str:
    """`2 queued, 1 being told, 0 held`."""
    names = {"queued": "queued", "telling": "being told", "held": "held for a look"}
    return ", ".join(f"{count} {names.get(state, state)}" for state, count in counts.items())


def not_answering(request_id: str) -> str:
    """The front stayed away for too long."""
    return f"The front has not come back. The request is kept; ask for it later: tessera imagine --wait {request_id}"


def no_such_request(request_id: str) -> str:
    """`--wait` names a request that was never asked."""
    return f"There is no request {request_id} here."


def left(request_id: str) -> str:
    """Somebody pressed Ctrl-C twice."""
    return f"Left. If it was not cancelled in time, the picture comes all the same: tessera imagine --wait {request_id}"


def not_copied(files: Sequence[str], why: str) -> str:
    """`--out` names a folder that cannot be written."""
    return f"The pictures are at {', '.join(files)}; they cannot be copied ({why})."


def log_level_wrong(level: str, levels: Sequence[str]) -> str:
    """TESSERA_LOG is none of the levels."""
    return f"TESSERA_LOG is “{level}”; it can be {', '.join(levels)}."


def timeline(moments: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """One line a moment, in seconds since the first."""
    if not moments:
        return ()
    start = moments[0]["at"]
    return tuple(
        f"  {(moment['at'] - start) / 1000:7.2f} s  {moment['name']} {moment['detail']}".rstrip() for moment in moments
    )


def demo_begins(home: object) -> str:
    """The demo's first words."""
    return f"Starting Redis, the front and a worker in {home}."


def demo_asks(prompt: str) -> str:
    """What the demo asks for."""
    return f"Everything is up. Asking for “{shorten(prompt, 200)}”."


def demo_not_up(logs: object, last_words: str) -> str:
    """The chain did not come up; `last_words` are those of the process that stands in the way, where one does."""
    return f"The demo did not come up.{f' {last_words}' if last_words else ''} The logs are in {logs}."


def demo_left() -> str:
    """Somebody pressed Ctrl-C twice."""
    return "Left. Everything is stopped again."


def demo_done(*, real_model: bool) -> tuple[str, ...]:
    """The demo's last words when there is a picture."""
    if real_model:
        return ("Everything is stopped again. To keep it running: make run",)
    return (
        "This model is small: trained by the project on its own drawings, it knows twelve subjects in eight places.",
        "A larger model: TESSERA_DEMO_MODEL=<diffusers folder or hub id> make demo",
        "Everything is stopped again. To keep it running: make run",
    )


def demo_without_picture(logs: object, *, held: bool) -> tuple[str, ...]:
    """The demo's last words when there is none; `held` means that no image check could look at it."""
    if held:
        return (
            "Nothing could look at the picture, and what nobody could look at is held, never shown.",
            "Name a safety check for it: TESSERA_CHECKS__SAFETY_CHECKER=<folder or hub id of a safety checker>",
        )
    return (f"The logs are in {logs}.",)


def unexpected(event: str, place: object | None) -> str:
    """Something broke that nobody foresaw."""
    where = f" The details are in {place}." if place else ""
    return f"Something went wrong on our side (event {event}).{where} TESSERA_DEBUG=1 shows them here."


def migrated(applied: Sequence[str], path: object) -> tuple[str, ...]:
    """What `tessera migrate` did."""
    if not applied:
        return (f"{path} is up to date.",)
    return (f"{path}: {_migrations(len(applied))} applied.", *(f"  {name}" for name in applied))


def _migrations(count: int) -> str:
    return "1 migration" if count == 1 else f"{count} migrations"


def to_migrate(pending: Sequence[str], path: object) -> tuple[str, ...]:
    """What `tessera migrate` would do."""
    if not pending:
        return (f"{path} is up to date.",)
    return (f"{path}: {_migrations(len(pending))} to apply.", *(f"  {name}" for name in pending))


def model(row: Mapping[str, Any], *, is_default: bool) -> tuple[str, ...]:
    """`tessera models`: three lines a model, a fourth for one that is open in more than its weights."""
    offered = (
        "offered, the default" if is_default else "offered" if row["offered"] else f"not offered: {row['why_not']}"
    )
    openness = {"open_source": "open source", "open_weight": "open weight"}.get(row["openness"], "closed, by API")
    price = "price unknown" if row["price_per_image"] is None else _price(row["price_per_image"])
    facts = (openness, row["licence"], f"prompts go to {row['prompt_goes_to']}", price, ", ".join(row["sizes"]))
    return (
        f"{row['id']}  {row['title']}, {row['maker']}",
        f"    {offered}",
        f"    {' · '.join(facts)} · checked {row['checked_at']}",
        *([f"    {row['source']}"] if row["source"] else []),
    )


def _price(millionths: int) -> str:
    return f"about {dollars(millionths)} a picture" if millionths else "no charge"


def absent(title: str, why: str, instead: str) -> tuple[str, ...]:
    """`tessera models`: a name that people ask for and nobody can serve."""
    return (f"{title}", f"    not to be had: {why}", *([f"    instead: {instead}"] if instead else []))


def ledger_broken(violations: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """`tessera quota audit` found entries that should be impossible."""
    return (
        f"Entries in the ledger that should be impossible: {len(violations)}",
        *(f"  {each['account']}, {each['bucket']}, {each['request_id']}: {each['sentence']}" for each in violations),
    )


def status(said: Mapping[str, Any]) -> tuple[str, ...]:
    """What `tessera status` says."""
    return (
        f"Adapters  {adapters(said['adapters'])}",
        f"Models    {models(said['models'])}",
        f"Workers   {workers(said['workers'])}",
        f"Requests  {requests(said['requests'])}",
    )
