"""What `tessera doctor` says: how things are and, where there is something to do, what.

Pure. Each is a pair (what, do); `do` is empty where nothing needs doing. No token is ever handed in here.
"""

from collections.abc import Sequence

Said = tuple[str, str]

_EXTRA = "make setup, or: pip install 'tessera[worker]'"
AGAIN = "Try again in a few minutes."
NETWORK = "Is the network up? Then try again."


def sums_up(levels: Sequence[str]) -> str:
    """The last line."""
    blocking, problems = levels.count("blocks"), levels.count("problem")
    if blocking:
        return f"{blocking} {'thing blocks' if blocking == 1 else 'things block'}; what to do stands behind the arrows."
    if problems:
        return f"Nothing blocks; {problems} {'thing is' if problems == 1 else 'things are'} worth mending."
    return "Nothing blocks."


# Files.


def settings_wrong(error: object) -> Said:
    """The configuration cannot be read."""
    return f"{error}.", "Correct it; nothing else can be looked at before."


def no_settings_file() -> Said:
    """There is no tessera.toml."""
    return "There is no tessera.toml; defaults and TESSERA_… variables are in force.", ""


def settings_file(path: object) -> Said:
    """Which file is in force."""
    return f"{path} is in force.", ""


def unknown_tables(path: object, names: Sequence[str]) -> Said:
    """A table or key at the top of the file that nobody reads, perhaps misspelt."""
    return f"{path} has {', '.join(names)}, which nothing reads.", "Look at its spelling, or take it out."


def token_in_settings(path: object) -> Said:
    """A secret where none belongs."""
    return (
        f"{path} holds what looks like a token.",
        "Take it out, give it in the environment instead, and replace it where it was issued.",
    )


def no_home(folder: object) -> Said:
    """The home folder is yet to be made."""
    return f"{folder} does not exist yet; it is made at the first start.", ""


def home_closed(folder: object) -> Said:
    """The home folder is not ours."""
    return f"{folder} cannot be written to.", "Change its owner, or name another in TESSERA_HOME."


def home_good(folder: object) -> Said:
    """The home folder is ours."""
    return f"{folder} can be written to.", ""


def others_may_read(path: object, mode: str) -> Said:
    """Permissions are too wide; `mode` is what they should be."""
    return f"Others on this machine can read {path}.", f"chmod {mode} {path}"


def no_database() -> Said:
    """There is no SQLite file."""
    return "There is none yet; tessera run makes it.", "For tessera bot alone: tessera migrate"


def database_closed(path: object, why: object) -> Said:
    """SQLite cannot open or use the file."""
    return f"{path} cannot be used: {why}.", "Restore it from a copy, or free what holds it."


def database_damaged(path: object, why: object) -> Said:
    """SQLite finds the file damaged."""
    return f"{path} is damaged: {why}.", "Restore it from a copy."


def database_old(path: object, count: int) -> Said:
    """Migrations are to be applied."""
    return f"{path} lacks {count} {'migration' if count == 1 else 'migrations'}.", "tessera migrate"


def database_good(path: object) -> Said:
    """All is well."""
    return f"{path} is whole and up to date.", ""


def secret_unreadable(error: object, name: str) -> Said:
    """NAME_FILE names something that cannot be read."""
    return f"{error}.", f"Correct {name}_FILE, or take it away."


# Redis, artifacts.


def redis_silent(where: str, why: str) -> Said:
    """The configured Redis does not answer."""
    return f"{where} does not answer ({why}).", "Start it, or correct redis_url."


def redis_good(where: str, version: str) -> Said:
    """The configured Redis answers."""
    return f"{where} answers, version {version}.", ""


def redis_forgets(policy: str) -> Said:
    """The configured Redis evicts keys."""
    return (
        f"It drops keys when it is full ({policy}); waiting jobs would have to be queued again and again.",
        "Set maxmemory-policy noeviction.",
    )


def redis_none(how: object) -> Said:
    """No Redis is configured and none can be started."""
    return "None is configured, and none can be started here.", str(how)


def redis_bundled(path: object, version: str, *, runs: bool) -> Said:
    """`tessera run` brings one."""
    return f"tessera run starts {path}, version {version}.{' It is running.' if runs else ''}", ""


def no_artifacts_yet() -> Said:
    """The default store is yet to be made."""
    return "Pictures go to the home folder, which is made at the first start.", ""


def artifacts_need(where: str, command: str) -> Said:
    """The store's fsspec driver is not installed."""
    return f"{where} needs a package that is not installed.", command


def artifacts_closed(where: str, why: str) -> Said:
    """The store does not keep what it is given."""
    return f"{where} cannot be written and read ({why}).", "Correct artifacts_url."


def artifacts_good(where: str) -> Said:
    """The store works."""
    return f"{where} can be written and read.", ""


# Models, checks, workers.


def catalogue_wrong(error: object) -> Said:
    """A catalogue file or the offer is wrong."""
    return f"{str(error).rstrip('.')}.", "Correct the catalogue or models.offer."


def nothing_to_draw_with() -> Said:
    """No offered model works."""
    return "None of the offered models can be drawn with.", "Mend one of them, or offer another."


def model_served(name: str) -> Said:
    """A worker that is up serves it."""
    return f"{name}: a worker is up for it.", ""


def model_needs(name: str, lacking: Sequence[str], extra: str) -> Said:
    """Libraries are missing; `extra` is what brings them."""
    are = "is" if len(lacking) == 1 else "are"
    what = f"{name}: {', '.join(lacking)} {are} not installed here, and no worker elsewhere is up."
    return what, _EXTRA if extra == "worker" else f".venv/bin/pip install -c constraints.txt -e '.[{extra}]'"


def model_keyed(name: str, provider: str) -> Said:
    """A closed model with its key."""
    return f"{name}: the key is set; prompts go to {provider}.", ""


def model_elsewhere(name: str, provider: str) -> Said:
    """A model that others serve without a key."""
    return f"{name}: needs no key; prompts go to {provider}.", ""


def model_without_key(name: str, key: str) -> Said:
    """A closed model without its key."""
    return f"{name}: {key} is not set.", "Set it where the worker runs."


def model_shipped(name: str) -> Said:
    """A model that comes with the project."""
    return f"{name}: its weights came with Tessera.", ""


def shipped_model_gone(name: str, where: object) -> Said:
    """A model that should have come with the project did not."""
    return f"{name}: its weights should be in {where} and are not.", "Install Tessera again, or correct the entry."


def model_there(name: str, where: object) -> Said:
    """Its weights are there."""
    return f"{name}: its weights are in {where}.", ""


def model_no_pipeline(name: str, folder: object) -> Said:
    """The folder is not in diffusers' layout."""
    return f"{name}: {folder} is no pipeline folder.", "It needs diffusers' model_index.json."


def model_gone(name: str, folder: object) -> Said:
    """The folder is not there."""
    return f"{name}: {folder} does not exist.", "Put the weights there, or correct the entry."


def model_fetched_later(name: str) -> Said:
    """Its weights are at the hub."""
    return f"{name}: its weights are fetched from the hub when first needed.", ""


def no_check(titles: Sequence[str]) -> Said:
    """No image check for models that can depict something."""
    return (
        f"None is set, so every picture of {' and '.join(titles)} will be held back, never shown.",
        "Set checks.safety_checker or checks.openai_moderation in tessera.toml.",
    )


def no_check_needed() -> Said:
    """No image check, and none needed."""
    return "None is set; the models offered draw only small worlds of their own, so none is needed.", ""


def check_gone(source: str) -> Said:
    """The safety checker's folder is not there."""
    return (
        f"The safety checker's folder {source} does not exist, so every picture will be held back.",
        "Correct checks.safety_checker.",
    )


def check_no_checker(folder: object) -> Said:
    """The safety checker's folder holds something else."""
    return (
        f"{folder} is no safety checker (it has no config.json), so every picture will be held back.",
        "Correct checks.safety_checker.",
    )


def check_there(folder: object) -> Said:
    """The safety checker is there."""
    return f"The safety checker in {folder} looks at every picture.", ""


def check_fetched_later(source: str) -> Said:
    """The safety checker is at the hub."""
    return f"The safety checker {source} looks at every picture; it is fetched from the hub when first needed.", ""


def openai_check() -> Said:
    """OpenAI's moderation, with its key."""
    return "OpenAI's moderation looks at every picture.", ""


def openai_check_without_key() -> Said:
    """OpenAI's moderation, without its key."""
    return "OpenAI's moderation has no key, so every picture will be held back.", "Set OPENAI_API_KEY."


def worker_up(worker_id: str, pools: Sequence[str], device: str) -> Said:
    """A worker gave a sign of life."""
    on = f", on {device}" if device else ""
    return f"{worker_id} is up (pools {', '.join(pools)}{on}).", ""


def no_worker() -> Said:
    """None is up, one could be."""
    return "None is running; what one needs is installed here.", "tessera run, or tessera worker"


def no_worker_possible() -> Said:
    """None is up, none could be."""
    return "None is running, and what one needs is not installed here.", _EXTRA
